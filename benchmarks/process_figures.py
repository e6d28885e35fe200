"""What a running process costs, from /proc: CPU time of each thread, memory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

_TICKS_A_S: Final = os.sysconf("SC_CLK_TCK")
_NAMED: Final = re.compile(r'^Thread (\d+) \([^)]*\): "(.*)"$', re.MULTILINE)


def thread_cpu_s(pid: int) -> dict[int, float]:
    """CPU seconds of each thread so far, in user mode and in the kernel."""
    return {int(task.name): _cpu_s(task) for task in Path(f"/proc/{pid}/task").iterdir()}


def _cpu_s(task: Path) -> float:
    """Fields 14 and 15 of proc(5), counted after the name, which may hold spaces; 0 for a thread that has just ended."""
    try:
        fields = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_S


def thread_names(pid: int) -> dict[int, str]:
    """What Python calls its threads, if py-spy is installed; the kernel does not know. The main thread is always named."""
    names = {pid: "event loop"}
    program = shutil.which("py-spy")
    if program is not None:
        dump = subprocess.run([program, "dump", "--pid", str(pid)], capture_output=True, text=True, check=False)
        names |= {int(tid): name for tid, name in _NAMED.findall(dump.stdout) if int(tid) != pid}
    return names


def memory_mb(pid: int) -> dict[str, float]:
    """Resident memory in MB (10^6 bytes): now, and the most there was."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    kb = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if name[:2] == "Vm"}
    return {"rss_mb": kb["VmRSS"] * 1024 / 1e6, "peak_rss_mb": kb["VmHWM"] * 1024 / 1e6}
