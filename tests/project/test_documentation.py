"""Documentation that is true: examples run, and what a user can say is written down somewhere."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

from driftline.cli.app import existing_commands
from tests.project.repository import FOLDERS, ROOT, python_files, tracked_files


def _has_doctest(path: Path) -> bool:
    return ">>> " in (ROOT / path).read_text(encoding="utf-8")


def _module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(("driftline", *parts[: -1 if parts[-1] == "__init__" else None]))


def _pages() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md" and path.parts[0] in {"README.md", "docs"}]


PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON_BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in _pages()
    for number, block in enumerate(PYTHON_BLOCK.findall((ROOT / page).read_text(encoding="utf-8")), 1)
]


@pytest.mark.parametrize("path", [path for path in python_files(*FOLDERS) if _has_doctest(path)], ids=str)
def test_examples_in_docstrings_are_true(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(_module_of(path))
    # `__test__ = False` tells pytest to keep out of a module named test_...; doctest means something else by the name.
    monkeypatch.delattr(module, "__test__", raising=False)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0
    assert results.failed == 0, "the captured output shows expected and got"


# An empty list would be reported as a skip, and nothing may be skipped silently.
@pytest.mark.parametrize("block", PYTHON_BLOCKS or ["pass"])
def test_python_blocks_of_the_pages_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "page", "exec"), {"__name__": "page"})


@pytest.mark.parametrize("command", existing_commands())
def test_every_command_is_in_the_documentation(command: str) -> None:
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in _pages())
    assert f"driftline {command}" in text, f"say in README.md or docs/ what `driftline {command}` does"


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page}: {target}"
        for page in _pages()
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8"))
        if not (ROOT / page.parent / target).exists()
    ]
    assert broken == []
