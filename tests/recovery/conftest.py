"""Which seeds of the simulation run: a fixed set, some that differ in every run, or the one that is asked for."""

from __future__ import annotations

import os

import pytest

FIXED = {"toy": 200, "real": 40}
DRAWN = {"toy": 100, "real": 20}
SEEDS_PER_TEST = {"toy": 50, "real": 10}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--simulation-seed", type=int, default=None, help="run the simulation of recovery with this seed only"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for kind in FIXED:
        if f"{kind}_seeds" in metafunc.fixturenames:
            blocks = _blocks(kind, metafunc.config.getoption("simulation_seed", None))
            metafunc.parametrize(f"{kind}_seeds", blocks.values(), ids=blocks)


def _blocks(kind: str, asked: int | None) -> dict[str, range]:
    """Seeds by the name of the test that runs them; the names are the same in every run."""
    if asked is not None:
        return {f"seed {asked}": range(asked, asked + 1)}
    n, first = SEEDS_PER_TEST[kind], 1_000_000 + int(os.environ["DRIFTLINE_TEST_SEED"])
    fixed = {f"seeds {i} to {i + n - 1}": range(i, i + n) for i in range(0, FIXED[kind], n)}
    return fixed | {
        f"drawn seeds {i} to {i + n - 1}": range(first + i, first + i + n) for i in range(0, DRAWN[kind], n)
    }
