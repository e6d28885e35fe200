"""`driftline worker` as a process of its own: started, killed, stopped, frozen, and asked how it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from driftline.schemas.inputs import Input
from tests.project.repository import ROOT
from tests.streaming.waiting import PATIENCE_S, wait_until

COMMAND: Final = ("-m", "driftline.cli", "worker")

_ADDRESS: Final = re.compile(r"health and metrics on (http://\S+)")
_APPLIED: Final = re.compile(r'^driftline_applied_offset\{input="(\w+)",partition="(\d+)"\} (\S+)$', re.MULTILINE)
_LOG_SHOWN: Final = 6_000
_ANSWER_S_MAX: Final = 2.0

Applied = dict[tuple[Input, int], int]
"""First offset that is not in the state, by input and partition."""


class WorkerProcess:
    """Starts at once. `command`: what Python is told before `--config`; the log goes to `log`, whole."""

    def __init__(
        self,
        config: Path,
        log: Path,
        *,
        command: Sequence[str] = COMMAND,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        # setpriv: however the test ends, the worker does not stay behind
        guarded = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [*guarded, sys.executable, *command, "--config", str(config)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": paths, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    # -- what is done to it ------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """SIGKILL, and gone."""
        self._process.kill()
        self._process.wait()

    def terminate(self, cap_s: float = PATIENCE_S) -> tuple[int, float]:
        """SIGTERM; exit code and seconds until it was gone."""
        began = time.monotonic()
        self._process.terminate()
        return self.wait(cap_s), time.monotonic() - began

    def wait(self, cap_s: float = PATIENCE_S) -> int:
        """The exit code of a worker that ends by itself."""
        try:
            return self._process.wait(cap_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker has not ended after {cap_s:.0f} s:\n{self.end_of_log()}") from None

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and does nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self._process.pid, signal.SIGCONT)

    # -- what it says ------------------------------------------------------------------------------------------------

    @property
    def exit_code(self) -> int | None:
        """None: it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def has_begun(self) -> bool:
        """It serves its health page: it is in its group, or about to be."""
        return _ADDRESS.search(self.log_text()) is not None

    def log_text(self) -> str:
        """All it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def end_of_log(self) -> str:
        """Enough of it to see what went wrong."""
        return self.log_text()[-_LOG_SHOWN:]

    def health(self) -> dict[str, Any]:
        """What /readyz says; {} while it says nothing."""
        text = self._get("/readyz")
        condition: dict[str, Any] = json.loads(text) if text else {}
        return condition

    def live(self) -> bool:
        """What /healthz says."""
        text = self._get("/healthz")
        return bool(text) and bool(json.loads(text)["live"])

    def applied(self) -> Applied:
        """As /metrics shows it: a second old at most; {} while nothing is shown."""
        found = _APPLIED.findall(self._get("/metrics"))
        return {(Input(source), int(p)): int(float(offset)) for source, p, offset in found}

    def metric(self, name: str) -> float:
        """The sum over all series of this name, or with these labels (`name{a="b"}`)."""
        pattern = re.compile(
            "^" + re.escape(name) + (r"" if "{" in name else r"(?:\{[^}]*\})?") + r" (\S+)$", re.MULTILINE
        )
        return sum(float(value) for value in pattern.findall(self._get("/metrics")))

    def wait_until_ready(self, cap_s: float = PATIENCE_S) -> float:
        """Seconds until /readyz is content."""
        return self.wait_for(lambda: bool(self.health().get("ready")), "ready", cap_s)

    def wait_for(self, reached: Any, what: str, cap_s: float = PATIENCE_S) -> float:
        """Seconds until `reached()`; raises with the end of the log when the worker ends instead, or does not get there."""

        def reached_or_gone() -> bool:
            return bool(reached()) or self.exit_code is not None

        try:
            took_s = wait_until(reached_or_gone, what, cap_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.health()}\n{self.end_of_log()}") from None
        if self.exit_code is not None and not reached():
            raise AssertionError(f"ended with code {self.exit_code} before: {what}\n{self.end_of_log()}")
        return took_s

    def _get(self, path: str) -> str:
        """The body, whatever the status; "" while nobody answers."""
        address = _ADDRESS.search(self.log_text())
        if address is None or self.exit_code is not None:
            return ""
        try:
            with urllib.request.urlopen(address[1] + path, timeout=_ANSWER_S_MAX) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError:
            return ""
