"""A worker as a process of its own, started for a demo and ended with it, however the demo ends."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

from driftline.schemas.errors import DriftlineError
from driftline.sinks.metric_names import EVENTS

_READY_S_MAX: Final = 180.0  # compiling included, on a slow machine
_POLL_S: Final = 0.1
_ANSWER_S_MAX: Final = 2.0
_STOP_S_MAX: Final = 12.0
_LOG_SHOWN: Final = 2_000

_ADDRESS: Final = re.compile(r"health and metrics on (http://\S+)")
_OUTCOME: Final = re.compile(rf'^{EVENTS.name}\{{[^}}]*outcome="(\w+)"[^}}]*\}} ([0-9.e+]+)$', re.MULTILINE)


class WorkerFailed(DriftlineError):
    """The worker ended, or never got ready; the message has the end of its log."""


class WorkerProcess:
    """`driftline worker --config CONFIG`, which logs to a file. Its `worker.web.port` has to be 0: the log names it."""

    def __init__(self, config: Path, log: Path, environ: Mapping[str, str]) -> None:
        self.address = ""
        self._log = log
        # setpriv: also when this process is killed, the worker does not stay behind
        guarded = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command = [*guarded, sys.executable, "-m", "driftline.cli", "worker", "--config", str(config.absolute())]
        with log.open("wb") as file:
            # a session of its own: Ctrl-C is for the demo, which ends the worker in its turn
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=log.parent,
                env=dict(environ),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Until it has its partitions. Raises WorkerFailed."""
        deadline = time.monotonic() + _READY_S_MAX
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise WorkerFailed(f"the worker was not ready within {_READY_S_MAX:.0f} s:\n{self._end_of_log()}")
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raises WorkerFailed if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise WorkerFailed(f"the worker ended with code {code}:\n{self._end_of_log()}")

    def outcomes(self) -> Counter[str]:
        """What became of the predictions it read, by outcome; empty while it does not say."""
        try:
            text = self._get("/metrics")
        except OSError:
            return Counter()
        found: Counter[str] = Counter()
        for outcome, count in _OUTCOME.findall(text):
            found[outcome] += int(float(count))
        return found

    def stop(self) -> int:
        """SIGTERM, on which it saves its state and ends; kill -9 if that takes too long. The exit code."""
        self._process.terminate()
        try:
            return self._process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            return self._kill()
        except KeyboardInterrupt:
            self._kill()
            raise

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _kill(self) -> int:
        self._process.kill()
        return self._process.wait()

    def _is_ready(self) -> bool:
        if not self.address:
            named = _ADDRESS.search(self._log.read_text(encoding="utf-8", errors="replace"))
            if named is None:
                return False
            self.address = named[1]
        try:
            self._get("/readyz")
        except OSError:  # not listening yet, or 503: not ready
            return False
        return True

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=_ANSWER_S_MAX) as answer:
            body: bytes = answer.read()
        return body.decode()

    def _end_of_log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_SHOWN:]


def environment(bootstrap_servers: str | None) -> dict[str, str]:
    """That of this process for the worker of a demo, without settings that would reach into its configuration.

    bootstrap_servers: a broker of the user's, so the login and certificates of `DRIFTLINE_BROKER__...` stay.
    """
    kept = "DRIFTLINE_BROKER__" if bootstrap_servers else None
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DRIFTLINE_") or (kept and name.startswith(kept))
    }
    if bootstrap_servers:
        environ["DRIFTLINE_BROKER__BOOTSTRAP_SERVERS"] = bootstrap_servers
    return environ
