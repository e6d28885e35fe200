"""`driftline demo --data`: a model that gets worse, on real data of the repository. No broker, no settings, seconds."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from driftline.cli.finding_words import sentence
from driftline.cli.findings import Finding
from driftline.cli.replay_files import run_replay
from driftline.cli.replay_outcome import Outcome
from driftline.cli.report import show_budgets, show_findings, show_traffic
from driftline.config.load import load_config
from driftline.schemas.errors import InputError
from driftline.schemas.signals import Signal

CONFIG: Final = Path("california/config.yaml")
PREDICTIONS: Final = Path("data/california_housing_analysis.csv")

_SENTENCES: Final = 5


def data_demo(console: Console) -> None:
    """Replay real housing predictions and show what drifted, when, and by how much. Raises DriftlineError."""
    folder = examples_folder()
    show_demo(console, run_demo(folder), folder)


def examples_folder() -> Path:
    """The examples of the repository that this file belongs to, itself or by the links of an editable install."""
    here = Path(__file__)
    for above in (*here.resolve().parents, *here.parents):
        folder = above / "examples"
        if (folder / CONFIG).is_file() and (folder / PREDICTIONS).is_file():
            return folder
    raise InputError(f"{PREDICTIONS.name}: is not in the package; run `driftline demo --data` in a clone")


def run_demo(folder: Path) -> Outcome:
    """Replay the example; nothing is written."""
    return run_replay(load_config(folder / CONFIG), folder / PREDICTIONS, None, _Nowhere, show_progress=True)


def show_demo(console: Console, outcome: Outcome, folder: Path) -> None:
    """The table, what it says in plain sentences, and where to go from here."""
    console.print("Hourly predictions of a real classifier: is a Californian district expensive?\n")
    show_findings(console, outcome.findings)
    console.print()
    console.print("[bold]In words[/]")
    for line in reading(outcome.findings):
        console.print(Padding(Text(line), (0, 0, 0, 2)))
    console.print()
    show_budgets(console, outcome.rates)
    # without its speed: the first run of all mostly compiles
    show_traffic(console, outcome.summary, outcome.span_ms, timed=False)
    console.print("\n[bold]What next[/]")
    for what, arguments in next_steps(folder):
        console.print(f"  {what}")
        # broken before each option: short enough for a plain terminal, and still one command to copy
        command = shlex.join([*command_name(), *arguments]).replace(" --", " \\\n      --")
        console.print(Text(f"    {command}", style="cyan"), soft_wrap=True)


def reading(findings: Sequence[Finding]) -> list[str]:
    """The worst few findings as sentences, those that last first."""
    chosen = sorted(findings, key=lambda finding: finding.over)[:_SENTENCES]
    lines = [sentence(finding) for finding in chosen]
    rest = len(findings) - len(lines)
    return [*lines, f"{rest} more are in the table."] if rest > 0 else lines


def next_steps(folder: Path) -> list[tuple[str, list[str]]]:
    """(what it does, arguments of the command)."""
    shown = _short(folder)
    config, predictions = str(shown / CONFIG), str(shown / PREDICTIONS)
    replay = ["replay", "--config", config, "--predictions", predictions, "--out", "out"]
    return [
        ("every alert and every window of this run, as files:", replay),
        ("what the model was compared with:", ["reference", "show", str(shown / CONFIG.parent / "reference.json")]),
    ]


def command_name() -> list[str]:
    """How this process was started, so that the commands shown can be copied."""
    if shutil.which("driftline") is not None:
        return ["driftline"]
    script, beside = Path(sys.argv[0]), Path(sys.executable).with_name("driftline")
    if script.name != "driftline" and beside.is_file() and not _short(beside).is_absolute():
        script = beside  # that of this clone's environment
    return [str(_short(script))] if script.name == "driftline" else ["python", "-m", "driftline.cli"]


def _short(path: Path) -> Path:
    """Relative to the current folder where that is shorter."""
    resolved, here = path.resolve(), Path.cwd()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else path


class _Nowhere:
    """A sink that keeps nothing."""

    def write(self, signals: Iterable[Signal]) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing was opened."""
