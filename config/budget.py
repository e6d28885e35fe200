"""The false-alarm budget: how many false alarms a model may raise on traffic that has not drifted.

Written `1/week`: one form only, so that two files with the same budget look the same.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

from driftline.config.problems import quoted

Period = Literal["day", "week", "month"]

# A month is 30 days: budgets are rates, and a rate must not depend on the calendar page.
PERIOD_DAYS: Final[dict[Period, int]] = {"day": 1, "week": 7, "month": 30}
BUDGET_PATTERN: Final = r"^[0-9]{1,6}(\.[0-9]{1,6})?/(day|week|month)$"
_BUDGET: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)/(day|week|month)")


@dataclass(frozen=True, slots=True)
class FalseAlarmBudget:
    """At most `count` false alarms per `period`, on average, over everything of one model that is monitored."""

    count: float
    period: Period

    @property
    def per_week(self) -> float:
        """False alarms per week of the model's own traffic."""
        return self.count * 7 / PERIOD_DAYS[self.period]

    def __str__(self) -> str:
        return f"{self.count:g}/{self.period}"


def parse_budget(text: str) -> FalseAlarmBudget:
    """Return the budget written as `N/day`, `N/week` or `N/month`, N a number above 0.

    Raises ValueError for any other form and for N = 0.

    >>> parse_budget("1/week").per_week
    1.0
    >>> parse_budget("0.5/day").per_week
    3.5
    """
    match = _BUDGET.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(text)} is not a false-alarm budget; write N/day, N/week or N/month, such as 1/week")
    count = float(match[1])
    if count == 0:
        raise ValueError(f"{quoted(text)} allows no false alarm at all, which no test can promise; write 1/month")
    return FalseAlarmBudget(count, cast(Period, match[2]))
