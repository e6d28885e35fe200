"""The plain lines of one model -> numbers and tokens, in one kernel that needs neither Python objects nor their lock.

It reads what services write all day: objects of known names, numbers, and strings without escapes. Any other line is
left to the readers that know every rule, and the kernel goes on with the next one. So it never has to say what is wrong
with a line; it only must not take one that the others would read differently (a test compares).

A *token* is the JSON text of a string, number, true, false or null. Where columns are codes, equal tokens get equal
numbers here, and Python looks once at each that is new.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I32, I64, U8
from driftline.processors.columns_times import BAD_TIME, rfc3339
from driftline.processors.decimals import EXPONENT_MAX, nearest_float
from driftline.processors.kernels import njit_uncounted
from driftline.schemas.limits import ID_CHARACTERS_MAX, TIMESTAMP_MS_MAX, TYPED_BYTES_MAX

ENVELOPE, FEATURES, CONTEXT, MEASUREMENTS = range(4)
PLACES: Final = 4

# what stands behind a name
VALUE, OBJECT, ID, TIME, MODEL = range(5)

# rules of a value, added up
REQUIRED: Final = 1
"""null is not allowed."""
NUMBER_ONLY: Final = 2
"""What is neither a number nor null is refused; otherwise it is an invalid value, +inf."""
NOTED: Final = 4
"""Of the token it is only said that there is one: 1."""

ABSENT: Final = 0
"""The token of a name that is not there."""
TOKENS_MAX: Final = 4_096
TOKEN_BYTES: Final = 65_536
SLOTS: Final = 2 * TOKENS_MAX
_PROBES_MAX: Final = 32

_NEWLINE, _QUOTE, _BACKSLASH, _COLON, _COMMA, _OPENING, _CLOSING = 10, 34, 92, 58, 44, 123, 125
_SPACE, _TAB, _RETURN, _MINUS, _PLUS, _POINT, _ZERO, _NINE = 32, 9, 13, 45, 43, 46, 48, 57
_ENVELOPE_REQUIRED: Final = 4  # prediction_id, model, timestamp, prediction

_DIGITS_MAX: Final = 19  # of a number that is read here: any of these fits a uint64
_INTEGER_DIGITS_MAX: Final = 16


class Names(NamedTuple):
    """The K names that may stand in a line, those of one place one behind the other."""

    text: U8  # all of them back to back
    ends: I64  # [K + 1]: name k is text[ends[k]:ends[k + 1]]
    first: I64  # [5] first name of each place, and K
    kind: U8  # [K]
    rules: U8  # [K]
    number: I64  # [K] column of numbers, -1 = none; of an OBJECT: its place
    token: I64  # [K] column of tokens, -1 = none
    model: U8  # the model's own name
    after: I64  # [K + 4] a guess: the name that came after this one, or at the beginning of this place, the last time
    seen: I64  # [K] scratch: the last line that had this name, as a name that stands twice is for others


class Tokens(NamedTuple):
    """The tokens met so far, of T columns: `text[t, ends[t, i - 1]:ends[t, i]]`, i from 1 on."""

    text: U8  # [T, TOKEN_BYTES]
    ends: I32  # [T, TOKENS_MAX + 1]
    known: I64  # [T] including the absent one
    slots: I32  # [T, SLOTS] hash table of token numbers, 0 = free


class Rows(NamedTuple):
    """Written: a row for each line that was read, and the others."""

    numbers: F64  # [n, N] NaN = missing, +inf = invalid
    tokens: I32  # [n, T]
    event_ms: I64  # [n]
    line: I64  # [n] its number among the lines that are not blank
    ids: U8  # prediction ids, each followed by a newline
    left: I64  # [n, 3] number, start and end of lines left to others
    sizes: I64  # [4]: rows, lines, lines left, bytes of ids


@njit_uncounted()
def _after_space(data: U8, at: int) -> int:
    while data[at] == _SPACE or data[at] == _TAB or data[at] == _RETURN:
        at += 1
    return at


@njit_uncounted()
def _string_end(data: U8, at: int) -> tuple[int, bool]:
    """Where the string that begins behind the quote ends, -1 if not plainly; and whether it is ASCII."""
    bits = np.uint8(0)
    while data[at] != _QUOTE:
        if data[at] < _SPACE or data[at] == _BACKSLASH:
            return -1, False
        bits |= data[at]
        at += 1
    return at, bool(bits < 128)


@njit_uncounted()
def _leading_zeros(data: U8, at: int) -> int:
    count = 0
    while data[at] == _ZERO or data[at] == _POINT:
        count += data[at] == _ZERO
        at += 1
    return count


@njit_uncounted()
def _number(data: U8, at: int) -> tuple[float, int]:
    """A JSON number of up to 19 significant digits: its value and end; end -1 for anything else."""
    negative = data[at] == _MINUS
    if negative:
        at += 1
    start = first = at
    digits = np.uint64(0)
    while _ZERO <= data[at] <= _NINE:
        digits = digits * np.uint64(10) + np.uint64(data[at] - _ZERO)
        at += 1
    count = at - first
    if count == 0 or (count > 1 and data[first] == _ZERO):
        return 0.0, -1
    exponent = 0
    if data[at] == _POINT:
        at += 1
        first = at
        while _ZERO <= data[at] <= _NINE:
            digits = digits * np.uint64(10) + np.uint64(data[at] - _ZERO)
            at += 1
        exponent = first - at
        count -= exponent
        if exponent == 0:
            return 0.0, -1
    if count > _DIGITS_MAX and count - _leading_zeros(data, start) > _DIGITS_MAX:
        return 0.0, -1
    if data[at] == 69 or data[at] == 101:  # "E", "e"
        at += 1
        sign = -1 if data[at] == _MINUS else 1
        if data[at] == _MINUS or data[at] == _PLUS:
            at += 1
        first = at
        written = 0
        while _ZERO <= data[at] <= _NINE:
            written = min(written * 10 + int(data[at]) - _ZERO, 10 * EXPONENT_MAX)
            at += 1
        if at == first:
            return 0.0, -1
        exponent += sign * written
    if exponent < -EXPONENT_MAX or exponent > EXPONENT_MAX:
        return 0.0, -1
    value = nearest_float(digits, exponent)
    return -value if negative else value, at


@njit_uncounted()
def _literal_end(data: U8, at: int) -> int:
    """The end of null, true or false; -1 for anything else."""
    if data[at] == 110 and data[at + 1] == 117 and data[at + 2] == 108 and data[at + 3] == 108:
        return at + 4
    if data[at] == 116 and data[at + 1] == 114 and data[at + 2] == 117 and data[at + 3] == 101:
        return at + 4
    if data[at] == 102 and data[at + 1] == 97 and data[at + 2] == 108 and data[at + 3] == 115 and data[at + 4] == 101:
        return at + 5
    return -1


@njit_uncounted()
def _token_number(data: U8, start: int, end: int, t: int, tokens: Tokens) -> int:
    """The number of data[start:end] among the tokens of column t, where it may be new; -1 when there is no room."""
    spread = np.uint64(14_695_981_039_346_656_037)  # FNV-1a
    for i in range(start, end):
        spread = (spread ^ np.uint64(data[i])) * np.uint64(1_099_511_628_211)
    slot = int(np.int64((spread >> np.uint64(32)) % np.uint64(SLOTS)))
    text, ends = tokens.text[t], tokens.ends[t]
    for _ in range(_PROBES_MAX):
        number = int(tokens.slots[t, slot])
        if number == ABSENT:
            number = int(tokens.known[t])
            begin = int(ends[number - 1])
            if number >= TOKENS_MAX or begin + end - start > TOKEN_BYTES:
                return -1
            for i in range(start, end):
                text[begin + i - start] = data[i]
            ends[number] = begin + end - start
            tokens.known[t] += 1
            tokens.slots[t, slot] = number
            return number
        begin = int(ends[number - 1])
        if ends[number] - begin == end - start:
            i = 0
            while i < end - start and text[begin + i] == data[start + i]:
                i += 1
            if i == end - start:
                return number
        slot = (slot + 1) % SLOTS
    return -1


@njit_uncounted()
def _is_name(data: U8, at: int, k: int, names: Names) -> bool:
    """Whether the string that begins behind the quote is name k."""
    begin, end = names.ends[k], names.ends[k + 1]
    for i in range(begin, end):
        if data[at + i - begin] != names.text[i]:
            return False
    return bool(data[at + end - begin] == _QUOTE)


@njit_uncounted()
def _name(data: U8, at: int, place: int, previous: int, names: Names) -> int:
    """Which name of this place begins behind the quote, -1 if none; lines of one service have one order of names."""
    k = int(names.after[previous])
    if k >= 0 and _is_name(data, at, k, names):
        return k
    for other in range(names.first[place], names.first[place + 1]):
        if _is_name(data, at, other, names):
            names.after[previous] = other
            return other
    return -1


@njit_uncounted()
def _value(data: U8, at: int, k: int, row: int, names: Names, tokens: Tokens, rows: Rows) -> int:
    """Read the value of name k into its columns; its end, -1 if the line is left to others."""
    rules, number, token = names.rules[k], names.number[k], names.token[k]
    value = math.inf
    if data[at] == _QUOTE:
        close, ascii_only = _string_end(data, at + 1)
        if close < 0 or rules & NUMBER_ONLY or not (ascii_only or (token >= 0 and not rules & NOTED)):
            return -1
        end = close + 1
    elif data[at] == _MINUS or _ZERO <= data[at] <= _NINE:
        value, end = _number(data, at)
    else:
        end = _literal_end(data, at)
        if end >= 0 and data[at] == 110:  # null
            value = math.nan
            if rules & REQUIRED:
                return -1
        elif rules & NUMBER_ONLY:
            return -1
    if end < 0:
        return -1
    if number >= 0:
        rows.numbers[row, number] = value
    if token >= 0:
        found = 1 if rules & NOTED else _token_number(data, at, end, token, tokens)
        if found < 0:
            return -1
        rows.tokens[row, token] = found
    return int(end)


@njit_uncounted()
def _time(data: U8, at: int, row: int, rows: Rows) -> int:
    """Read epoch milliseconds or RFC 3339; its end, or -1."""
    if data[at] == _QUOTE:
        end, _ = _string_end(data, at + 1)
        ms = rfc3339(data, at + 1, end) if end >= 0 else BAD_TIME
        rows.event_ms[row] = ms
        return end + 1 if ms != BAD_TIME else -1
    start = at
    ms = 0
    while _ZERO <= data[at] <= _NINE and at - start < _INTEGER_DIGITS_MAX:
        ms = ms * 10 + np.int64(data[at]) - _ZERO
        at += 1
    rows.event_ms[row] = ms
    plain = at > start and (data[start] != _ZERO or at == start + 1)
    # what goes on with a point, an exponent or more digits is no comma either
    return at if plain and ms <= TIMESTAMP_MS_MAX else -1


@njit_uncounted()
def _id(data: U8, at: int, rows: Rows) -> int:
    """Add a prediction id to `ids`; its end, or -1."""
    if data[at] != _QUOTE:
        return -1
    end, ascii_only = _string_end(data, at + 1)
    if not ascii_only or not 0 < end - at - 1 <= ID_CHARACTERS_MAX:
        return -1
    begin, size = rows.sizes[3], end - at - 1
    for i in range(size):
        rows.ids[begin + i] = data[at + 1 + i]
    rows.ids[begin + size] = _NEWLINE
    rows.sizes[3] = begin + size + 1
    return int(end) + 1


@njit_uncounted()
def _model_end(data: U8, at: int, names: Names) -> int:
    """The end of the model's own name; -1 for any other."""
    size = names.model.shape[0]
    if data[at] != _QUOTE:
        return -1
    for i in range(size):
        if data[at + 1 + i] != names.model[i]:
            return -1
    return at + size + 2 if data[at + 1 + size] == _QUOTE else -1


