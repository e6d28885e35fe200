"""The cascade of chi-square tests in plain Python, event by event: what the kernel must equal, bit for bit."""

from __future__ import annotations

from driftline.processors.detectors.cascade_plan import BASE_EVENTS, CASCADE_CELLS, NOT_TESTED, CascadePlan


class PlainCascade:
    """See `chi_square_cascade`. `windows`: the base cells of the events of each level's window under way."""

    def __init__(self, plan: CascadePlan) -> None:
        self.plan = plan
        self.windows: list[list[int]] = [[] for _ in range(plan.levels_used)]
        self.latched: set[int] = set()

    def update(self, cell: int) -> bool:
        """Take the histogram cell of one event; whether it alarms."""
        was_open = bool(self.latched)
        for level, window in enumerate(self.windows):
            window.append(int(self.plan.base_of_cell[cell]))
            if len(window) == BASE_EVENTS * 2**level:
                self._judge(level, window)
                window.clear()
        return bool(self.latched) and not was_open

    def _judge(self, level: int, window: list[int]) -> None:
        x2, tested = self._statistic(level, window)
        if 2 * tested < len(window):
            return
        stands_out, release = self.plan.critical[:, level].tolist()
        if x2 >= stands_out:
            self.latched.add(level)
        elif x2 < release:
            self.latched.discard(level)

    def _statistic(self, level: int, window: list[int]) -> tuple[float, int]:
        test_cell = self.plan.test_cell[level].tolist()
        of_window = dict.fromkeys([t for t in test_cell if t != NOT_TESTED], 0)
        of_reference = dict.fromkeys(of_window, 0.0)
        for base in range(CASCADE_CELLS):
            if test_cell[base] != NOT_TESTED:
                of_window[test_cell[base]] += window.count(base)
                of_reference[test_cell[base]] += float(self.plan.reference[base])
        n, m = sum(of_window.values()), sum(of_reference.values())
        if n == 0:
            return 0.0, 0
        total = 0.0
        for t, c in of_window.items():
            r = of_reference[t]
            difference = c * m - r * n
            total += difference * difference / (c + r)
        return total / (n * m), n
