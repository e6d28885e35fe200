"""`driftline demo` as a newcomer meets it: everything comes up, the planted drift is found, nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from driftline.producers.embedded_broker import EmbeddedBroker
from tests.cli.replays import run
from tests.publisher.mock_cluster import Cluster
from tests.servers.fixtures import Kafka

END_S_MAX = 240.0  # compiling on a busy machine included; a run takes some twenty seconds


def demo(*options: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "driftline.cli", "demo", "--drift-after", "2", *options]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, timeout=END_S_MAX
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("anywhere")
    # settings of somebody's own worker, which a demo must not take for its own
    other = {"DRIFTLINE_BROKER__BOOTSTRAP_SERVERS": "127.0.0.1:1", "DRIFTLINE_TOPICS__PREDICTIONS": "mine"}
    ended = demo(cwd=folder, TMPDIR=str(folder), COLUMNS="80", **other)
    assert list(folder.iterdir()) == [], "a demo leaves nothing behind"
    return ended


def test_the_alert_names_the_feature_that_was_made_to_drift(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    planted = done.stdout.index("planted   a release of the app sends distance_km in miles")
    alert = done.stdout.index("ALERT     delivery_time: distance_km has drifted")
    assert planted < alert
    assert re.search(r"found \d+\.\d\d s after it began, in [\d,]+ predictions", done.stdout)
    assert re.search(r"^distance_km .*4\.7\d+ → [23](\.\d+)? ", done.stdout, re.MULTILINE), "in kilometres, then in miles"


def test_nothing_is_said_of_the_model_that_stayed_as_it_was(done: subprocess.CompletedProcess[str]) -> None:
    assert re.search(r"window    card_fraud .* as the reference", done.stdout)
    assert "ALERT     card_fraud" not in done.stdout


def test_every_prediction_is_accounted_for(done: subprocess.CompletedProcess[str]) -> None:
    account = re.search(r"([\d,]+) published, ([\d,]+) read: ([\d,]+) applied, 0 duplicate, 0 late, 0 rej", done.stdout)
    assert account is not None, done.stdout
    assert account[1] == account[2] == account[3] != "0"


def test_the_demo_fits_a_terminal_of_80_columns(done: subprocess.CompletedProcess[str]) -> None:
    assert [line for line in done.stdout.splitlines() if cell_len(line.rstrip()) > 80] == []
    assert done.stderr == ""


def test_the_demo_on_a_real_kafka_has_topics_of_its_own_and_deletes_them(kafka: Kafka, tmp_path: Path) -> None:
    ended = demo("--bootstrap-servers", kafka.bootstrap_servers, "--drift", "missing", cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "ALERT     card_fraud: card_days has drifted" in ended.stdout
    own = re.search(r"topics (driftline-demo-\w+)\.\*", ended.stdout)
    assert own is not None
    assert [topic for topic in kafka.admin().list_topics(timeout=10).topics if topic.startswith(own[1])] == []


def test_the_service_alone_publishes_to_the_topics_of_a_worker_until_it_is_told_to_end(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        options = ["--bootstrap-servers", broker.bootstrap_servers, "--rate", "500", "--drift-after", "1"]
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "driftline.cli", "demo", "--service-only", *options],
            cwd=tmp_path,
            env={**os.environ, "DRIFTLINE_TOPICS__PREDICTIONS": "mine.predictions"},
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            first = process.stdout.readline()
            cluster = Cluster(broker.bootstrap_servers)
            deadline = time.monotonic() + END_S_MAX
            while len(cluster.records("mine.predictions")) < 100:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            told = process.stdout.read()
            assert process.wait(END_S_MAX) == 0
        written = len(cluster.records("mine.predictions"))
    assert first == f"publishing 500 predictions/s to {broker.bootstrap_servers}\n"
    assert f"{written:,} predictions, " in told.splitlines()[-1]
    assert told.endswith(" 0 on their way, 0 dropped\n")


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "driftline.cli", "demo", "--drift-after", "600"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process
        process.kill()


def test_ctrl_c_ends_everything_that_the_demo_started(begun: subprocess.Popen[str], tmp_path: Path) -> None:
    assert begun.stdout is not None
    worker = next(int(found[1]) for line in begun.stdout if (found := re.search(r"worker +process (\d+)", line)))
    assert _runs(worker)
    begun.send_signal(signal.SIGINT)
    assert "nothing is left running" in begun.stdout.read()
    assert begun.wait(END_S_MAX) == 130
    assert not _runs(worker)
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_is_killed_takes_its_worker_with_it(begun: subprocess.Popen[str]) -> None:
    assert begun.stdout is not None
    worker = next(int(found[1]) for line in begun.stdout if (found := re.search(r"worker +process (\d+)", line)))
    begun.kill()
    deadline = time.monotonic() + END_S_MAX
    while _runs(worker):
        assert time.monotonic() < deadline, "the worker is still there"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--drift", "units"], "--drift 'units': write one of unit, share, missing"),
        (["--data", "--service-only"], "--data: replays files"),
        (["--data", "--bootstrap-servers", "127.0.0.1:9"], "--data: replays files"),
        (["--bootstrap-servers", "nowhere"], "write host:port"),
        (["--service-only", "--bootstrap-servers", "nowhere"], "write host:port"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_words(options: list[str], told: str) -> None:
    ended = run("demo", *options, width=200)
    assert ended.exit_code == 2
    assert told in ended.output


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
