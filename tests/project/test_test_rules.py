"""The rules of the test suite itself: nothing is left out silently, and the gate on branches is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.repository import ROOT


def _run(folder: Path, test: str, *arguments: str, ci: bool) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_example.py").write_text(test, encoding="utf-8")
    environment = {**os.environ, "CI": "true" if ci else "", "PYTHONPATH": str(ROOT)}
    pytest_here = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    command = [*pytest_here, *arguments, str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


NAMED_SKIP = "import pytest\n@pytest.mark.skip(reason='no such server here')\ndef test_nothing(): pass\n"
NAMELESS_SKIP = "import pytest\n@pytest.mark.skip\ndef test_nothing(): pass\n"
MODULE_SKIP = "import pytest\npytest.skip('no such server here', allow_module_level=True)\n"


@pytest.mark.parametrize("test", [NAMED_SKIP, MODULE_SKIP], ids=["test", "module"])
def test_a_skip_that_names_its_reason_fails_in_ci_only(test: str, tmp_path: Path) -> None:
    at_hand = _run(tmp_path, test, ci=False)
    assert "1 skipped" in at_hand.stdout
    in_ci = _run(tmp_path, test, ci=True)
    assert in_ci.returncode != 0
    assert "skipped in CI, where nothing may be left out: no such server here" in in_ci.stdout


def test_a_skip_without_a_reason_fails_everywhere(tmp_path: Path) -> None:
    done = _run(tmp_path, NAMELESS_SKIP, ci=False)
    assert done.returncode == 1
    assert "skipped without a reason" in done.stdout


def test_every_run_prints_the_seed_that_repeats_it(tmp_path: Path) -> None:
    done = _run(tmp_path, "def test_nothing(): pass\n", ci=False)
    assert f"DRIFTLINE_TEST_SEED={os.environ['DRIFTLINE_TEST_SEED']}" in done.stdout


@pytest.mark.parametrize(("least", "code"), [("50", 0), ("51", 1)])
def test_the_gate_counts_branches_and_not_lines(least: str, code: int, tmp_path: Path) -> None:
    """One of two branches is taken, whatever the number of lines."""
    source = "def sign(x):\n" + "    y = x\n" * 50 + "    if y > 0:\n        return 1\n    return 0\n"
    (tmp_path / "subject.py").write_text(source, encoding="utf-8")
    (tmp_path / ".coveragerc").write_text("[run]\nbranch = true\ninclude = subject.py\n", encoding="utf-8")
    test = "from subject import sign\ndef test_sign(): assert sign(1) == 1\n"
    gate = ["-p", "tests.branch_gate", "--branches-min", least, "--cov", "--cov-report="]
    done = _run(tmp_path, test, *gate, ci=False)
    assert "branches taken: 1 of 2 (50.0 %" in done.stdout
    assert done.returncode == code
