"""Signals as JSON-lines files in one folder: alerts, windows, performance, and everything else that was said.

Files are written beside their final place and moved there at the end, so a folder never shows half a result.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from driftline.schemas.codec import encode
from driftline.schemas.signals import (
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    LabelExpired,
    PerformanceWindow,
    Signal,
    WindowClosed,
)

ALERTS: Final = "alerts.jsonl"
WINDOWS: Final = "windows.jsonl"
PERFORMANCE: Final = "performance.jsonl"
"""Performance windows, and what expired unjoined."""
NOTICES: Final = "notices.jsonl"
"""Late events, rejections, health, learnt references and single detector crossings."""

_UNFINISHED: Final = ".unfinished"


class JsonLinesSink:
    """Writes `alerts.jsonl` (the alert of each alert event), `windows.jsonl`, `performance.jsonl` and `notices.jsonl`.

    Raises OSError when the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[str, BinaryIO] = {
            name: (folder / (name + _UNFINISHED)).open("wb") for name in (ALERTS, WINDOWS, PERFORMANCE, NOTICES)
        }

    def write(self, signals: Iterable[Signal]) -> None:
        """Append each signal to its file, one line a signal."""
        lines: dict[str, list[bytes]] = {name: [] for name in self._files}
        for signal in signals:
            if isinstance(signal, WindowClosed):
                lines[WINDOWS].append(encode(signal))
            elif isinstance(signal, PerformanceWindow | LabelExpired):
                lines[PERFORMANCE].append(encode(signal))
            elif isinstance(signal, AlertOpened | AlertUpdated | AlertResolved):
                lines[ALERTS].append(encode(signal.alert))
            else:
                lines[NOTICES].append(encode(signal))
        for name, file in self._files.items():
            if lines[name]:
                file.write(b"\n".join(lines[name]) + b"\n")

    def close(self) -> None:
        """Put the finished files in their place, whole or not at all."""
        for name, file in self._files.items():
            file.close()
            (self._folder / (name + _UNFINISHED)).replace(self._folder / name)
