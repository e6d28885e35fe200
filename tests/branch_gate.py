"""The gate on branch coverage, as part of the run: `pytest -p tests.branch_gate --branches-min=95 --cov`.

The gate of pytest-cov mixes lines and branches into one number, in which many plain lines can hide branches that no
test takes. This one counts branches only.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import coverage
import pytest

_TEXT = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--branches-min", type=float, default=None, help="least percentage of branches that tests take")


def pytest_sessionfinish(session: pytest.Session) -> None:
    least = session.config.getoption("branches_min")
    if least is None or hasattr(session.config, "workerinput"):
        return
    taken, branches = _branches()
    percent = 100.0 * taken / branches if branches else 100.0
    session.config.stash[_TEXT] = f"branches taken: {taken} of {branches} ({percent:.1f} %, at least {least:g} %)"
    if percent < least and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _TEXT in config.stash:
        terminalreporter.section("branch coverage")
        terminalreporter.write_line(config.stash[_TEXT])


def _branches() -> tuple[int, int]:
    """(taken, all) branches in the data that pytest-cov has written."""
    measured = coverage.Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        measured.json_report(outfile=str(report))
        totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    return totals["covered_branches"], totals["num_branches"]
