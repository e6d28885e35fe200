"""Each peer lives in its own virtual environment, made from its pinned requirements the first time it is needed.

Neither can share ours: whylogs needs numpy 1, Evidently pandas 2. whylogs' numpy has no builds for Python 3.13, so an
older Python is looked for on the PATH when this one is too new.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent / "environments"
NEWEST_PYTHON = (3, 12)


class NoPython(Exception):
    """No Python on this machine that the peers run on."""


def python_of(peer: str) -> str:
    """Return the interpreter of the peer's environment, making the environment if it is missing or out of date.

    Raises NoPython if none is on the PATH, subprocess.CalledProcessError if the requirements do not install.
    """
    requirements = HERE / f"{peer}.txt"
    folder = ENVIRONMENTS / peer
    python, stamp = folder / "bin" / "python", folder / "requirements.blake2b"
    wanted = hashlib.blake2b(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making the environment of {peer} ...", file=sys.stderr, flush=True)
        subprocess.run([_base_python(), "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--only-binary", ":all:", "-r", str(requirements)], check=True)
        stamp.write_text(wanted)
    return str(python)


def _base_python() -> str:
    if sys.version_info[:2] <= NEWEST_PYTHON:
        return sys.executable
    for name in ("python3.12", "python3.11"):
        found = shutil.which(name)
        if found is not None:
            return found
    raise NoPython("the peers run on Python 3.11 and 3.12: put one of them on the PATH, or use --no-peers")
