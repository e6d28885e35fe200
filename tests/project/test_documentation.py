"""Documentation that is true: examples run, and what a user can say is written down somewhere."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import typer

from driftline.cli.app import build_app
from driftline.cli.demo_data import examples_folder, run_demo
from driftline.cli.replayed import Replayed
from driftline.config.model_spec import DETECTOR_NAMES, ModelSpec
from driftline.processors.admission import Admission
from driftline.processors.counters import Counters
from driftline.processors.panes import OpenWindows
from driftline.processors.state import DetectorState, WindowState, grow, nbytes
from driftline.producers.simulated_drifts import DRIFTS
from driftline.schemas.alerts import Alert, FeatureEvidence, Sketch
from driftline.schemas.events import Label, Prediction
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import FieldWindow, HealthCode, Signal
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


def test_the_page_on_reliability_lists_every_test_that_is_named_after_a_fault() -> None:
    page = _page("reliability.md")
    named = re.compile(r"^(?:async )?def (test_R\d+_\w+)", re.MULTILINE)
    there = {name for path in python_files("tests") for name in named.findall((ROOT / path).read_text(encoding="utf-8"))}
    assert set(re.findall(r"`(test_R\d+_\w+)`", page)) == there


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name; groups have `commands`."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for child, inner in command.commands.items():
        yield from _leaves(inner, f"{name} {child}")


COMMAND_LEAVES = list(_leaves(typer.main.get_command(build_app(everything=True)), "driftline"))


@pytest.mark.parametrize(("name", "command"), COMMAND_LEAVES, ids=[name for name, _ in COMMAND_LEAVES])
def test_every_command_has_a_section_with_each_of_its_options(name: str, command: Any) -> None:
    sections = re.split(r"^## ", _page("commands.md"), flags=re.MULTILINE)
    section = next((text for text in sections if text.startswith(f"`{name}")), None)
    assert section is not None, f"say in docs/commands.md what `{name}` does"
    options = {option for param in command.params for option in param.opts if option.startswith("-")}
    assert {option for option in options if f"`{option}" not in section} == set()
    assert set(re.findall(r"`(--?[a-z-]+)", section)) <= options, "options that the command does not have"


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_rejection_reason_is_documented(reason: str) -> None:
    assert f"| `{reason}` |" in _page("events.md")


@pytest.mark.parametrize("code", HealthCode)
def test_every_health_code_is_documented(code: str) -> None:
    assert f"`{code}`" in _page("replay.md").split("| `code` of health |", 1)[1].split("\n\n", 1)[0]


@pytest.mark.parametrize(
    "struct",
    [*get_args(Signal), Alert, FeatureEvidence, Sketch, FieldWindow],
    ids=lambda struct: struct.__name__,
)
def test_every_field_that_is_written_is_documented(struct: type[msgspec.Struct]) -> None:
    text = _page("replay.md")
    names = {*struct.__struct_fields__, *([struct.__struct_config__.tag] if struct.__struct_config__.tag else [])}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_every_counter_and_line_of_the_summary_is_documented() -> None:
    text = _page("replay.md").split("## summary.json", 1)[1]
    names = {*Replayed().__dataclass_fields__, *Counters().__dataclass_fields__, "format_version", "as_of_ms", "models"}
    assert {name for name in names if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("struct", [Prediction, Label], ids=lambda struct: struct.__name__)
def test_every_field_of_an_event_is_documented(struct: type[msgspec.Struct]) -> None:
    section = _page("events.md").split(f"## {struct.__name__}", 1)[1].split("\n## ", 1)[0]
    assert {name for name in struct.__struct_encode_fields__ if f"`{name}`" not in section} == set()


@pytest.mark.parametrize("detector", [*DETECTOR_NAMES, "contract"])
def test_every_detector_is_documented(detector: str) -> None:
    assert f"| `{detector}` |" in _page("detectors.md")


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(ModelSpec)])
def test_every_setting_of_a_model_is_documented(setting: str) -> None:
    written = {"references_by_version": "versions", "fields": "features", "name": "models.<name>"}
    known = {setting, setting.removesuffix("_ms"), written.get(setting, setting)}
    assert any(f"`{name}`" in _page("configuration.md") for name in known)


def _picture(name: str) -> str:
    return (ROOT / "docs" / "images" / name).read_text(encoding="utf-8")


def _words_of(picture: str) -> list[str]:
    return " ".join(re.findall(r">([^<]*)</text>", picture)).replace("&#160;", " ").split()


@pytest.mark.parametrize("name", ["demo.svg", "replay.svg"])
def test_the_pictures_of_the_pages_fetch_nothing(name: str) -> None:
    assert not re.search(r"url\(['\"]?https?:|href|@import|@font-face", _picture(name))


def test_the_picture_in_the_readme_is_of_a_demo_that_found_what_was_planted() -> None:
    words = " ".join(_words_of(_picture("demo.svg")))
    planted = DRIFTS["unit"]
    for told in (
        f"planted {planted.told}",
        f"ALERT {planted.model}: {planted.field} has drifted",
        "driftline demo --data",
    ):
        assert told in words, "draw it again: tools/draw-demo"


def test_the_picture_of_a_replay_shows_the_fields_and_figures_of_the_example() -> None:
    findings = run_demo(examples_folder()).findings
    words = _words_of(_picture("replay.svg"))
    assert [word for word in words if word in {f.field.name for f in findings}] == [f.field.name for f in findings]
    psi = [f"{f.worst_window.psi:.2f}" for f in findings if f.worst_window is not None]
    assert [word for word in words if word in psi] == psi, "draw it again: tools/draw-demo"


def test_the_figures_of_the_sizing_page_are_those_of_the_state() -> None:
    spec = ModelSpec(name="m")
    fields, numeric, rows = 22, 18, 64
    slots = OpenWindows(spec.windows_ms, Admission(spec.windows_ms[0], spec.lateness_ms, None, 0, 0).open_panes).slots
    windows, detectors = WindowState(slots, fields, numeric), DetectorState(fields)
    for state in (windows, detectors):
        grow(state, rows)
    told = [int(n.replace(",", "")) for n in re.findall(r"\| ([\d,]+) \|$", _page("sizing.md"), re.MULTILINE)]
    for bytes_told, state in zip(told, (windows, detectors), strict=False):
        assert nbytes(state) / rows / fields == pytest.approx(bytes_told, rel=0.01)
    assert told[2] == pytest.approx(told[0] + told[1], abs=1)


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page}: {target}"
        for page in _pages()
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8"))
        if not (ROOT / page.parent / target).exists()
    ]
    assert broken == []
