"""A service on FastAPI: every answer of its model goes to Kafka, its requests, latency and errors to Prometheus.

cd examples
KAFKA=localhost:9092 uvicorn fastapi_service.app:app
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from housing_model import NAME, VERSION, HousingModel
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from pydantic import BaseModel

from driftline.producers.publisher import Publisher

REQUESTS = Counter("service_requests_total", "Requests.", ["path"])
ERRORS = Counter("service_errors_total", "Requests that were answered with an error.", ["path"])
LATENCY = Histogram("service_latency_seconds", "Time to answer.", ["path"])

model = HousingModel()


class District(BaseModel):
    MedInc: float
    HouseAge: float
    AveRooms: float
    AveBedrms: float
    Population: float
    AveOccup: float
    Latitude: float
    Longitude: float


class Outcome(BaseModel):
    prediction_id: str
    expensive: bool


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One publisher for the process, flushed when the server stops."""
    with Publisher(os.environ.get("KAFKA", "localhost:9092")) as publisher:
        REGISTRY.register(publisher.collector())
        app.state.publisher = publisher
        yield


app = FastAPI(title="Is this district expensive?", lifespan=lifespan)


@app.middleware("http")
async def measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    started = time.perf_counter()
    response = await call_next(request)
    path = getattr(
        request.scope.get("route"), "path", "unknown"
    )  # the route: a series for every path would be too many
    REQUESTS.labels(path).inc()
    LATENCY.labels(path).observe(time.perf_counter() - started)
    if response.status_code >= 400:
        ERRORS.labels(path).inc()
    return response


@app.post("/predict")
async def predict(district: District, request: Request) -> dict[str, object]:
    started = time.perf_counter()
    features = district.model_dump()
    expensive, probability = model.predict(features)
    prediction_id = request.app.state.publisher.prediction(
        NAME,
        expensive,
        features=features,
        score=probability,
        model_version=VERSION,
        context={"region": request.headers.get("x-region", "unknown")},
        measurements={"latency_ms": (time.perf_counter() - started) * 1000},
        traceparent=request.headers.get("traceparent"),
    )
    return {"prediction_id": prediction_id, "expensive": expensive, "probability": probability}


@app.post("/outcome")
async def outcome(known: Outcome, request: Request) -> None:
    """Called when it has become known what the district really was."""
    request.app.state.publisher.label(known.prediction_id, NAME, known.expensive)


@app.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
