"""The stages of the tests of the worker, and figures that are shown in the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.streaming.conftest import make_stage

__all__ = ["make_stage"]

Figure = Callable[[str, str], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """`figure(row, text)` is shown below the results, whichever process ran the test."""
    return record_property


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = terminalreporter.getreports("passed")
    shown = sorted({(row, str(text)) for report in passed for row, text in report.user_properties})
    if shown:
        terminalreporter.section("figures")
    for row, text in shown:
        terminalreporter.write_line(f"{row}: {text}")
