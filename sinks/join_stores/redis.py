"""Records in a Redis that may be shared: fenced, checked, in two round trips a write; the script says how.

Rows travel as one block of bytes in each direction, so a batch costs the worker little more than its copy. Nothing is
taken on trust: lengths and checksums of what comes back are verified, and whatever could have lost a record (a flush, an
eviction anywhere on the server, a restart, keys removed by hand) is an error and not a record that is not found.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b, sha1
from typing import Final, TypeAlias

import numpy as np
import redis
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
)

from driftline.schemas.errors import JoinStoreError, StoreDoubtful, StoreFenced, StoreUnavailable
from driftline.sinks.join_stores.circuit_breaker import CircuitBreaker
from driftline.sinks.join_stores.generations import Generations
from driftline.sinks.join_stores.packed_rows import (
    CRC_BYTES,
    KEY_BYTES,
    Found,
    Keys,
    Records,
    pack_rows,
    pack_text,
    unpack_text,
    unpack_values,
)
from driftline.sinks.join_stores.redis_script import SCRIPT

Call: TypeAlias = tuple[str | bytes | int, ...]

GENERATIONS: Final = 4
"""Room for a third more than is needed; each one more is another look-up of what is not found."""

_SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
_FORMAT: Final = 1
# Redis does nothing else while a call runs: these keep one below a few milliseconds, and Lua takes 8,000 values at most.
_KEYS_A_CALL: Final = 1_000
_ROWS_A_CALL: Final = 1_000
_CALLS_A_TRIP: Final = 64

_DOUBTS: Final = {
    b"GONE": "what was stored is gone: Redis was flushed, or started again without its data",
    b"RESTARTED": "Redis was started again, or another server took its place; the last writes may be missing",
    b"EVICTED": "Redis has evicted keys; give it more memory, and maxmemory-policy noeviction",
    b"MISSING": "records were removed from Redis",
}

log = logging.getLogger("driftline.join_stores")


def store_name(prefix: str, group: str, partition: int, model: str, fingerprint: str) -> str:
    """What the keys of one store begin with; in braces, as those that belong together do.

    >>> store_name("driftline", "eu", 3, "fraud", "5f1c")
    'driftline:{a383e716d0f8b299}'
    """
    what = "\0".join([group, str(partition), model, fingerprint])
    return f"{prefix}:{{{blake2b(what.encode(), digest_size=8).hexdigest()}}}"


class RedisStore:
    """A `BackingStore` in Redis, under keys that begin with `base`.

    width: bytes of a record. keep_ms: how long a record is needed after it was written, in merged time. abandoned_ms: after
    so long without a write Redis forgets the store. breaker: shared by stores of the same server.
    """

    def __init__(
        self,
        client: redis.Redis,
        base: str,
        width: int,
        keep_ms: int,
        abandoned_ms: int,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._client, self._base, self._width = client, base, width
        self._generations = Generations(keep_ms, GENERATIONS)
        self._format, self._ttl_ms = f"{_FORMAT}:{width}", abandoned_ms
        self._breaker = breaker or CircuitBreaker()
        self._token = self._attempt = _new_token()
        self._unsettled = False  # whether a write was given up, and may or may not have happened
        self._damaged = False

    @property
    def width(self) -> int:
        return self._width

    def open(self) -> bytes | None:
        self._token = self._attempt = _new_token()
        why, stored, chunks = self._look()
        self._unsettled = False
        if why:
            log.info("the join store %s starts empty: %s", self._base, why)
            return None
        try:
            if self._damaged:
                raise StoreDoubtful("records were not what was written")
            if chunks:
                self._apply(chunks)
                _, stored, _ = self._look()
            return unpack_text(stored) if stored else None
        except StoreDoubtful as error:
            log.warning("the join store %s is emptied: %s", self._base, error)
            self.clear()
            return None

    def get(self, keys: Keys) -> tuple[Found, Records]:
        if self._damaged:
            raise StoreDoubtful("records of this join store in Redis were found damaged")
        parts = [keys[start : start + _KEYS_A_CALL] for start in range(0, len(keys), _KEYS_A_CALL)]
        answers = self._ask([self._call("get", part.astype("<u8").tobytes()) for part in parts])
        found = np.frombuffer(b"".join(marks for _, marks, _ in answers), np.uint8) == ord("1")
        records = np.zeros((len(keys), self._width), np.uint8)
        try:
            records[found] = unpack_values(keys[found], b"".join(values for _, _, values in answers), self._width)
        except StoreDoubtful:
            self._damaged = True
            raise
        return found, records

    def write(self, keys: Keys, records: Records, position: bytes, merged_ms: int) -> None:
        self._settle()
        rows = pack_rows(keys, records)
        chunks = [rows[start : start + _ROWS_A_CALL].tobytes() for start in range(0, max(len(rows), 1), _ROWS_A_CALL)]
        generation = self._generations.of(merged_ms)
        self._unsettled = True
        self._ask([self._call("journal", number, chunk, self._ttl_ms) for number, chunk in enumerate(chunks)])
        self._ask([self._call("plan", len(chunks), pack_text(position), generation, GENERATIONS)])
        self._apply(len(chunks))
        self._unsettled = False

    def clear(self) -> None:
        self._attempt = _new_token()
        self._ask([self._call("empty", self._format, self._ttl_ms)])
        self._unsettled = self._damaged = False

    def close(self) -> None:
        """Nothing to do: the client belongs to who made it."""

    def _look(self) -> tuple[str, bytes, int]:
        """Become the writer: why the store had to be emptied, the stored position, chunks of a write to be finished."""
        ((_, why, stored, chunks),) = self._ask([self._call("open", self._format, self._ttl_ms)])
        return why.decode(), stored, int(chunks)

    def _settle(self) -> None:
        """Shut out what an attempt that was given up may still have under way, and finish it if it was planned."""
        if not self._unsettled:
            return
        self._attempt = _new_token()
        ((_, chunks),) = self._ask([self._call("renew")])
        if int(chunks):
            self._apply(int(chunks))
        self._unsettled = False

    def _apply(self, chunks: int) -> None:
        row_bytes = KEY_BYTES + self._width + CRC_BYTES
        calls = [self._call("apply", number, row_bytes) for number in range(chunks)]
        self._ask([*calls, self._call("finish", chunks, self._ttl_ms)])

    def _call(self, operation: str, *arguments: str | bytes | int) -> Call:
        return (operation, self._token, self._attempt, *arguments)

    def _ask(self, calls: Sequence[Call]) -> list[list[bytes]]:
        """The answers of the script, one for each call, made in order. Raises as `JoinStore` says."""
        why = self._breaker.why_open()
        if why is not None:
            raise StoreUnavailable(why)
        answers: list[list[bytes]] = []
        for start in range(0, len(calls), _CALLS_A_TRIP):
            with self._named_errors():
                answers += self._trip(calls[start : start + _CALLS_A_TRIP])
        self._breaker.succeeded()
        return answers

    def _trip(self, calls: Sequence[Call]) -> list[list[bytes]]:
        try:
            answers = self._run(calls)
        except NoScriptError:  # the first call to this server, or its scripts were flushed
            self._client.script_load(SCRIPT)
            answers = self._run(calls)
        for status, *_ in answers:
            if status != b"OK":
                raise _refusal(status)
        return answers

    def _run(self, calls: Sequence[Call]) -> list[list[bytes]]:
        with self._client.pipeline(transaction=False) as pipeline:
            for call in calls:
                pipeline.evalsha(_SHA, 1, self._base, *call)
            # a raised error would repeat the command, and with it records, in its message
            answers = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            named = _named(error)
            if isinstance(error, ConnectionError | TimeoutError):
                self._breaker.failed(str(named))
            raise named from error


def _new_token() -> str:
    return uuid.uuid4().hex


def _refusal(status: bytes) -> JoinStoreError:
    """What the script found out before it did anything."""
    if status == b"FENCED":
        return StoreFenced("another worker has opened this join store in Redis")
    if status == b"TORN":
        return StoreUnavailable("an earlier write to Redis was cut off; it is taken up again")
    return StoreDoubtful(_DOUBTS[status])


def _named(error: RedisError) -> JoinStoreError:
    """What a client's error means for a join store; messages of the client name hosts, and no secrets."""
    if str(error).startswith("WRONGTYPE"):
        return StoreDoubtful("somebody else has written to the keys of this join store in Redis")
    match error:
        case AuthenticationError() | NoPermissionError():
            return StoreUnavailable(f"Redis does not let us in ({error}); check the login under join_stores.redis")
        case TimeoutError():
            return StoreUnavailable("Redis does not answer in time")
        case ReadOnlyError():
            return StoreUnavailable(
                "Redis takes no writes: it is a replica; name the primary in join_stores.redis.server"
            )
        case OutOfMemoryError():
            return StoreUnavailable("Redis is full: raise its maxmemory")
        case ConnectionError():
            return StoreUnavailable(f"Redis cannot be reached: {error}")
    return StoreUnavailable(f"Redis refuses: {error}")
