"""What is kept of the outcome side of a partition besides its machines: where what it holds can be read again."""

from __future__ import annotations

from typing import Final

import msgspec

from driftline.processors.outcomes.marks import Place
from driftline.processors.signal_ids import digest
from driftline.schemas.errors import DamagedSnapshot

NAME: Final = "outcomes"
FINGERPRINT: Final = digest("outcomes of a partition", 1)


class Beginning(msgspec.Struct, frozen=True):
    """The oldest record of each log that is held for a model, None: none is."""

    predictions: Place | None
    labels: Place | None


class SideState(msgspec.Struct, frozen=True):
    """By model. before: those that are learning their reference. strangers: those that only labels have named."""

    before: dict[str, Beginning]
    strangers: dict[str, Beginning]


def encode_side(state: SideState) -> bytes:
    """For the part NAME of a partition."""
    return msgspec.msgpack.encode(state)


def decode_side(data: bytes) -> SideState:
    """Raises DamagedSnapshot."""
    try:
        return msgspec.msgpack.decode(data, type=SideState)
    except msgspec.MsgspecError as error:
        raise DamagedSnapshot(
            f"the outcome side of the partition cannot be read ({error}): take an older snapshot"
        ) from error
