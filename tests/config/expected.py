"""What the files beside this one are expected to give. `python -m tests.config.expected` writes it anew, for review."""

from __future__ import annotations

from pathlib import Path

from driftline.config.load import load_config
from driftline.config.problems import ConfigError
from driftline.config.summary import summarize

HERE = Path(__file__).parent
BAD = HERE / "bad"
EXAMPLES = HERE.parents[1] / "config" / "examples"
EXAMPLES_SHOWN = HERE / "examples"


def problems_of(file: Path) -> str:
    """The problems of a bad file, one a line; "" when it is right after all."""
    try:
        load_config(file, environ={})
    except ConfigError as error:
        return "".join(f"{problem}\n" for problem in error.problems)
    return ""


def summary_of(file: Path) -> str:
    """What runs with an example, as `driftline check` says it."""
    parts = summarize(load_config(file, environ={}))
    lines = [[part.heading, *(f"  {name:<15} {value}" for name, value in part.lines)] for part in parts]
    folder = str(file.parent)
    return "\n".join("\n".join(line.rstrip() for line in part) for part in lines).replace(folder, "...") + "\n"


def main() -> None:
    for file in BAD.glob("*.yaml"):
        file.with_suffix(".txt").write_text(problems_of(file), encoding="utf-8")
    for file in EXAMPLES.glob("*.yaml"):
        (EXAMPLES_SHOWN / file.name).with_suffix(".txt").write_text(summary_of(file), encoding="utf-8")


if __name__ == "__main__":
    main()
