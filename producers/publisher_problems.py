"""Problems of a publisher, told by its own thread: a service's call only leaves a note.

A log handler may block, and a broker that is away makes a problem of every call. So each kind of problem is told when it
first comes, and then after a minute, two, four, ... up to an hour, with how often it came in between.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

log: Final = logging.getLogger("driftline.publisher")

OnProblem: TypeAlias = Callable[[str, str], None]
"""Called with the kind of a problem and a sentence about it, on a thread of its own."""

BROKER: Final = "broker"
INVALID_VALUE: Final = "invalid_value"
BAD_TRACEPARENT: Final = "bad_traceparent"
"""Kinds of problems that drop no event; the other kinds are the reasons of `DropReason`."""

INTERVAL_S: Final = 60.0
INTERVAL_S_MAX: Final = 3_600.0


@dataclass(slots=True)
class _Noted:
    """One kind of problem: its latest sentence, how often it came untold, and when it may be told again."""

    message: str = ""
    times: int = 0
    interval_s: float = INTERVAL_S
    next_s: float = 0.0


class Problems:
    """Collects notes from any thread and tells them from one. The kinds are few and fixed, so this stays small."""

    def __init__(self, on_problem: OnProblem | None = None) -> None:
        self._on_problem = on_problem
        self.reset()

    def reset(self) -> None:
        """Forget everything, with a lock that nobody holds: for the child of a fork."""
        self._lock = threading.RLock()
        self._noted: dict[str, _Noted] = {}

    def note(self, kind: str, message: str) -> None:
        """Leave a note; nothing is logged here."""
        with self._lock:
            noted = self._noted.setdefault(kind, _Noted())
            noted.message = message
            noted.times += 1

    def tell(self, *, everything: bool = False) -> None:
        """Log what is due; `everything`: also what would be told later, as at the end."""
        for kind, sentence in self._due(time.monotonic(), everything):
            log.warning("%s: %s", kind, sentence)
            if self._on_problem is not None:
                # whatever it does or raises, neither the service nor the publisher's thread comes to harm
                name = "driftline-publisher-problem"
                threading.Thread(target=self._on_problem, args=(kind, sentence), name=name, daemon=True).start()

    def _due(self, now_s: float, everything: bool) -> list[tuple[str, str]]:
        with self._lock:
            due = []
            for kind, noted in self._noted.items():
                if noted.times and (everything or now_s >= noted.next_s):
                    due.append((kind, _sentence(noted)))
                    noted.times = 0
                    noted.next_s = now_s + noted.interval_s
                    noted.interval_s = min(2 * noted.interval_s, INTERVAL_S_MAX)
            return due


def _sentence(noted: _Noted) -> str:
    return noted.message if noted.times == 1 else f"{noted.message} ({noted.times:,} times since it was last told)"
