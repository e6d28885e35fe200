"""Whole columns of numbers are read at once; that changes the speed and never a value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from driftline.producers.csv_file import _number, _numbers

CELLS = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{0,3}([eE][+-]?[0-9]{0,3})?", fullmatch=True),
    st.sampled_from(["", "NA", "nan", "inf", "1\n2", "1_0", " 1", "٣", "9" * 120 + ".0"]),
)


@given(
    st.one_of(
        st.lists(CELLS, max_size=8),
        st.lists(st.integers().map(str), min_size=1, max_size=8),
        st.lists(st.floats(allow_nan=False, allow_infinity=False).map(repr), min_size=1, max_size=8),
    )
)
def test_reading_a_column_at_once_equals_reading_its_cells(cells: list[str]) -> None:
    at_once, one_by_one = _numbers(cells), [_number(cell) for cell in cells]
    assert at_once == one_by_one
    assert list(map(type, at_once)) == list(map(type, one_by_one))
