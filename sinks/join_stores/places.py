"""The join stores of one worker: one connection and one cache for all of them, one place for each partition and model."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from driftline.config.join_store_settings import JoinStoreSettings
from driftline.config.redis_client import redis_settings
from driftline.sinks.join_stores.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    from redis import Redis
    from rocksdict import Cache

    from driftline.sinks.join_stores.redis import RedisStore
    from driftline.sinks.join_stores.rocksdb import RocksStore


class JoinStorePlaces:
    """Makes backing stores; libraries are loaded and connections made when the first store needs them.

    group: the consumer group, so that two installations may share a Redis. instance: the worker's name on this disk.
    """

    def __init__(self, settings: JoinStoreSettings, group: str, instance: str) -> None:
        self._settings, self._group, self._instance = settings, group, instance
        self._breaker = CircuitBreaker()

    def rocksdb(self, partition: int, model: str, fingerprint: str, width: int, keep_ms: int) -> RocksStore:
        """A store on this disk; those of the same model with records of another shape are removed.

        fingerprint: of all that shapes a record. width: bytes of a record. keep_ms: how long a record is needed after it
        was written, in merged time. Raises ValueError when no folder is configured, which `load_config` refuses.
        """
        from driftline.sinks.join_stores.rocksdb import RocksStore, remove_other_shapes, store_folder

        if self._settings.rocksdb.folder is None:
            raise ValueError("join_stores.rocksdb.folder is not set")
        root = Path(self._settings.rocksdb.folder)
        folder = store_folder(root, self._instance, partition, model, fingerprint)
        remove_other_shapes(folder)
        return RocksStore(folder, width, keep_ms, self._cache)

    def redis(self, partition: int, model: str, fingerprint: str, width: int, keep_ms: int) -> RedisStore:
        """A store in Redis; arguments as above. Raises ConfigError when a password or certificate cannot be read."""
        from driftline.sinks.join_stores.redis import RedisStore, store_name

        name = store_name(self._settings.redis.prefix, self._group, partition, model, fingerprint)
        return RedisStore(self._client, name, width, keep_ms, self._settings.redis.abandoned_after, self._breaker)

    def close(self) -> None:
        """Disconnect. The stores are closed by who opened them."""
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _cache(self) -> Cache:
        from driftline.sinks.join_stores.rocks_database import block_cache

        return block_cache(self._settings.rocksdb.cache_mb)

    @cached_property
    def _client(self) -> Redis:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # tried again by who waits, after pauses that the circuit breaker decides on
        return Redis(**redis_settings(self._settings.redis), retry=Retry(NoBackoff(), 0))
