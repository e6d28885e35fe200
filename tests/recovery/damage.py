"""What may happen to a snapshots topic: torn, flipped, lost and foreign records, segments and all."""

from __future__ import annotations

import random

from driftline.processors.recovery.records import SnapshotRecord


def damage(rng: random.Random, log: list[SnapshotRecord]) -> str:
    """Do one thing to the log, and say what."""
    what = rng.choice(["torn", "flipped", "lost", "segment lost", "all lost", "garbage", "other release"])
    at = rng.randrange(len(log)) if log else None
    if what == "garbage":
        log.append(SnapshotRecord(rng.randbytes(rng.randrange(40)), rng.randbytes(rng.randrange(60))))
    elif what == "all lost" and rng.random() < 0.2:
        log.clear()
    elif at is not None:
        _damage_one(rng, log, at, what)
    return f"damage: {what}"


def _damage_one(rng: random.Random, log: list[SnapshotRecord], at: int, what: str) -> None:
    key, value = log[at]
    if what == "lost":
        del log[at]
    elif what == "segment lost":
        del log[at : at + rng.randrange(1, 20)]
    elif value:
        place = rng.randrange(len(value))
        if what == "torn":
            log[at] = SnapshotRecord(key, value[:place])
        elif what == "flipped":
            log[at] = SnapshotRecord(
                key, value[:place] + bytes([value[place] ^ 1 << rng.randrange(8)]) + value[place + 1 :]
            )
        elif what == "other release" and len(value) > 3:
            log[at] = SnapshotRecord(key, value[:3] + b"\x07" + value[4:])
