"""Coroutines that are stepped by hand: each `await` hands control back to whoever decides what happens next."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Step:
    """Awaited: something else may happen here. `until`: go on only once this holds."""

    def __init__(self, until: Callable[[], bool] | None = None) -> None:
        self.until = until

    def __await__(self) -> Generator[Step, None, None]:
        yield self


class Task:
    """A coroutine between two of its steps."""

    def __init__(self, coroutine: Coroutine[Step, None, Any]) -> None:
        self._coroutine = coroutine
        self._waits: Step | None = None
        self.done = False

    @property
    def ready(self) -> bool:
        """Whether a step would get anywhere."""
        until = self._waits.until if self._waits else None
        return not self.done and (until is None or until())

    def step(self) -> None:
        """Run to the next `await`."""
        try:
            self._waits = self._coroutine.send(None)
        except StopIteration:
            self.done = True

    def cancel(self) -> None:
        """It never gets any further; its `finally` blocks run."""
        self._coroutine.close()
        self.done = True


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits for something")
