"""Runs one command as a fresh process and says what it cost.

The peak memory that the system reports for a child starts from that of the process which started it. So whoever calls
this stays small: no numpy, no data in memory.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple


class Run(NamedTuple):
    """wall_s from start to end of the process, cpu_s of all its threads, peak resident memory in MB (10^6 bytes)."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run the command to its end. Ends this program with the command's error output if it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)}\nended with {process.returncode}:\n{_text(err)[-4_000:]}")
        return Run(wall_s, usage.ru_utime + usage.ru_stime, _bytes(usage.ru_maxrss) / 1e6, _text(out))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _bytes(maxrss: int) -> int:
    """Linux counts kilobytes, macOS bytes."""
    return maxrss if sys.platform == "darwin" else maxrss * 1024
