"""JSON lines: blocks of whole lines, untouched, for the one decoder there is."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from driftline.producers.progress import Progress, no_progress
from driftline.schemas.errors import InputError
from driftline.schemas.limits import RECORD_BYTES_MAX

BLOCK_BYTES: Final = 1 << 20
"""Small enough to show progress and to stay in the cache, large enough that the work per block does not show."""


def read_json_lines_blocks(
    path: Path, block_bytes: int = BLOCK_BYTES, progress: Progress = no_progress
) -> Iterator[bytes]:
    """Blocks of about `block_bytes`, each ending with a newline; `.gz` is unpacked on the way.

    A line that is longer than a record may be is cut just past that limit: it is still rejected as too large, and a
    file without newlines cannot fill the memory. Raises InputError for a file that is one JSON array.
    """
    total = path.stat().st_size
    with path.open("rb") as raw:
        file = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        for block in whole_lines(_chunks(file, path, block_bytes)):
            progress(min(raw.tell(), total), total)
            yield block


def _chunks(file: BinaryIO, path: Path, block_bytes: int) -> Iterator[bytes]:
    try:
        first = file.read(block_bytes)
        if first.lstrip()[:1] == b"[":
            raise InputError(f"{path}: is a JSON array; write one object a line, such as: jq -c '.[]' {path.name}")
        yield first
        while chunk := file.read(block_bytes):
            yield chunk
    except (gzip.BadGzipFile, EOFError) as error:
        raise InputError(f"{path}: is no whole gzip file ({error}); pack it again or remove .gz") from error


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that end with a newline; a line past the limit of a record is cut just past it."""
    rest = b""
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest += chunk
        rest = rest[: RECORD_BYTES_MAX + 1]
    if rest:
        yield rest + b"\n"
