"""A worker that dies or freezes at one named point of its work: `python -m tests.faults.doomed_worker --config FILE`.

DOOM says where, as `WHEN STEP NUMBER`: `before append 3` is when the third time something is appended to the snapshots
begins, `after append 3` when it is acknowledged, `amid append 3` when it is under way. It dies as by kill -9, at once; with
DOOM_BY=freeze it is stopped as by SIGSTOP instead, and goes on from that very point when somebody sends SIGCONT.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import typer

from driftline.cli.worker import worker
from driftline.processors.streaming import ownership
from driftline.schemas.outputs import Output
from driftline.sinks.kafka_outputs import KafkaOutputs

STEPS: Final = ("compute", "outputs_acknowledged", "append", "commit")
"""What `persist` asks of the worker, in its order; `append` comes for chunks, for the manifest, then for tombstones."""

DIED: Final = 137

PUT: Final = "put"
"""Outputs that follow from a batch are handed over to be sent."""

_AMID_S: Final = 0.002
"""Long enough to send something, too short for its acknowledgement."""


class Doom:
    """Counts steps, and ends the process at the one that was named."""

    def __init__(self, named: str) -> None:
        self._when, self._step, number = named.split(" ")
        self._number = int(number)
        self._met: Counter[str] = Counter()

    def wrap(self, step: str, method: Callable[..., Any]) -> Callable[..., Any]:
        async def doomed(*arguments: Any) -> Any:
            self._met[step] += 1
            here = (step, self._met[step]) == (self._step, self._number)
            if here and self._when == "before":
                die()
            under_way = asyncio.ensure_future(method(*arguments))
            if here and self._when == "amid":
                await asyncio.sleep(_AMID_S)
                die()
            done = await under_way
            if here and self._when == "after":
                die()
            return done

        return doomed

    def wrap_put(self, method: Callable[..., None]) -> Callable[..., None]:
        def doomed(self_: KafkaOutputs, outputs: Iterable[Output], appended_ms: int) -> None:
            outputs = list(outputs)
            self._met[PUT] += bool(outputs)
            here = bool(outputs) and (PUT, self._met[PUT]) == (self._step, self._number)
            if here and self._when == "before":
                die()
            method(self_, outputs, appended_ms)
            if here and self._when == "amid":
                asyncio.get_running_loop().call_later(_AMID_S, die)
            elif here and self._when == "after":
                die()

        return doomed


def die() -> None:
    """As by kill -9, nothing is flushed, closed or said; or frozen."""
    if os.environ.get("DOOM_BY") == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        os._exit(DIED)


def main() -> None:
    doom = Doom(os.environ["DOOM"])
    ports: Any = ownership._Ports
    for step in STEPS:
        setattr(ports, step, doom.wrap(step, getattr(ports, step)))
    KafkaOutputs.put = doom.wrap_put(KafkaOutputs.put)  # type: ignore[method-assign]
    typer.run(worker)


if __name__ == "__main__":
    main()
