"""The state of an outcome machine as named parts of bytes.

    outcomes/state      clock, counts, open windows, groups, classes
    outcomes/rows       the rows of panes, their delay tables, and ranked lists
    outcomes/waiting    marks, and operations that were read and could not be joined yet

Facts are in the join store and not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.processors.arrays import F64, I32, I64
from driftline.processors.outcomes.operations import Operations, no_operations
from driftline.processors.outcomes.schedule import Due
from driftline.processors.performance.ranked_lists import LIST_COLUMNS
from driftline.processors.segments import Segment
from driftline.processors.snapshot import pack_arrays, unpack_arrays
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.inputs import Input

STATE: Final = "outcomes/state"
ROWS: Final = "outcomes/rows"
WAITING: Final = "outcomes/waiting"

KeptRows: TypeAlias = tuple[F64, I64, I32, I64]
"""sums, pane, group, changed: see `pane_rows`."""

_ROW_ARRAYS: Final = ("sums", "pane", "group", "changed")
_LISTS: Final = "lists/"
_RELEASED: Final = "released"


class OutcomeState(msgspec.Struct, frozen=True, kw_only=True):
    """clock, counts: see `fold`. dues: see `schedule.Due`. groups: (segment set, label) by number."""

    clock: list[int]
    counts: list[int]
    expired: tuple[int, int]
    dues: list[Due]
    groups: list[Segment]
    classes: list[str]
    since_ms: int | None
    first_offset: int


class Kept(NamedTuple):
    """Everything that is kept."""

    state: OutcomeState
    rows: KeptRows
    delays: KeptRows
    lists: Mapping[str, NDArray[np.generic]]
    marks: I64
    released: Operations
    held: Mapping[Input, Operations]


def encode_parts(kept: Kept) -> dict[str, bytes]:
    """The parts by name."""
    waiting: dict[str, NDArray[np.generic]] = {"marks": kept.marks}
    for name, operations in ((_RELEASED, kept.released), *kept.held.items()):
        waiting |= {f"{name}/{field}": column for field, column in operations._asdict().items()}
    return {
        STATE: msgspec.msgpack.encode(kept.state),
        ROWS: pack_arrays(
            {
                **_named("rows", kept.rows),
                **_named("delays", kept.delays),
                **{f"{_LISTS}{name}": array for name, array in kept.lists.items()},
            }
        ),
        WAITING: pack_arrays(waiting),
    }


def decode_parts(parts: Mapping[str, bytes], width: int, delays: int, groups: int) -> Kept:
    """What `encode_parts` was given, for rows and delay tables of these widths and so many groups.

    Raises DamagedSnapshot.
    """
    try:
        state = msgspec.msgpack.decode(parts[STATE], type=OutcomeState)
        rows, waiting = unpack_arrays(parts[ROWS]), unpack_arrays(parts[WAITING])
        kept = Kept(
            state=state,
            rows=_kept_rows(rows, "rows"),
            delays=_kept_rows(rows, "delays"),
            lists={name: rows[f"{_LISTS}{name}"] for name in LIST_COLUMNS},
            marks=waiting["marks"],  # type: ignore[arg-type]
            released=_operations(waiting, _RELEASED),
            held={source: _operations(waiting, source) for source in Input},
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise DamagedSnapshot(f"the state of the outcome side cannot be read ({error}): take an older one") from error
    if kept.rows[0].shape[1:] != (width,) or kept.delays[0].shape[1:] != (delays,):
        raise DamagedSnapshot("the state of the outcome side has rows of another width: take an older one")
    if kept.released.groups.shape[1:] != (groups,):
        raise DamagedSnapshot("the state of the outcome side has other groups: take an older one")
    return kept


def _named(prefix: str, rows: KeptRows) -> dict[str, NDArray[np.generic]]:
    names = [f"{prefix}/{name}" for name in _ROW_ARRAYS]
    return dict(zip(names, rows, strict=True))


def _kept_rows(arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> KeptRows:
    return tuple(arrays[f"{prefix}/{name}"] for name in _ROW_ARRAYS)  # type: ignore[return-value]


def _operations(arrays: Mapping[str, NDArray[np.generic]], name: str) -> Operations:
    empty = no_operations(0)
    found = {field: arrays[f"{name}/{field}"] for field in Operations._fields}
    for field, column in empty._asdict().items():
        if found[field].dtype != column.dtype:
            raise ValueError(f"{name}/{field} is {found[field].dtype}")
    return Operations(**found)  # type: ignore[arg-type]
