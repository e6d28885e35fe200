"""R30: whatever happens to Redis, a wrong record is never returned; what may have been lost is an error, and is told apart.

Every fault is done to a real redis-server. `StoreUnavailable` means that waiting helps; after `StoreDoubtful` the store is
opened again, and says what is left.
"""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from driftline.schemas.errors import StoreDoubtful, StoreFenced, StoreUnavailable
from driftline.sinks.join_stores import redis as redis_store
from driftline.sinks.join_stores.circuit_breaker import CircuitBreaker
from driftline.sinks.join_stores.redis import GENERATIONS, RedisStore
from tests.outcomes.stores import HOUR_MS, KEEP_MS, WIDTH, keys_of, records_of, values_in
from tests.servers.fixtures import StartRedis
from tests.servers.redis_server import RedisServer


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def store_on(server: RedisServer, base: str | None = None, clock: Clock | None = None, **client: Any) -> RedisStore:
    """A store with a circuit breaker that lets every call through, unless the test has a clock for it."""
    breaker = CircuitBreaker() if clock is None else CircuitBreaker(clock)
    if clock is None:
        breaker.failed = lambda why: None  # type: ignore[method-assign]
    settings = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3, "retry": None, **client}
    return RedisStore(server.client(**settings), base or new_base(), WIDTH, KEEP_MS, HOUR_MS, breaker)


def new_base() -> str:
    return f"test:{{{uuid.uuid4().hex}}}"


def filled(server: RedisServer, base: str | None = None, **client: Any) -> RedisStore:
    store = store_on(server, base, **client)
    assert store.open() is None
    store.write(keys_of(1, 2), records_of(10, 20), b"one", 0)
    return store


# --- not to be reached ------------------------------------------------------------------------------------------------


def test_R30_down_is_unavailable_and_nothing_is_lost_with_the_data(start_redis: StartRedis) -> None:
    server = start_redis("--appendonly", "yes", "--appendfsync", "always")
    store = filled(server)
    server.kill()
    for act in (lambda: store.get(keys_of(1)), lambda: store.write(keys_of(3), records_of(30), b"two", 0), store.open):
        with pytest.raises(StoreUnavailable, match="Redis cannot be reached"):
            act()
    server.restart()
    assert store.open() == b"one"
    assert values_in(store, 1, 2, 3) == [10, 20, None]


def test_R30_slow_is_unavailable_within_the_time_limit(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server)
    server.pause()
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match="does not answer in time"):
        store.get(keys_of(1))
    assert time.monotonic() - started < 2
    server.resume()
    assert values_in(store, 1, 2) == [10, 20]


def test_R30_a_write_that_was_given_up_and_still_arrives_does_no_harm(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server)
    server.pause()
    with pytest.raises(StoreUnavailable):
        store.write(keys_of(1, 3), records_of(11, 30), b"two", 0)
    server.resume()  # now it reads what was sent to it
    store.write(keys_of(1, 2, 3), records_of(12, 22, 32), b"three", 0)
    assert values_in(store, 1, 2, 3) == [12, 22, 32]
    assert store.open() == b"three"
    assert values_in(store, 1, 2, 3) == [12, 22, 32]


def test_R30_a_server_that_hangs_is_left_alone_for_growing_pauses(start_redis: StartRedis) -> None:
    clock, server = Clock(), start_redis()
    store = store_on(server, clock=clock)
    store.open()
    server.pause()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        store.get(keys_of(1))
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(StoreUnavailable, match=r"does not answer in time; tried again in 0\.5 s"):
            store.get(keys_of(1))
    assert time.monotonic() - started < 0.2
    clock.now_s = 0.6
    with pytest.raises(StoreUnavailable, match=r"does not answer in time$"):
        store.get(keys_of(1))
    with pytest.raises(StoreUnavailable, match=r"tried again in 1\.0 s"):
        store.get(keys_of(1))
    server.resume()
    clock.now_s = 2
    assert values_in(store, 1) == [None]


def test_R30_a_login_that_is_refused_is_unavailable_and_never_shown(start_redis: StartRedis) -> None:
    server = start_redis("--requirepass", "right")
    for password in (None, "hunter2"):
        store = store_on(server, password=password)
        with pytest.raises(
            StoreUnavailable, match=r"does not let us in .*check the login under join_stores\.redis"
        ) as no:
            store.open()
        assert "hunter2" not in str(no.value)
    assert filled(server, password="right").open() == b"one"


def test_R30_a_user_without_the_rights_is_unavailable(start_redis: StartRedis) -> None:
    server = start_redis()
    server.run("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get")
    with pytest.raises(StoreUnavailable, match="does not let us in"):
        store_on(server, username="reader", password="pw").open()


