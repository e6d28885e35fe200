"""Reading records by the fastest way that takes them: scanned, or a whole block at once, or one by one, or exactly.

Which way is taken depends on what the log looked like so far and changes the speed only. A record names its model
inside itself; it is guessed from the bytes, and the structs, which accept one model's name only, refute a wrong guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from driftline.processors.columns_assembly import Assembly, ModelState
from driftline.processors.columns_lines import blocks, lines_of, objects_on_lines
from driftline.processors.columns_scanned import ScannedEvents
from driftline.processors.columns_typed import TypedEvents
from driftline.schemas.codec import NOT_TYPED, PredictionDecoder
from driftline.schemas.exact import read_prediction
from driftline.schemas.layout import EventLayout
from driftline.schemas.limits import ID_CHARACTERS_MAX, TYPED_BYTES_MAX
from driftline.schemas.rejections import RecordRejected, Rejection

_MODELS_REMEMBERED_MAX: Final = 4_096
_GUESSES_MAX: Final = 4_096
_WAIT_MAX: Final = 63


class _Tries:
    """A faster way that did not pay is tried again after 0, 1, 3, 7 .. turns: a try in vain costs half a turn."""

    def __init__(self) -> None:
        self._left_out = 0  # so many turns before the next try
        self._next = 0

    def due(self) -> bool:
        if self._left_out:
            self._left_out -= 1
            return False
        return True

    def note(self, *, paid: bool) -> None:
        self._left_out = 0 if paid else self._next
        self._next = 0 if paid else min(2 * self._next + 1, _WAIT_MAX)


class PredictionReader:
    """Reads the predictions of one partition into one `Assembly` a call."""

    def __init__(self, layouts: Callable[[str], EventLayout | None]) -> None:
        self._layouts = layouts
        self._models: dict[str, ModelState] = {}
        self._up_to_date: set[str] = set()
        self._guesses: dict[bytes, ModelState | None] = {}
        self._only: ModelState | None = None
        self._scanner: ScannedEvents | None = None
        self._scans = _Tries()
        self._whole_blocks = _Tries()
        self._generic = PredictionDecoder()

    def begin_call(self) -> Assembly:
        """Layouts are asked for once a call, full dictionaries start afresh between calls."""
        if len(self._models) > _MODELS_REMEMBERED_MAX:
            self._models = {name: state for name, state in self._models.items() if state.layout is not None}
        self._up_to_date.clear()
        self._guesses.clear()
        if self._only is not None:
            self._only = self._typed(self._state(self._only.model))
        return Assembly()

    def read_lines(self, buffer: bytes, assembly: Assembly) -> None:
        """JSON lines; the buffer ends at a newline or at the end of the file."""
        if self._only is not None and self._scans.due():
            paid = self._scan(self._only, buffer, assembly)
            self._scans.note(paid=paid is True)
            if paid is not None:
                return
        for block in blocks(buffer):
            self._read_block(block, assembly)

    def _read_block(self, block: memoryview, assembly: Assembly) -> None:
        if self._only is not None and self._whole_blocks.due():
            taken = self._read_whole(self._only, block, assembly)
            self._whole_blocks.note(paid=taken)
            if taken:
                return
        self.read_records(lines_of(block), assembly)

    def read_records(self, records: Sequence[bytes], assembly: Assembly) -> None:
        """Single records, in log order."""
        start = assembly.consumed
        assembly.consumed += len(records)
        if self._only is not None:
            self._read_typed(self._only, range(len(records)), records, start, assembly)
        else:
            groups: dict[str, tuple[ModelState | None, list[int]]] = {}
            for i, record in enumerate(records):
                state = self._guess(record)
                groups.setdefault("" if state is None else state.model, (state, []))[1].append(i)
            for state, indices in groups.values():
                if state is None:
                    self._read_generic(indices, records, start, assembly)
                else:
                    self._read_typed(state, indices, records, start, assembly)
        self._only = assembly.only_typed_model()

    # -- the four ways -----------------------------------------------------------------------------------------------

    def _scan(self, state: ModelState, buffer: bytes, assembly: Assembly) -> bool | None:
        """One call of the scanner for the whole buffer; whether it took most lines. None: nothing has been read."""
        self._scanner = state.scanner(self._scanner)
        scanned = None if self._scanner is None else self._scanner.read(buffer)
        if scanned is None:
            return None
        start = assembly.consumed
        assembly.consumed += scanned.lines
        if scanned.columns is not None:
            assembly.add_columns(state, start + scanned.positions, scanned.columns)
        if scanned.left:
            self._read_typed(state, scanned.left, scanned.left, start, assembly)
            self._only = assembly.only_typed_model()
        return 2 * len(scanned.left) <= scanned.lines

    def _read_whole(self, state: ModelState, block: memoryview, assembly: Assembly) -> bool:
        """One call of the decoder for all lines; False, and nothing is read, when any line is not for it."""
        assert state.typed is not None
        lines = objects_on_lines(block)
        if not lines:
            return False
        try:
            rows = state.typed.decode_lines(block)
        except NOT_TYPED:
            return False
        if len(rows) != lines:
            return False
        start = assembly.consumed
        assembly.consumed += lines
        for position in _add_rows(state, state.typed, rows, range(start, start + lines), assembly):
            self._read_exact(lines_of(block)[position - start], position, assembly)
        return True

    def _read_typed(
        self,
        state: ModelState,
        indices: Iterable[int],
        records: Sequence[bytes] | Mapping[int, bytes],
        start: int,
        assembly: Assembly,
    ) -> None:
        """One call of the decoder for each record; those it does not take are read by others."""
        typed = state.typed
        assert typed is not None
        decode = typed.decode
        rows: list[Struct] = []
        positions: list[int] = []
        bad_times: list[int] = []
        others: dict[str, tuple[ModelState, list[int]]] = {}
        for i in indices:
            record = records[i]
            if len(record) <= TYPED_BYTES_MAX:
                try:
                    rows.append(decode(record))
                    positions.append(start + i)
                    continue
                except NOT_TYPED:
                    pass
            other = self._guess(record)
            if other is not None and other is not state:
                others.setdefault(other.model, (other, []))[1].append(i)
                continue
            self._read_exact(record, start + i, assembly)
            if state.typed is not typed:  # it has learnt from this record: rows of two shapes do not mix
                bad_times += _add_rows(state, typed, rows, positions, assembly)
                typed = state.typed
                assert typed is not None
                rows, positions, decode = [], [], typed.decode
        bad_times += _add_rows(state, typed, rows, positions, assembly)
        for position in bad_times:
            self._read_exact(records[position - start], position, assembly)
        for other, left in others.values():
            self._read_typed(other, left, records, start, assembly)

    def _read_generic(self, indices: Iterable[int], records: Sequence[bytes], start: int, assembly: Assembly) -> None:
        """Records of models without a layout, or of a model that could not be guessed."""
        for i in indices:
            read = self._generic.decode(records[i], start + i)
            if isinstance(read, Rejection):
                assembly.rejected.append(read)
            else:
                assembly.add_event(self._state(read.event.model), start + i, read.event, read.unknown)

    def _read_exact(self, record: bytes, position: int, assembly: Assembly) -> None:
        try:
            event, unknown = read_prediction(record)
        except RecordRejected as rejected:
            assembly.rejected.append(Rejection(position, rejected.reason, rejected.message))
            return
        state = self._state(event.model)
        assembly.add_event(state, position, event, unknown)
        state.learn(event, unknown)

    # -- models ------------------------------------------------------------------------------------------------------

    def _state(self, model: str) -> ModelState:
        state = self._models.get(model)
        if state is not None and model in self._up_to_date:
            return state
        layout = self._layouts(model)
        if state is None or state.layout != layout:
            state = self._models[model] = ModelState(model, layout)
        else:
            state.start_afresh_when_full()
        self._up_to_date.add(model)
        return state

    @staticmethod
    def _typed(state: ModelState) -> ModelState | None:
        return None if state.typed is None else state

    def _guess(self, record: bytes) -> ModelState | None:
        """The model the record seems to name, if it is one that is decoded by structs."""
        key = record.find(b'"model"')
        begin = record.find(b'"', key + 7) + 1
        end = record.find(b'"', begin)
        if key < 0 or begin == 0 or not begin < end <= begin + 4 * ID_CHARACTERS_MAX:
            return None
        name = record[begin:end]
        if name in self._guesses:
            return self._guesses[name]
        try:
            model = name.decode()
        except UnicodeDecodeError:
            return None
        state = self._typed(self._state(model)) if self._layouts(model) is not None else None
        if len(self._guesses) < _GUESSES_MAX:
            self._guesses[name] = state
        return state


def _add_rows(
    state: ModelState, typed: TypedEvents, rows: Sequence[Struct], positions: Sequence[int], assembly: Assembly
) -> list[int]:
    """Add the rows' columns; the positions of rows with a bad timestamp are returned and not added."""
    if not rows:
        return []
    columns, bad = typed.columns(rows)
    at = np.array(positions, np.int64)
    if columns is not None:
        assembly.add_columns(state, np.delete(at, bad) if bad else at, columns)
    return [positions[i] for i in bad]