@njit_uncounted()
def _read_line(data: U8, at: int, row: int, line: int, names: Names, tokens: Tokens, rows: Rows) -> int:
    """Read the object that begins at `at` into a row; the end of its line, or -1 if it is left to others."""
    rows.numbers[row] = math.nan
    rows.tokens[row] = ABSENT
    n_names = names.kind.shape[0]
    place, within, previous, required = ENVELOPE, 0, n_names + ENVELOPE, 0
    if data[at] != _OPENING:
        return -1
    at = _after_space(data, at + 1)
    while True:
        if data[at] != _QUOTE:
            return -1
        k = _name(data, at + 1, place, previous, names)
        if k < 0 or names.seen[k] == line:
            return -1
        names.seen[k] = line
        previous = k
        at = _after_space(data, at + 2 + names.ends[k + 1] - names.ends[k])
        if data[at] != _COLON:
            return -1
        at = _after_space(data, at + 1)
        kind = names.kind[k]
        required += names.rules[k] & REQUIRED
        if kind == OBJECT:
            if data[at] != _OPENING:
                return -1
            at = _after_space(data, at + 1)
            place, within, previous = names.number[k], k, n_names + names.number[k]
            if data[at] != _CLOSING:
                continue
        elif kind == VALUE:
            at = _value(data, at, k, row, names, tokens, rows)
        elif kind == ID:
            at = _id(data, at, rows)
        elif kind == TIME:
            at = _time(data, at, row, rows)
        else:
            at = _model_end(data, at, names)
        if at < 0:
            return -1
        at = _after_space(data, at)
        if data[at] == _CLOSING and place != ENVELOPE:
            place, previous = ENVELOPE, within
            at = _after_space(data, at + 1)
        if data[at] == _CLOSING:
            break
        if data[at] != _COMMA:
            return -1
        at = _after_space(data, at + 1)
    at = _after_space(data, at + 1)
    complete = place == ENVELOPE and required == _ENVELOPE_REQUIRED
    return at if complete and data[at] == _NEWLINE else -1


@njit_uncounted()
def scan_lines(data: U8, names: Names, tokens: Tokens, rows: Rows) -> None:
    """Read JSON lines. data: uint8[bytes], the last one a newline; rows: with room for as many rows as there are lines."""
    names.seen[:] = -1
    row = line = left = 0
    rows.sizes[3] = 0
    start = 0
    while start < data.shape[0]:
        at = _after_space(data, start)
        if data[at] == _NEWLINE:  # blank
            start = at + 1
            continue
        ids = rows.sizes[3]
        end = _read_line(data, at, row, line, names, tokens, rows)
        if end >= 0 and end - start <= TYPED_BYTES_MAX:
            rows.line[row] = line
            row += 1
        else:
            rows.sizes[3] = ids
            end = at
            while data[end] != _NEWLINE:
                end += 1
            rows.left[left, 0], rows.left[left, 1], rows.left[left, 2] = line, start, end
            left += 1
        line += 1
        start = end + 1
    rows.sizes[0], rows.sizes[1], rows.sizes[2] = row, line, left