def test_the_rights_that_the_page_names_are_enough(start_redis: StartRedis) -> None:
    page = (Path(__file__).parents[2] / "docs" / "label-stores.md").read_text(encoding="utf-8")
    rule = re.search(r"^ACL SETUSER driftline .*$", page, re.MULTILINE)
    assert rule is not None
    server = start_redis()
    server.run(*rule[0].replace("<password>", "pw").split())
    store = filled(server, "driftline:{x}", username="driftline", password="pw")
    assert store.open() == b"one"
    store.clear()
    with pytest.raises(StoreUnavailable, match="does not let us in"):
        store_on(server, "other:{x}", username="driftline", password="pw").open()


# --- takes no writes --------------------------------------------------------------------------------------------------


def test_R30_a_read_only_replica_takes_nothing(start_redis: StartRedis) -> None:
    primary, replica = start_redis(), start_redis()
    store = filled(replica)
    replica.run("REPLICAOF", "127.0.0.1", primary.port)
    with pytest.raises(StoreUnavailable, match="is a replica"):
        store.write(keys_of(1), records_of(11), b"two", 0)
    with pytest.raises(StoreUnavailable, match="is a replica"):
        store_on(replica).open()


def test_R30_a_full_redis_is_unavailable_and_goes_on_when_there_is_room(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server)
    server.run("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreUnavailable, match="Redis is full: raise its maxmemory"):
        store.write(keys_of(1, 3), records_of(11, 30), b"two", 0)
    assert values_in(store, 1, 2, 3) == [10, 20, None]
    server.run("CONFIG", "SET", "maxmemory", "0")
    store.write(keys_of(1, 3), records_of(11, 30), b"two", 0)
    assert values_in(store, 1, 2, 3) == [11, 20, 30]


def test_R30_full_in_the_middle_of_a_write_leaves_the_position_before_or_after_it(
    start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "_CALLS_A_TRIP", 1)
    monkeypatch.setattr(redis_store, "_ROWS_A_CALL", 1)
    server = start_redis()
    calls = 9  # three journal, plan, three apply, finish; and one more
    for last in range(calls):
        base = new_base()
        store, run = filled(server, base), RedisStore._run
        left = iter(range(last))

        def fills_up(self: RedisStore, calls: Any) -> Any:
            if next(left, None) is None:  # noqa: B023
                server.run("CONFIG", "SET", "maxmemory", "1")
            return run(self, calls)  # noqa: B023

        monkeypatch.setattr(RedisStore, "_run", fills_up)
        with contextlib.suppress(StoreUnavailable):
            store.write(keys_of(1, 2, 3), records_of(11, 21, 31), b"two", 0)
        monkeypatch.setattr(RedisStore, "_run", run)
        server.run("CONFIG", "SET", "maxmemory", "0")
        there = {b"one": [10, 20, None], b"two": [11, 21, 31]}
        successor = store_on(server, base)
        position = successor.open()
        assert values_in(successor, 1, 2, 3) == there[position or b""]


# --- lost or changed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["FLUSHALL", "FLUSHDB"])
def test_R30_flushed_is_doubtful(start_redis: StartRedis, command: str) -> None:
    server = start_redis()
    store = filled(server)
    server.run(command)
    for _ in range(2):
        with pytest.raises(StoreDoubtful, match="was flushed, or started again without its data"):
            store.get(keys_of(1))
        with pytest.raises(StoreDoubtful, match="was flushed"):
            store.write(keys_of(1), records_of(11), b"two", 0)
    assert store.open() is None
    assert values_in(store, 1) == [None]


def test_R30_started_again_without_its_data_is_doubtful(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server)
    server.kill()
    server.restart()
    with pytest.raises(StoreDoubtful, match="gone"):
        store.get(keys_of(1))
    assert store.open() is None


def test_R30_started_again_with_older_data_says_its_older_position(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server)
    server.run("SAVE")
    store.write(keys_of(1, 3), records_of(11, 30), b"two", 0)
    server.kill()
    server.restart()
    with pytest.raises(StoreDoubtful, match="the last writes may be missing"):
        store.get(keys_of(1))
    assert store.open() == b"one"
    assert values_in(store, 1, 2, 3) == [10, 20, None]


def test_R30_started_again_where_keys_may_have_been_evicted_is_not_trusted(start_redis: StartRedis) -> None:
    server = start_redis("--maxmemory-policy", "allkeys-lru")
    store = filled(server)
    server.run("SAVE")
    server.kill()
    server.restart()
    assert store.open() is None


def test_R30_evicted_is_doubtful_while_open_and_for_a_successor(start_redis: StartRedis) -> None:
    server = start_redis("--maxmemory-policy", "allkeys-lru")
    base = new_base()
    store = filled(server, base)
    used = int(server.run("INFO", "memory")["used_memory"])
    server.run("CONFIG", "SET", "maxmemory", used + 200_000)
    for number in range(100):
        server.run("SET", f"other:{number}", "x" * 10_000)
    server.run("CONFIG", "SET", "maxmemory", 0)
    assert server.run("INFO", "stats")["evicted_keys"] > 0
    with pytest.raises(StoreDoubtful, match=r"maxmemory-policy noeviction|was flushed"):
        store.get(keys_of(1))
    assert store_on(server, base).open() is None


@pytest.mark.parametrize("damage", ["other value", "shorter value", "swapped values"])
def test_R30_values_of_others_are_doubtful(start_redis: StartRedis, damage: str) -> None:
    server = start_redis()
    base = new_base()
    store = filled(server, base)
    (rows,) = [key for key in server.run("KEYS", "*") if b"}:" in key]
    names = [number.to_bytes(8, "little") for number in (1, 2)]
    first, second = server.run("HMGET", rows, *names)
    new = {"other value": bytes(len(first)), "shorter value": first[1:], "swapped values": second}
    server.run("HSET", rows, names[0], new[damage])
    with pytest.raises(StoreDoubtful, match=r"checksums are wrong|bytes instead of"):
        store.get(keys_of(1, 2))
    with pytest.raises(StoreDoubtful, match="were found damaged"):
        store.get(keys_of(3))
    assert store.open() is None
    assert values_in(store, 1, 2) == [None, None]


@pytest.mark.parametrize("damage", ["one record", "all records", "records of another type", "state of another type"])
def test_R30_records_removed_by_hand_are_doubtful_and_not_absent(start_redis: StartRedis, damage: str) -> None:
    server = start_redis()
    base = new_base()
    store = filled(server, base)
    (rows,) = [key for key in server.run("KEYS", "*") if b"}:" in key]
    if damage == "one record":
        server.run("HDEL", rows, (1).to_bytes(8, "little"))
    elif damage == "state of another type":
        server.run("SET", base, "mine")
    else:
        server.run("DEL", rows)
        if damage == "records of another type":
            server.run("SET", rows, "mine")
    with pytest.raises(StoreDoubtful):
        store.get(keys_of(1))
    assert store.open() is None
    assert values_in(store, 1, 2) == [None, None]


def test_a_position_that_was_changed_is_not_believed(start_redis: StartRedis) -> None:
    server, base = start_redis(), new_base()
    filled(server, base)
    server.run("HSET", base, "position", "xxxxone")
    assert store_on(server, base).open() is None


def test_records_of_another_width_are_not_read(start_redis: StartRedis) -> None:
    server, base = start_redis(), new_base()
    filled(server, base)
    wider = RedisStore(server.client(), base, WIDTH + 8, KEEP_MS, HOUR_MS)
    assert wider.open() is None
    assert not wider.get(keys_of(1))[0].any()


# --- owners, keys, room -----------------------------------------------------------------------------------------------


def test_who_opens_the_store_fences_the_one_before(start_redis: StartRedis) -> None:
    server, base = start_redis(), new_base()
    zombie = filled(server, base)
    owner = store_on(server, base)
    assert owner.open() == b"one"
    for act in (
        lambda: zombie.get(keys_of(1)),
        lambda: zombie.write(keys_of(1), records_of(66), b"six", 0),
        zombie.clear,
    ):
        with pytest.raises(StoreFenced, match="another worker has opened"):
            act()
    owner.write(keys_of(2), records_of(21), b"two", 0)
    assert values_in(owner, 1, 2) == [10, 21]


def test_scripts_that_were_flushed_are_loaded_again(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server)
    server.run("SCRIPT", "FLUSH")
    assert values_in(store, 1) == [10]
    server.run("SCRIPT", "FLUSH")
    store.write(keys_of(1), records_of(11), b"two", 0)
    assert values_in(store, 1) == [11]


def test_old_generations_leave_by_the_time_of_the_logs(start_redis: StartRedis) -> None:
    server, base = start_redis(), new_base()
    store = store_on(server, base)
    store.open()
    stretch = -(-KEEP_MS // (GENERATIONS - 1))
    for number in range(20):
        store.write(keys_of(number), records_of(number), b"%d" % number, number * stretch)
        kept = range(max(0, number - GENERATIONS + 1), number + 1)
        assert values_in(store, *range(number + 1)) == [None] * kept.start + list(kept)
        assert store.open() == b"%d" % number
    store.write(keys_of(99), records_of(99), b"later", 10**9 * stretch)
    assert values_in(store, *range(20), 99) == [None] * 20 + [99]
    assert len(server.run("KEYS", "*")) == 2


def test_keys_have_the_prefix_and_are_forgotten_when_nobody_writes(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server, "mine:{a}")
    store.write(keys_of(2), records_of(21), b"two", 5 * KEEP_MS)
    keys = server.run("KEYS", "*")
    assert all(key.startswith(b"mine:{a}") for key in keys)
    assert all(HOUR_MS - 60_000 < server.run("PTTL", key) <= HOUR_MS for key in keys)
    store.clear()
    assert [server.run("PTTL", key) > 0 for key in server.run("KEYS", "*")] == [True]


def test_no_command_searches_the_whole_server(start_redis: StartRedis) -> None:
    server = start_redis()
    store = filled(server)
    store.get(keys_of(1, 2, 3))
    store.clear()
    used = set(server.run("INFO", "commandstats"))
    assert used & {"cmdstat_keys", "cmdstat_scan", "cmdstat_eval", "cmdstat_flushall"} == set()
