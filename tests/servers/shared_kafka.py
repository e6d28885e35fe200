"""One Kafka for all worker processes of a test run, which ends when the last of them is gone, however it went.

Starting a broker takes seconds, and pytest-xdist runs tests in several processes. The first that needs Kafka starts a
guardian; the guardian starts the broker. Every process that uses it holds a shared lock on a file. The guardian waits
for the exclusive lock on that file: the kernel gives it when no user is left, even if all were killed.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from tests.servers.kafka import KafkaServer

_START_S_MAX: Final = 90.0
_ROOT: Final = Path(__file__).resolve().parents[2]


@contextmanager
def shared_kafka(folder: Path) -> Iterator[str]:
    """The bootstrap servers of the Kafka that the processes with this `folder` share.

    Raises RuntimeError with what its guardian said when it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("a") as users, (folder / "starting").open("a") as starting:
        # from here on the guardian cannot end; one that was ending has removed its address before this lock is given
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not _address(folder).exists():
            _start_guardian(folder)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield _address(folder).read_text(encoding="ascii")


def _start_guardian(folder: Path) -> None:
    with (folder / "guardian.log").open("wb") as log:
        guardian = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.shared_kafka", str(folder)],
            cwd=_ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C goes to the tests; this process waits for their end
        )
    deadline = time.monotonic() + _START_S_MAX
    while not _address(folder).exists():
        if guardian.poll() is not None or time.monotonic() > deadline:
            said = (folder / "guardian.log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"the shared Kafka did not start:\n{said}")
        time.sleep(0.02)
    guardian.returncode = 0  # it outlives this process on purpose: nobody is to be warned that it still runs


def _guard(folder: Path) -> None:
    """The guardian's whole life."""
    with (folder / "users").open("a") as users, KafkaServer(folder / f"broker-{os.getpid()}") as kafka:
        _publish(folder, kafka.bootstrap_servers)
        _wait_for_the_last_user(users)
        _address(folder).unlink()
        fcntl.flock(users, fcntl.LOCK_UN)


def _publish(folder: Path, address: str) -> None:
    """Whole or not at all: others look for this file."""
    draft = folder / "address.draft"
    draft.write_text(address, encoding="ascii")
    draft.replace(_address(folder))


def _wait_for_the_last_user(users: IO[str]) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)


def _address(folder: Path) -> Path:
    return folder / "address"


if __name__ == "__main__":
    _guard(Path(sys.argv[1]))
