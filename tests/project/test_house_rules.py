"""House rules that a reader relies on; each failure names the file and the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.repository import FOLDERS, ROOT, calls_of, imports_of, python_files, tracked_files

MOST_LINES = 400

TEXT_SUFFIXES = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".cfg", ".ini", ""}
# Written so that this file does not trip over itself.
MACHINE_PATHS = re.compile(r"(?<![\w./])/(w[o]rk|r[o]ot|h[o]me|U[s]ers|t[m]p)/\w")
REGISTRY_HOSTS = re.compile(r"pypi[.]org|python[h]osted|repo1[.]maven|registry[.]npmjs")

CLOCK_AND_CHANCE = {"time", "random", "secrets", "uuid"}
OUTSIDE_WORLD = {
    "asyncio", "glob", "http", "io", "logging", "multiprocessing", "os", "pathlib", "pickle", "shelve", "shutil",
    "signal", "socket", "sqlite3", "subprocess", "tempfile", "threading", "urllib",
}  # fmt: skip
FORBIDDEN_CALLS = re.compile(
    r"^(print|input|open|eval|exec|__import__|breakpoint)$"
    r"|(^|\.)(now|utcnow|today)$|^sys\.(stdin|stdout|stderr|exit|setswitchinterval)\b"
    r"|^(np|numpy)\.(save|savez|savez_compressed|load|loadtxt|savetxt|fromfile|memmap)$"
    r"|^(np|numpy)\.random\.(?!default_rng$|Generator$|PCG64$|Philox$|SeedSequence$)"
)


def core_files() -> list[Path]:
    """The core: processors/ but for the shell around it."""
    return [path for path in python_files("processors") if path.parts[1] != "streaming"]


def test_the_core_imports_no_clock_no_chance_and_no_outside_world() -> None:
    forbidden = CLOCK_AND_CHANCE | OUTSIDE_WORLD
    found = [
        f"{path}:{line} imports {module}"
        for path in core_files()
        for line, module in imports_of(path)
        if module.split(".")[0] in forbidden
    ]
    assert found == [], "time arrives in records, output leaves as signals"


def test_the_core_calls_nothing_that_reads_a_clock_draws_chance_or_does_io() -> None:
    found = [
        f"{path}:{line} calls {name}"
        for path in core_files()
        for line, name in calls_of(path)
        if FORBIDDEN_CALLS.search(name)
    ]
    assert found == []


def test_random_generators_of_the_core_are_seeded() -> None:
    source = {path: (ROOT / path).read_text(encoding="utf-8") for path in core_files()}
    assert [str(path) for path, text in source.items() if re.search(r"default_rng\(\s*\)", text)] == []


def test_kernels_keep_strict_arithmetic() -> None:
    loose = re.compile(r"fastmath\s*=\s*True|parallel\s*=\s*True|\bprange\b")
    found = [
        f"{path}:{number}"
        for path in core_files()
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if loose.search(line)
    ]
    assert found == [], "strict event order: equal inputs give equal bytes"


def test_no_code_swallows_every_exception() -> None:
    found = [
        f"{path}:{number}"
        for path in python_files(*FOLDERS)
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"except\s*(\(?\s*(Base)?Exception\b|:)", line)
    ]
    assert found == [], "name the exceptions that are expected"


def test_no_python_file_is_long() -> None:
    files = python_files(*_all_folders())
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in files}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("what", "pattern"), [("a path of one machine", MACHINE_PATHS), ("a host of a package registry", REGISTRY_HOSTS)]
)
def test_no_file_names(what: str, pattern: re.Pattern[str]) -> None:
    found = [
        f"{path}:{number}"
        for path in tracked_files()
        if path.suffix in TEXT_SUFFIXES and (ROOT / path).stat().st_size < 1_000_000
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == [], what


def test_the_repository_stays_small_enough_to_clone_at_once() -> None:
    total = sum((ROOT / path).stat().st_size for path in tracked_files())
    assert total <= 15 * 2**20


def _all_folders() -> set[str]:
    return {path.parts[0] for path in tracked_files() if len(path.parts) > 1}
