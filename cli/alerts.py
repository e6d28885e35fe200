"""`driftline alerts`: follows the alerts topic, one entry for each event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import typer
from rich.console import Console

from driftline.cli.alert_lines import show_alert
from driftline.cli.broker_option import settings_with
from driftline.cli.failures import explained
from driftline.config.config import Config
from driftline.producers.partition_consumer import PartitionConsumer, Place
from driftline.schemas.cloud_events import CloudEvent, decode_event

_RECORDS_AT_ONCE: Final = 1_000
_IDS_REMEMBERED: Final = 10_000


def alerts(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file; without it, defaults.")
    ] = None,
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="Kafka servers, host:port with commas between; default: the configuration's.")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Also those that are on the topic already.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="Only those of this model.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="End after so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Show alerts as they arrive; Ctrl-C ends it."""
    console = Console()
    shown = 0
    with explained():
        settings = settings_with(config, bootstrap_servers)
        try:
            for event in follow(settings, from_beginning=from_beginning):
                if model is not None and event.event.data.model != model:
                    continue
                if as_json:
                    typer.echo(event.value)
                else:
                    show_alert(console, event.event.data)
                shown += 1
                if shown == most:
                    return
        except KeyboardInterrupt:
            return


class Read(NamedTuple):
    """One event, and its bytes as they lie on the topic."""

    event: CloudEvent
    value: bytes


def follow(config: Config, *, from_beginning: bool) -> Iterator[Read]:
    """Alert events as they arrive, in the order of each incident; what a worker wrote twice comes once.

    Records that are no alert events are passed over, with a word on standard error. Raises DriftlineError when Kafka or the
    topic cannot be used.
    """
    said = Console(stderr=True)
    topic = config.topics.alerts
    ids: dict[str, None] = {}
    with PartitionConsumer(config.broker) as consumer:
        places = [Place(topic, partition) for partition in consumer.partitions(topic)]
        bounds = {place: consumer.bounds(place) for place in places}
        consumer.assign({place: at.start if from_beginning else at.end for place, at in bounds.items()})
        if said.is_terminal:
            said.print(f"alerts of {topic} at {config.broker.bootstrap_servers}; Ctrl-C ends", style="dim")
        while True:
            for record in consumer.take(_RECORDS_AT_ONCE)[0]:
                read = _read(record.value() or b"")
                if read is None:
                    where = f"{topic}[{record.partition()}], offset {record.offset()}"
                    said.print(f"{where}: is no alert event, and is passed over", style="yellow", highlight=False)
                elif read.event.id not in ids:
                    ids[read.event.id] = None
                    if len(ids) > _IDS_REMEMBERED:
                        del ids[next(iter(ids))]
                    yield read


def _read(value: bytes) -> Read | None:
    try:
        return Read(decode_event(value), value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
