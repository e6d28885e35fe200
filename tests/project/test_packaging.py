"""What is installed is what is in git: every package listed, every file in the wheel, nothing beside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.project.repository import FOLDERS, ROOT, python_files, tracked_files


def _project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel that is built from exactly what git tracks."""
    source = tmp_path_factory.mktemp("source")
    for path in tracked_files():
        if path.parts[0] in FOLDERS or len(path.parts) == 1:
            (source / path.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, source / path)
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*build, "--wheel-dir", str(out), str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_package_is_listed_in_pyproject() -> None:
    wanted = {"driftline." + ".".join(path.parent.parts) for path in python_files(*FOLDERS)}
    listed = set(_project()["tool"]["setuptools"]["packages"])  # type: ignore[index]
    missing = "".join(f'\n    "{name}",' for name in sorted(wanted - listed))
    assert not missing, f"add to [tool.setuptools] packages in pyproject.toml:{missing}"
    assert not listed - wanted, f"remove from [tool.setuptools] packages: {sorted(listed - wanted)}"


def test_every_package_has_an_init_file() -> None:
    folders = {path.parent for path in python_files(*FOLDERS)}
    missing = [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()]
    assert not missing, f"add an __init__.py that says what the folder holds: {missing}"


def test_every_top_level_folder_says_that_it_is_typed() -> None:
    assert [folder for folder in FOLDERS if not (ROOT / folder / "py.typed").is_file()] == []


def test_the_wheel_holds_what_git_tracks_and_nothing_else(wheel_names: set[str]) -> None:
    installed = {name for name in wheel_names if ".dist-info/" not in name}
    tracked = {f"driftline/{path.as_posix()}" for path in tracked_files() if path.parts[0] in FOLDERS}
    assert not tracked - installed, f"add to [tool.setuptools.package-data]: {sorted(tracked - installed)}"
    assert not installed - tracked, f"in the wheel but not in git: {sorted(installed - tracked)}"


def test_the_wheel_carries_the_licence_and_the_notice(wheel_names: set[str]) -> None:
    assert {Path(name).name for name in wheel_names if "/licenses/" in name} == {"LICENSE", "NOTICE"}


@pytest.mark.parametrize("name", ["monitor.txt", "dev.txt"])
def test_locked_requirements_are_hashed_and_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    requirements = [line for line in text.splitlines() if "==" in line and not line.startswith(("#", " "))]
    assert requirements
    assert all(line.endswith("\\") for line in requirements), "every pinned release is followed by its hashes"
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_the_lock_for_development_pins_what_the_worker_pins() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
        return {line.split()[0] for line in lines if "==" in line and not line.startswith(("#", " "))}

    assert pins("monitor.txt") <= pins("dev.txt")


def test_every_direct_dependency_is_locked() -> None:
    project = _project()["project"]
    extras = project["optional-dependencies"]  # type: ignore[index]
    direct = [*project["dependencies"], *extras["monitor"], *extras["dev"]]  # type: ignore[index]
    names = {re.split(r"[\[=>]", item)[0].strip().lower() for item in direct}
    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8").lower()
    assert {name for name in names if f"\n{name}==" not in locked} == set()
