"""`driftline alerts` shows what lies on the alerts topic, and so does any other consumer."""

from __future__ import annotations

import io
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace
from rich.console import Console
from typer.testing import Result

from driftline.cli.alert_lines import show_alert
from driftline.config.broker_settings import TopicSettings
from driftline.schemas.alerts import Alert
from driftline.schemas.outputs import Output, output_of
from driftline.schemas.signals import AlertOpened
from tests.cli.replays import run
from tests.project.repository import ROOT
from tests.schemas.golden_examples import SIGNALS
from tests.servers.fixtures import Kafka
from tests.servers.kafka import IN_ORDER
from tests.servers.programs import needs

SUMMARY = "The input income no longer looks like the reference: mean 41 instead of 50; e-value 2e6 (threshold 1e6)."
_WAIT_S_MAX = 60.0


def _opened(number: int = 1, **changes: Any) -> AlertOpened:
    opened = SIGNALS["alert_opened"]
    assert isinstance(opened, AlertOpened)
    told = {"model": "credit", "title": f"credit: income {number} has drifted", "summary": SUMMARY, **changes}
    return AlertOpened(id=f"id-{number}-{told['model']}", alert=replace(opened.alert, **told))


class Alerts:
    """A topic of alerts, and how it is followed."""

    def __init__(self, kafka: Kafka, names: TopicSettings, folder: Path, partitions: int = 1) -> None:
        self.servers, self.topic = kafka.bootstrap_servers, names.alerts
        self.yaml = folder / "driftline.yaml"
        self.yaml.write_text(f'broker: {{bootstrap_servers: "{self.servers}"}}\ntopics: {{alerts: {self.topic}}}\n')
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **IN_ORDER})
        kafka.create_topics({self.topic: partitions})

    def write(self, *outputs: Output) -> None:
        for output in outputs:
            self._producer.produce(self.topic, output.value, output.key, headers=list(output.headers))
        assert self._producer.flush(30) == 0

    def show(self, *options: str) -> Result:
        return run("alerts", "--config", self.yaml, "--from-beginning", *options)

    def follow(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "driftline.cli", "alerts", "--config", str(self.yaml), *options]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def topic(kafka: Kafka, topic_names: TopicSettings, tmp_path: Path) -> Alerts:
    return Alerts(kafka, topic_names, tmp_path)


def _outputs(*signals: AlertOpened) -> list[Output]:
    return [output_of(signal, {}) for signal in signals]


# --- following --------------------------------------------------------------------------------------------------------


def test_alerts_on_the_topic_are_shown_one_a_line(topic: Alerts) -> None:
    topic.write(*_outputs(_opened(1), _opened(2)))
    done = topic.show("--max", "2")
    assert done.exit_code == 0, done.output
    line = f"2026-01-31 12:10 page   opened   credit: income 1 has drifted. {SUMMARY} since 2026-01-31 12:00 UTC"
    assert done.stdout.splitlines()[0].startswith(line)
    assert done.stdout.splitlines()[0].endswith(", offset 120000 of partition 3")
    assert len(done.stdout.splitlines()) == 2


def test_alerts_of_all_partitions_are_shown(kafka: Kafka, topic_names: TopicSettings, tmp_path: Path) -> None:
    topic = Alerts(kafka, topic_names, tmp_path, partitions=4)
    topic.write(*_outputs(*(_opened(number, fingerprint=f"{number:016x}") for number in range(1, 9))))
    # the partitions have no order among each other
    shown = re.findall(r"income (\d) has drifted", topic.show("--max", "8").stdout)
    assert sorted(shown) == ["1", "2", "3", "4", "5", "6", "7", "8"]


def test_only_the_model_that_is_asked_for(topic: Alerts) -> None:
    topic.write(*_outputs(_opened(1), _opened(2, model="ranker", title="ranker: age has drifted"), _opened(3)))
    assert [line.split()[4] for line in topic.show("--max", "1", "--model", "ranker").stdout.splitlines()] == [
        "ranker:"
    ]


def test_json_is_the_event_as_it_lies_on_the_topic(topic: Alerts) -> None:
    outputs = _outputs(_opened(1), _opened(2))
    topic.write(*outputs)
    assert topic.show("--max", "2", "--json").stdout_bytes.splitlines() == [output.value for output in outputs]


def test_what_a_worker_wrote_twice_is_shown_once(topic: Alerts) -> None:
    topic.write(*_outputs(_opened(1), _opened(1), _opened(2), _opened(1), _opened(3)))
    shown = topic.show("--max", "3").stdout
    assert re.findall(r"income (\d) has drifted", shown) == ["1", "2", "3"]


def test_a_record_that_is_no_alert_is_named_and_passed_over(topic: Alerts) -> None:
    (output,) = _outputs(_opened(1))
    topic.write(output._replace(value=b"\xff{"), output._replace(value=b'{"specversion":"1.0"}'), output)
    done = topic.show("--max", "1")
    assert "income 1" in done.stdout
    passed_over = re.findall(r"\[([01])\], offset (\d): is no alert event", " ".join(done.stderr.split()))
    assert [offset for _, offset in passed_over] == ["0", "1"]


