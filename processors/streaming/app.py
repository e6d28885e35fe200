"""The Faust application: what it is told, and what the transport asks of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import faust
from faust.types import TP

from driftline.config.config import Config

_REBALANCE_TIMEOUT_S: Final = 20.0
_REQUEST_TIMEOUT_S: Final = 40.0
_RECORDS_A_FETCH: Final = 4_000
_BYTES_A_FETCH: Final = 4 << 20
_BATCHES_BUFFERED: Final = 4
"""Batches that wait for their turn at most: memory is bounded by this times the bytes of a fetch, for each partition."""


class DriftlineApp(faust.App):
    """`consumer_settings`: arguments of the aiokafka consumer. `start_offsets()`: where each partition is read on from."""

    consumer_settings: dict[str, Any]
    start_offsets: Callable[[], Mapping[TP, int]]

    def _create_directories(self) -> None:
        """A worker keeps nothing on disk, so Faust's data folder is not made."""


def build_app(config: Config, kafka: Mapping[str, Any]) -> DriftlineApp:
    """The application of one worker; `kafka`: how the broker is reached, in aiokafka's words."""
    from driftline.processors.streaming.transport import SCHEME  # registers itself; it needs the class above

    worker = config.worker
    first_server = config.broker.bootstrap_servers.partition(",")[0]
    app = DriftlineApp(
        worker.group,
        broker=f"{SCHEME}://{first_server}",
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=1,  # with 0 Faust drops its assignor, and partition p of the inputs parts
        stream_buffer_maxsize=_BATCHES_BUFFERED,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        worker_redirect_stdouts=False,
        broker_session_timeout=worker.session_timeout / 1000,
        broker_request_timeout=_REQUEST_TIMEOUT_S,
        broker_rebalance_timeout=_REBALANCE_TIMEOUT_S,
    )
    app.start_offsets = dict
    app.consumer_settings = {
        **kafka,
        "client_id": f"driftline-{worker.instance or worker.group}",
        "group_id": worker.group,
        "group_instance_id": worker.instance,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "max_poll_records": _RECORDS_A_FETCH,
        "max_partition_fetch_bytes": _BYTES_A_FETCH,
        "fetch_max_wait_ms": 250,
        "check_crcs": True,
        "session_timeout_ms": worker.session_timeout,
        "heartbeat_interval_ms": max(worker.session_timeout // 3, 100),
        "rebalance_timeout_ms": int(_REBALANCE_TIMEOUT_S * 1000),
        "request_timeout_ms": int(_REQUEST_TIMEOUT_S * 1000),
        "max_poll_interval_ms": 1_000_000,  # the watchdog judges progress, on what is applied and not on what is polled
        "metadata_max_age_ms": 30_000,
    }
    return app
