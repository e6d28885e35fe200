"""One mock cluster for the tests of this folder; each test has topics of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from driftline.producers.publisher import Publisher
from tests.publisher.mock_cluster import Cluster, mock_cluster, refusing_port


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with mock_cluster() as running:
        yield running


@pytest.fixture
def topics() -> dict[str, str]:
    """Names that no other test uses."""
    name = f"test-{uuid.uuid4().hex}"
    return {"predictions_topic": f"{name}.predictions", "labels_topic": f"{name}.labels"}


@pytest.fixture
def open_publisher(cluster: Cluster, topics: dict[str, str]) -> Iterator[Callable[..., Publisher]]:
    """Makes publishers to the mock cluster, or to where the test says, and closes them."""
    with ExitStack() as opened:

        def make(bootstrap_servers: str = cluster.bootstrap_servers, **more: Any) -> Publisher:
            publisher = Publisher(bootstrap_servers, **topics, **more)
            opened.callback(publisher.close, 0.5)
            return publisher

        yield make


@pytest.fixture
def dead_broker() -> Iterator[str]:
    with refusing_port() as address:
        yield address
