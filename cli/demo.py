"""`driftline demo`: a broker, a service and a worker come up by themselves, and a drift is found before your eyes."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console

from driftline.cli.failures import explained
from driftline.producers.simulated_drifts import DRIFTS
from driftline.producers.simulated_stream import Simulation
from driftline.schemas.errors import InputError

_DAY_S = 30.0  # so that a demo sees the traffic rise and fall
_LABEL_DELAY_S = 4.0


def demo(
    data: Annotated[
        bool, typer.Option("--data", help="Replay recorded predictions of real data instead; needs no broker.")
    ] = False,
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="Use this Kafka instead of the embedded broker, with topics of the demo's own.")
    ] = None,
    service_only: Annotated[
        bool, typer.Option("--service-only", help="Only the simulated service, on the topics of a worker of yours.")
    ] = False,
    drift: Annotated[str, typer.Option(help="What goes wrong: unit, share or missing.")] = "unit",
    drift_after: Annotated[float, typer.Option(min=1, help="Seconds of traffic before it does.")] = 12.0,
    rate: Annotated[float, typer.Option(min=1, max=5_000, help="Predictions a second.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Of the simulated traffic.")] = 1,
) -> None:
    """Show a drift being found, live: an embedded broker, a simulated service, a worker. Half a minute."""
    with explained():
        if drift not in DRIFTS:
            raise InputError(f"--drift {drift!r}: write one of {', '.join(DRIFTS)}")
        simulation = Simulation(seed=seed, rate_per_s=rate, drift=DRIFTS[drift], drift_after_s=drift_after)
        code = _run(data, bootstrap_servers, service_only, simulation)
    if code:
        raise typer.Exit(code)


def _run(data: bool, bootstrap_servers: str | None, service_only: bool, simulation: Simulation) -> int:
    # each of the three imports what only it needs: the service is to start at once, without numba
    if data:
        if service_only or bootstrap_servers:
            raise InputError("--data: replays files, without broker or service; leave the other options out")
        from driftline.cli.demo_data import data_demo

        data_demo(Console())
        return 0
    if service_only:
        from driftline.cli.demo_service import run_service

        return run_service(bootstrap_servers, simulation)
    from driftline.cli.demo_live import run_live

    return run_live(Console(), bootstrap_servers, replace(simulation, day_s=_DAY_S, label_delay_s=_LABEL_DELAY_S))
