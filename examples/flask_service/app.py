"""A service on Flask: every answer of its model goes to Kafka, its requests, latency and errors to Prometheus.

cd examples
KAFKA=localhost:9092 flask --app flask_service.app run
"""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from housing_model import FEATURES, NAME, VERSION, HousingModel
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest

from driftline.producers.publisher import Publisher

REQUESTS = Counter("service_requests_total", "Requests.", ["path"])
ERRORS = Counter("service_errors_total", "Requests that were answered with an error.", ["path"])
LATENCY = Histogram("service_latency_seconds", "Time to answer.", ["path"])

app = Flask(__name__)
model = HousingModel()
# one for the process: flushed when it ends, and a worker that gunicorn forks goes on with a client of its own
publisher = Publisher(os.environ.get("KAFKA", "localhost:9092"))
REGISTRY.register(publisher.collector())


@app.before_request
def start() -> None:
    g.started = time.perf_counter()


@app.after_request
def measure(response: Response) -> Response:
    path = "unknown" if request.url_rule is None else request.url_rule.rule  # a series for every path would be too many
    REQUESTS.labels(path).inc()
    LATENCY.labels(path).observe(time.perf_counter() - g.started)
    if response.status_code >= 400:
        ERRORS.labels(path).inc()
    return response


@app.post("/predict")
def predict() -> ResponseReturnValue:
    sent = request.get_json()
    try:
        features = {name: float(sent[name]) for name in FEATURES}
    except (KeyError, TypeError, ValueError) as error:
        return {"error": f"send a number for each of {', '.join(FEATURES)}: {error}"}, 422
    expensive, probability = model.predict(features)
    prediction_id = publisher.prediction(
        NAME,
        expensive,
        features=features,
        score=probability,
        model_version=VERSION,
        context={"region": request.headers.get("x-region", "unknown")},
        measurements={"latency_ms": (time.perf_counter() - g.started) * 1000},
        traceparent=request.headers.get("traceparent"),
    )
    return {"prediction_id": prediction_id, "expensive": expensive, "probability": probability}


@app.post("/outcome")
def outcome() -> ResponseReturnValue:
    """Called when it has become known what the district really was."""
    known = request.get_json()
    publisher.label(known["prediction_id"], NAME, bool(known["expensive"]))
    return "", 204


@app.get("/metrics")
def metrics() -> ResponseReturnValue:
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
