"""Runs a worker's application until a signal ends it: our logging, no banner, quick way out."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Final, NoReturn

from faust.worker import Worker as FaustWorker

from driftline.processors.streaming.app import DriftlineApp

_OTHERS = ("aiokafka", "faust", "mode")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_NEW_OBJECTS_A_COLLECTION: Final = 50_000


def run(app: DriftlineApp, log_level: str) -> NoReturn:
    """Run until SIGTERM or SIGINT; ends the process with SystemExit (0 after a clean stop)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_OthersOncePerSecond())
    logging.basicConfig(handlers=[handler], level=log_level.upper(), format=_FORMAT)
    for name in (*_OTHERS, "driftline.processors"):  # the latter: what Faust logs in the name of our subclasses
        logging.getLogger(name).setLevel(logging.WARNING)
    worker = FaustWorker(app, quiet=True, override_logging=False, loglevel=log_level, redirect_stdouts=False)
    worker.spinner = None
    _collect_rarely()
    worker.execute_from_commandline()


def _collect_rarely() -> None:
    """Every record that aiokafka parses counts as two new objects for the cyclic garbage collector.

    Usually it looks for garbage after each 700 of them: two microseconds a record under the interpreter's lock, a third of
    all that a worker does. What is there when a worker starts stays for ever, and is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_A_COLLECTION, 10, 10)


class _OthersOncePerSecond(logging.Filter):
    """Lets one record a second pass for each place in other libraries that logs.

    While a broker is away, aiokafka logs every one of its thousands of tries.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_OTHERS):
            return True
        place = (record.pathname, record.lineno)
        if record.created - self._last.get(place, 0.0) < 1.0:
            return False
        self._last[place] = record.created
        return True
