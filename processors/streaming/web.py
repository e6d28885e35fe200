"""`/healthz`, `/readyz` and `/metrics` of a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from aiohttp import web

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Condition:
    """How the worker is. `live` False: restart it; `ready` False: it does not do its work at the moment.

    `state`: "starting", "rebalancing", "running", "standby" (a healthy member without partitions), "broker_unreachable",
    "stalled" or "stopping".
    """

    live: bool
    ready: bool
    state: str
    partitions: int
    lag: int
    seconds_since_progress: float


class Web:
    """One server; `condition` and `metrics` are asked on each request."""

    def __init__(self, host: str, port: int, condition: Callable[[], Condition], metrics: Callable[[], bytes]) -> None:
        self._host, self._port = host, port
        self._condition, self._metrics = condition, metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; the address that was bound. Raises OSError when the port is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._exposition)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, request: web.Request) -> web.Response:
        condition = self._condition()
        return web.json_response(asdict(condition), status=200 if condition.live else 503)

    async def _readyz(self, request: web.Request) -> web.Response:
        condition = self._condition()
        return web.json_response(asdict(condition), status=200 if condition.ready else 503)

    async def _exposition(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": EXPOSITION})