def test_without_from_beginning_only_new_alerts_are_shown_and_ctrl_c_ends_it_cleanly(topic: Alerts) -> None:
    topic.write(*_outputs(_opened(1)))
    with topic.follow() as process:
        assert process.stdout is not None
        # it cannot be seen from outside when it has begun to read: so news comes until some is shown
        _write_until(lambda number: topic.write(*_outputs(_opened(number))), process)
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=_WAIT_S_MAX)
    assert process.returncode == 0
    assert "income 1 " not in first + rest
    assert (said, "Traceback" in rest) == ("", False)


def _write_until(write: Callable[[int], None], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _WAIT_S_MAX
    number = 2
    while time.monotonic() < deadline:
        write(number)
        number += 1
        if select.select([process.stdout], [], [], 0.2)[0]:
            return
    pytest.fail(f"nothing was shown within {_WAIT_S_MAX} s")


def test_a_topic_that_is_not_there_is_one_sentence(kafka: Kafka) -> None:
    done = run("alerts", "--bootstrap-servers", kafka.bootstrap_servers)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no topic driftline.alerts on" in done.stderr


# --- on a terminal ----------------------------------------------------------------------------------------------------


def _shown(alert: Alert, width: int = 80) -> str:
    out = io.StringIO()
    show_alert(Console(file=out, force_terminal=True, width=width, color_system="truecolor"), alert)
    return out.getvalue()


def test_on_a_terminal_an_alert_stands_in_columns_of_eighty_characters() -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", _shown(_opened(1).alert))
    assert [line.rstrip() for line in plain.splitlines()] == [
        "2026-01-31 12:10 page   credit: income 1 has drifted",
        "                        The input income no longer looks like the reference:",
        "                        mean 41 instead of 50; e-value 2e6 (threshold 1e6).",
        "                        since 2026-01-31 12:00 UTC, offset 120000 of partition 3",
    ]


@pytest.mark.parametrize(("severity", "style"), [("page", "41"), ("ticket", "33"), ("info", "36")])
def test_how_bad_it_is_has_a_colour(severity: str, style: str) -> None:
    assert re.search(rf"\x1b\[[0-9;]*{style}m{severity}", _shown(_opened(1, severity=severity).alert))


def test_an_incident_that_is_over_says_so_first() -> None:
    assert "resolved: " in _shown(_opened(1, event="resolved").alert)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_S5_names_from_events_move_no_cursor_and_change_no_colour(width: int) -> None:
    evil = "evil\x1b[2J\x1b]0;title\x07\r\n\u202e[red]name[/]"
    alert = _opened(1, title=evil, summary=evil * 3, model=evil).alert
    shown = _shown(alert, width)
    assert set(re.findall(r"[\x00-\x08\x0b-\x1f\x7f\u202e]+", re.sub(r"\x1b\[[0-9;]*m", "", shown))) == set()
    assert "[red]" in "".join(shown.split())


def test_a_time_that_no_calendar_has_is_shown_as_it_is() -> None:
    assert "999999999999999999 ms" in _shown(_opened(1, detected_ms=999_999_999_999_999_999).alert)


# --- any consumer can read it -----------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
KCAT_LINES = re.findall(r"^\$ (kcat .*)$", PAGE, re.MULTILINE)


def _kcat(line: str, topic: Alerts) -> subprocess.CompletedProcess[str]:
    """A line of the page, with its broker and topic replaced, up to the pipe, and ended at the end of the topic."""
    words = shlex.split(line.partition(" | ")[0])
    known = {"kcat": needs("kcat"), "localhost:9092": topic.servers, "driftline.alerts": topic.topic}
    command = [*(known.get(word, word) for word in words), "-e", "-q"]
    return subprocess.run(command, capture_output=True, text=True, timeout=_WAIT_S_MAX)


@pytest.mark.parametrize("line", KCAT_LINES)
def test_kcat_reads_the_topic_as_the_page_shows(line: str, topic: Alerts) -> None:
    outputs = _outputs(_opened(1), _opened(2))
    topic.write(*outputs)
    done = _kcat(line, topic)
    assert done.returncode == 0, done.stderr
    events = [json.loads(text[text.index('{"specversion"') :]) for text in done.stdout.splitlines()]
    assert [event["data"]["title"] for event in events] == [f"credit: income {i} has drifted" for i in (1, 2)]
    if "%h" in line:
        assert done.stdout.startswith("content-type=application/cloudevents+json 9b1deb4d3b7d4bad {")


def test_the_page_shows_kcat_and_an_event_as_it_is_written() -> None:
    assert len(KCAT_LINES) == 2
    (shown,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    written = json.loads(output_of(SIGNALS["alert_opened"], {129_000: json.loads(shown)["traceparent"]}).value)
    shown_event = json.loads(shown)
    assert list(shown_event) == list(written)
    assert {**shown_event, "id": written["id"], "data": written["data"]} == written
    assert set(shown_event["data"]) - {"..."} <= set(written["data"])
