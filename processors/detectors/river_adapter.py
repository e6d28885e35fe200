"""Any drift detector of river, by its name, behind the protocol of our own.

A snapshot walks the detector's attributes and writes values only: numbers, texts, lists, the state of random number
generators, and the bytes in which river's compiled parts describe themselves. It names no class and holds no code:
`restore` builds the detector from its parameters and fills in the values. A detector that holds anything else is
refused when it is made, not when the first snapshot is due.
"""

from __future__ import annotations

import inspect
import types
from collections import deque
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import I64
from driftline.processors.detectors.protocol import LARGEST_VALUE, read_snapshot, write_snapshot

_COMPILED: Final = "river._river_rust"
_BINARY: Final = "river.drift.binary"


class RiverDetector:
    """A detector of `river.drift` or `river.drift.binary`.

    Its alarms are river's, with two additions: broken values (NaN, infinite, beyond 1e100) are skipped, and detectors
    that draw random numbers must be given a seed. There is no statistic that all of river's detectors have, so
    `statistic` is 1 when the last value alarmed and 0 otherwise, and `threshold` is 1. Our own `Adwin` and
    `PageHinkley` alarm at the same values as river's, much faster, and `Adwin` in bounded memory.

    Parameters
    ----------
    name
        The class in river, such as "KSWIN", "DDM", "EDDM", "FHDDM", "HDDMA" or "HDDMW".
    parameters
        What river's class is to be called with; what is left out has river's default.

    Raises ValueError, naming the choices, for a name or parameter that river does not have.

    >>> import random
    >>> rng = random.Random(12345)
    >>> stream = rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)
    >>> kswin = RiverDetector("KSWIN", {"alpha": 0.0001, "seed": 42})
    >>> [i for i, x in enumerate(stream) if kswin.update(x)]
    [1016]

    Binary detectors take 0 and 1, usually "right" and "wrong".

    >>> rng = random.Random(42)
    >>> errors = rng.choices([0, 1], k=1000) + rng.choices([0, 1], k=1000, weights=[0.3, 0.7])
    >>> RiverDetector("DDM").update_many(errors).tolist()
    [1334]

    References
    ----------
    J. Montiel et al., "River: machine learning for streaming data in Python", JMLR 22 (2021). river's documentation
    names the paper of each detector.
    """

    def __init__(self, name: str, parameters: Mapping[str, Any] | None = None) -> None:
        classes = river_detectors()
        if name not in classes:
            raise ValueError(f"river has no drift detector {name!r}: write one of {', '.join(classes)}")
        self.name = name
        self.parameters = dict(parameters or {})
        self._class = classes[name]
        self._binary = self._class.__module__.startswith(_BINARY)
        _refuse_wrong_parameters(name, self._class, self.parameters)
        self.reset()
        try:
            _values_of(self._detector, name)
        except TypeError as error:
            raise ValueError(f"{error}, which cannot be written to a snapshot: choose another detector") from None

    def reset(self) -> None:
        """Back to the state right after `__init__`."""
        self._detector: Any = self._class(**self.parameters)
        self._alarmed = False

    def update(self, x: float) -> bool:
        """Take one value; whether the detector alarms at it. Raises ValueError if a binary one gets another number."""
        if not abs(x) <= LARGEST_VALUE:
            return False
        if self._binary and x not in (0, 1):
            raise ValueError(f"{self.name} takes 0 and 1 only, not {x!r}: give it errors, or choose another detector")
        self._detector.update(int(x) if self._binary else float(x))
        self._alarmed = bool(self._detector.drift_detected)
        return self._alarmed

    def update_many(self, values: ArrayLike) -> I64:
        """Take float64[n] in order; int64[k], the positions of the alarms."""
        given = np.asarray(values, np.float64).tolist()
        return np.array([i for i, x in enumerate(given) if self.update(x)], np.int64)

    @property
    def warning(self) -> bool:
        """Whether the detector is in its warning zone; always False for detectors that have none."""
        return bool(getattr(self._detector, "warning_detected", False))

    @property
    def statistic(self) -> float:
        """1 if the last value taken alarmed, otherwise 0."""
        return float(self._alarmed)

    @property
    def threshold(self) -> float:
        """Always 1."""
        return 1.0

    def snapshot(self) -> bytes:
        """The whole state."""
        state = {"alarmed": self._alarmed, "detector": _values_of(self._detector, self.name)}
        return write_snapshot(self.name, self._shaped_by(), msgspec.msgpack.encode(state))

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of the same detector of the same release of river. Raises DamagedSnapshot otherwise."""
        state = msgspec.msgpack.decode(read_snapshot(self.name, self._shaped_by(), snapshot))
        detector = self._class(**self.parameters)
        _fill(detector, state["detector"])
        self._detector, self._alarmed = detector, bool(state["alarmed"])

    def _shaped_by(self) -> dict[str, Any]:
        return {**self.parameters, "river": version("river")}  # any release may rename what its classes hold


def river_detectors() -> dict[str, type]:
    """The detectors river has, by name."""
    import river.base  # takes a second or so: only when a detector of river is asked for
    import river.drift

    kinds = (river.base.DriftDetector, river.base.BinaryDriftDetector)
    found = {**vars(river.drift), **vars(river.drift.binary)}
    return {name: c for name, c in sorted(found.items()) if inspect.isclass(c) and issubclass(c, kinds)}


def _refuse_wrong_parameters(name: str, cls: type, parameters: Mapping[str, Any]) -> None:
    known = inspect.signature(cls).parameters
    for wrong in parameters.keys() - known.keys():
        raise ValueError(f"river's {name} has no parameter {wrong!r}: write one of {', '.join(known) or '(none)'}")
    if "seed" in known and parameters.get("seed") is None:
        raise ValueError(f'{name} draws random numbers: write "seed": <an integer>, so that a replay repeats them')


def _values_of(value: Any, where: str) -> Any:
    """What has to be written down to build `value` again over a fresh one. Raises TypeError for what cannot be."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value)  # numpy's float64 is one too
    if isinstance(value, deque | list | tuple):
        return [_values_of(item, where) for item in value]
    if _is_random(value):
        layout, words, gauss = value.getstate()
        return [layout, list(words), gauss]
    if type(value).__module__.startswith(_COMPILED):
        return value.__getstate__()
    if type(value).__module__.startswith("river."):
        attributes = {k: v for k, v in vars(value).items() if not isinstance(v, types.MethodType)}
        return {k: _values_of(v, f"{where}.{k}") for k, v in attributes.items()}
    raise TypeError(f"{where} is a {type(value).__name__}")


def _fill(fresh: Any, values: dict[str, Any]) -> None:
    """Give a freshly made object the written values; methods it keeps as attributes are as its parameters made them."""
    attributes = vars(fresh)
    for name, value in values.items():
        present = attributes[name]
        if isinstance(value, dict):
            _fill(present, value)
        elif isinstance(value, bytes):
            present.__setstate__(value)
        elif _is_random(present):
            layout, words, gauss = value
            present.setstate((layout, tuple(words), gauss))
        elif isinstance(present, deque):
            attributes[name] = deque(value, present.maxlen)
        else:
            attributes[name] = tuple(value) if isinstance(present, tuple) else value


def _is_random(value: object) -> bool:
    return type(value).__module__ == "random"  # by name: the core itself has no business with chance
