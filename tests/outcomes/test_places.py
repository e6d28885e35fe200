"""Stores as a worker makes them from its settings: apart from each other, found again, sharing what can be shared."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from driftline.config.load import read_config
from driftline.schemas.errors import StoreUnavailable
from driftline.sinks.join_stores.places import JoinStorePlaces
from tests.outcomes.stores import KEEP_MS, WIDTH, keys_of, records_of, values_in
from tests.servers.ports import free_ports
from tests.servers.redis_server import RedisServer


def places(text: str, group: str = "g", instance: str = "w", folder: str = "") -> JoinStorePlaces:
    settings = read_config(f"join_stores: {{{text}}}".encode(), name="c", folder=folder, environ={}).join_stores
    return JoinStorePlaces(settings, group, instance)


def test_stores_in_redis_are_apart_by_group_partition_model_and_shape(redis_server: RedisServer) -> None:
    text = f"redis: {{server: 'localhost:{redis_server.port}', prefix: places}}"
    opened = []
    for group, partition, model, shape in itertools.product("gh", (0, 1), ("a", "b"), ("1", "2")):
        place = places(text, group)
        store = place.redis(partition, model, shape, WIDTH, KEEP_MS)
        assert store.open() is None
        store.write(keys_of(1), records_of(len(opened)), b"%d" % len(opened), 0)
        opened.append((place, store))
    assert [values_in(store, 1) for _, store in opened] == [[number] for number in range(16)]
    again = places(text, "h")
    assert again.redis(1, "b", "2", WIDTH, KEEP_MS).open() == b"15"
    for place in [again, *(place for place, _ in opened)]:
        place.close()


def test_stores_of_one_redis_that_hangs_are_left_alone_together() -> None:
    (port,) = free_ports(1)
    place = places(f"redis: {{server: 'localhost:{port}'}}")
    first, second = (place.redis(0, model, "1", WIDTH, KEEP_MS) for model in "ab")
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        first.open()
    with pytest.raises(StoreUnavailable, match="tried again in"):
        second.open()
    place.close()


def test_stores_on_disk_are_found_again_by_the_worker_of_the_same_name(tmp_path: Path) -> None:
    text = "rocksdb: {folder: stores}"
    store = places(text, folder=str(tmp_path)).rocksdb(3, "a/b", "1", WIDTH, KEEP_MS)
    store.open()
    store.write(keys_of(1), records_of(10), b"one", 0)
    store.close()
    other = places(text, instance="v", folder=str(tmp_path)).rocksdb(3, "a/b", "1", WIDTH, KEEP_MS)
    assert other.open() is None
    other.close()
    again = places(text, folder=str(tmp_path)).rocksdb(3, "a/b", "1", WIDTH, KEEP_MS)
    assert again.open() == b"one"
    again.close()
    reshaped = places(text, folder=str(tmp_path)).rocksdb(3, "a/b", "2", WIDTH, KEEP_MS)
    assert reshaped.open() is None
    reshaped.close()
    assert [folder.name for folder in (tmp_path / "stores" / "w" / "3").glob("*/*")] == ["2"]


def test_a_store_on_disk_needs_a_folder() -> None:
    with pytest.raises(ValueError, match=r"join_stores\.rocksdb\.folder is not set"):
        places("").rocksdb(0, "a", "1", WIDTH, KEEP_MS)


def test_libraries_of_stores_that_are_not_used_are_not_loaded() -> None:
    program = "import sys, driftline.sinks.join_stores.places; print({'redis', 'rocksdict'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
