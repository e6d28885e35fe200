"""The publisher in processes as services have them: imported light, ended without a word, forked by a server."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter

import pytest

from driftline.producers.event_ids import EventIds
from tests.publisher.mock_cluster import Cluster
from tests.publisher.test_delivery import prediction_of

PATIENCE_S = 60
HEAVY = (
    "faust", "numba", "numpy", "pandas", "scipy", "pyarrow", "pydantic", "typer", "rich", "yaml", "prometheus_client",
    "opentelemetry", "aiokafka",
)  # fmt: skip


def _run(program: str, *arguments: str) -> str:
    """What a program prints; it has to end by itself."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_publisher_pulls_nothing_heavy() -> None:
    program = "import sys; from driftline.producers.publisher import Publisher;"
    assert _run(f"{program} print([name for name in {HEAVY!r} if name in sys.modules])").strip() == "[]"


PUBLISH_AND_END = """
import sys
from driftline.producers.publisher import Publisher
publisher = Publisher(sys.argv[1], predictions_topic=sys.argv[2], kafka={"linger.ms": 60_000})
for i in range(100):
    publisher.prediction("credit", i)
"""


@pytest.mark.parametrize("end", ["", "\nsys.exit(0)", "\ndel publisher"], ids=["end", "exit", "let go of"])
def test_events_are_flushed_when_the_process_ends(cluster: Cluster, topics: dict[str, str], end: str) -> None:
    topic = topics["predictions_topic"]
    _run(PUBLISH_AND_END + end, cluster.bootstrap_servers, topic)
    events = [prediction_of(record.value()) for record in cluster.records(topic)]
    assert [event.prediction for event in events] == list(range(100))


def test_the_end_of_a_process_whose_broker_is_away_is_bounded_and_says_what_was_lost(dead_broker: str) -> None:
    command = [sys.executable, "-c", PUBLISH_AND_END, dead_broker, "any"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0
    assert "events were dropped that were not delivered before the publisher closed" in done.stderr
    assert len(done.stderr.splitlines()) <= 4


FORK = """
import os, sys, threading
from driftline.producers.publisher import Publisher
publisher = Publisher(sys.argv[1], predictions_topic=sys.argv[2])
for i in range(50):
    publisher.prediction("parent before", i)
children = []
for child in range(3):
    pid = os.fork()
    if pid == 0:
        # the counts are the child's own, and so is the client: the parent's is not waited for
        assert publisher.counts().predictions == 0
        for i in range(100):
            publisher.prediction(f"child {child}", i)
        assert publisher.counts().predictions == 100
        sys.exit(0)  # as a worker of gunicorn ends
    children.append(pid)
for i in range(50):
    publisher.prediction("parent after", i)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
assert publisher.counts().predictions == 100
print(codes)
"""


def test_a_forked_worker_goes_on_with_a_client_of_its_own(cluster: Cluster, topics: dict[str, str]) -> None:
    topic = topics["predictions_topic"]
    assert _run(FORK, cluster.bootstrap_servers, topic).strip() == "[0, 0, 0]"
    events = [prediction_of(record.value()) for record in cluster.records(topic)]
    wanted = {"parent before": 50, "parent after": 50, "child 0": 100, "child 1": 100, "child 2": 100}
    assert Counter(event.model for event in events) == wanted
    assert len({event.prediction_id for event in events}) == 400, "no two processes give the same id"


FORK_AND_DO_NOTHING = """
import os, sys
from driftline.producers.publisher import Publisher
publisher = Publisher(sys.argv[1], predictions_topic="any")
publisher.prediction("credit", 1)
pid = os.fork()
if pid == 0:
    publisher.close()
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
publisher.close(0.1)
"""


def test_a_forked_child_that_publishes_nothing_ends_at_once(dead_broker: str) -> None:
    assert _run(FORK_AND_DO_NOTHING, dead_broker).strip() == "0"


def test_ids_are_128_random_bits_and_no_two_threads_are_given_the_same() -> None:
    ids = EventIds()
    given: list[str] = []
    threads = [threading.Thread(target=lambda: given.extend(ids.next() for _ in range(5_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == len(given) == 20_000
    assert {len(one) for one in given} == {32}
    bits = [bin(int(one, 16)).count("1") for one in given]
    assert sum(bits) / len(bits) == pytest.approx(64, abs=0.5)  # 12 standard deviations
