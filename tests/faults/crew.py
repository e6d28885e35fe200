"""Workers under load that are killed, stopped and frozen, and somebody who starts those that end by themselves."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from tests.streaming.stage import Stage
from tests.streaming.worker_process import Applied, WorkerProcess

CAP_S: Final = 120.0
"""A partition that is not read for so long is stuck."""

_LOOK_EVERY_S: Final = 0.1


@dataclass
class Crew:
    """`alive`: by name, the workers that are meant to run. `exits`: those that ended by themselves, with their codes."""

    stage: Stage
    names: tuple[str, ...] = ("a", "b", "c")
    alive: dict[str, WorkerProcess] = field(default_factory=dict)
    exits: list[tuple[str, int]] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def down(self) -> list[str]:
        """Names of those that are not meant to run."""
        return [name for name in self.names if name not in self.alive]

    def start(self, name: str) -> None:
        self.alive[name] = self.stage.start_worker(**self.arguments)

    def start_all(self) -> None:
        for name in self.down:
            self.start(name)

    def kill(self, name: str) -> None:
        """kill -9."""
        self.alive.pop(name).kill()

    def terminate(self, name: str) -> tuple[int, float]:
        """Exit code and seconds."""
        return self.alive.pop(name).terminate()

    def freeze(self, name: str, seconds: float) -> threading.Timer:
        """SIGSTOP, and SIGCONT after this time, when the timer is over."""
        worker = self.alive[name]
        worker.pause()
        wake = threading.Timer(seconds, worker.resume)
        wake.start()
        return wake

    def supervise(self) -> None:
        """Start those that have ended by themselves."""
        for name, worker in list(self.alive.items()):
            if worker.exit_code is not None:
                self.exits.append((name, worker.exit_code))
                self.start(name)

    def all_ready(self) -> None:
        """Wait until every worker is, and has partitions."""

        def ready() -> bool:
            self.supervise()
            found = [worker.health() for worker in self.alive.values()]
            return all(health.get("ready") and health.get("partitions") for health in found)

        self.stage.wait_for(ready, "all workers are ready", CAP_S)

    def caught_up(self, goal: Applied, since: float) -> float:
        """Seconds since that moment (monotonic) until the workers have applied up to `goal`."""
        pending = dict(goal)
        while pending:
            self.supervise()
            applied = self.stage.applied()
            pending = {at: offset for at, offset in pending.items() if applied.get(at, -1) < offset}
            took_s = time.monotonic() - since
            if took_s > CAP_S:
                logs = "\n".join(f"--- {name}\n{worker.end_of_log()}" for name, worker in self.alive.items())
                raise AssertionError(f"stuck for {took_s:.0f} s at {applied}, waiting for {pending}\n{logs}")
            time.sleep(_LOOK_EVERY_S)
        return took_s
