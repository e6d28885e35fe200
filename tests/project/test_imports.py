"""Who may import whom: the folders are a picture of the data flow, and publishing stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.repository import FOLDERS, ROOT, imports_of, python_files

LIBRARIES = {
    "schemas": {"msgspec", "orjson"},
    "config": {"msgspec", "orjson", "pydantic", "pydantic_core", "yaml"},
    "processors": {"msgspec", "orjson", "numpy", "numba", "scipy", "river"},
    "producers": {"msgspec", "orjson", "numpy", "pyarrow", "confluent_kafka", "prometheus_client"},
    "sinks": {
        "aiokafka", "confluent_kafka", "msgspec", "numpy", "orjson", "prometheus_client", "redis", "rocksdict",
    },
    "cli": {"msgspec", "orjson", "numpy", "pydantic", "pyarrow", "rich", "typer"},
}  # fmt: skip
"""What each folder may import beside the standard library and driftline itself."""

SHELL = "processors/streaming/"
SHELL_LIBRARIES = {"aiohttp", "aiokafka", "faust"}
"""The live shell, and nothing else of the processors, may reach Kafka and the network."""


def test_import_linter_keeps_every_contract() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_the_libraries_it_may(folder: str) -> None:
    allowed = LIBRARIES[folder] | set(sys.stdlib_module_names) | {"driftline"}
    strangers = {
        f"{path}:{line} imports {module}"
        for path in python_files(folder)
        for line, module in imports_of(path)
        if module.split(".")[0] not in allowed | (SHELL_LIBRARIES if str(path).startswith(SHELL) else set())
    }
    assert strangers == set()


def test_the_core_does_not_know_the_shell_around_it() -> None:
    core = [path for path in python_files("processors") if not str(path).startswith(SHELL)]
    known = {str(path) for path in core for _, module in imports_of(path) if "processors.streaming" in module}
    assert len(core) > 50
    assert known == set()


HEAVY = {
    "driftline.schemas": ("numpy", "numba", "scipy", "pandas", "pyarrow", "pydantic", "faust", "rich"),
    "driftline.producers": ("numba", "scipy", "pandas", "faust", "river", "pyarrow"),
    "driftline.producers.publisher": ("numba", "numpy", "faust", "pandas", "pydantic", "yaml", "rich"),
    "driftline.cli.app": ("numba", "scipy", "numpy", "pandas", "faust", "river", "pyarrow", "pydantic"),
}


@pytest.mark.parametrize("module", HEAVY)
def test_a_light_import_stays_light(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY[module]!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("folder", FOLDERS)
def test_ruff_bans_the_bare_name_of_every_folder(folder: str) -> None:
    ruff = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", "tests/example.py", "-"]
    done = subprocess.run(ruff, cwd=ROOT, input=f"import {folder}\n", capture_output=True, text=True)
    assert done.returncode == 1
    assert f"from driftline.{folder} import" in done.stdout
