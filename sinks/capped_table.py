"""Rows by label values, of which there are never more than a cap: what does not fit goes under `__other__`.

A row that is there keeps its own values, whatever else arrives, so a flood of new names cannot blind a dashboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeAlias, TypeVar

from driftline.schemas.limits import OTHER_NAME
from driftline.sinks.label_values import label_value

Row = TypeVar("Row")
Labels: TypeAlias = tuple[str, ...]


class CappedTable(Generic[Row]):
    """At most `rows_max` rows, and one for the rest.

    new: makes an empty row, given its labels. width: how many labels name a row. group, group_max: so many of the first
    labels name a group, such as a model, of which no more than `group_max` rows are kept, so that a wide one leaves room
    for others. `folded`: how often `__other__` was given.
    """

    def __init__(
        self, new: Callable[[Labels], Row], width: int, rows_max: int, *, group: int = 0, group_max: int | None = None
    ) -> None:
        self._new, self._width, self._rows_max = new, width, rows_max
        self._group, self._group_max = group, group_max
        self._rows: dict[Labels, Row] = {}
        self._in_group: dict[Labels, int] = {}
        self.folded = 0

    def __getitem__(self, labels: Labels) -> Row:
        """The row of these values, which need not be clean: made if there is room, else that of the others."""
        labels = tuple(map(label_value, labels))
        row = self._rows.get(labels)
        return self._row_for_new(labels) if row is None else row

    def _row_for_new(self, labels: Labels) -> Row:
        group = labels[: self._group]
        if self._group_max is not None and self._in_group.get(group, 0) >= self._group_max:
            labels = self._other(group)
        everything_else = self._other(())
        if labels not in self._rows and len(self._rows) - (everything_else in self._rows) >= self._rows_max:
            group, labels = (), everything_else
        self.folded += is_other(labels)
        row = self._rows.get(labels)
        if row is None:
            row = self._rows[labels] = self._new(labels)
            self._in_group[group] = self._in_group.get(group, 0) + 1
        return row

    def _other(self, group: Labels) -> Labels:
        return (*group, *(OTHER_NAME,) * (self._width - len(group)))

    def drop(self, first: str) -> None:
        """Forget the rows whose first label is this."""
        self._rows = {labels: row for labels, row in self._rows.items() if labels[0] != first}
        self._in_group = {}
        for labels in self._rows:
            group = labels[: self._group]
            self._in_group[group] = self._in_group.get(group, 0) + 1

    def items(self) -> Iterator[tuple[Labels, Row]]:
        """Labels and rows as they are now, in the order in which they came."""
        return iter(list(self._rows.items()))


def is_other(labels: Labels) -> bool:
    """Whether these are the labels of a row for the rest."""
    return labels[-1] == OTHER_NAME
