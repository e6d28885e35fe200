"""Publishes one prediction and, as its outcome becomes known, its label."""

import asyncio
import json
import os
import uuid
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

PREDICTIONS = os.environ.get("PREDICTIONS_TOPIC", "driftline.predictions")
LABELS = os.environ.get("LABELS_TOPIC", "driftline.labels")


async def main() -> None:
    # Its own partitioner is murmur2 of the key, as the Java client has it. A service keeps one producer for all its life.
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
        key_serializer=str.encode,
        value_serializer=lambda event: json.dumps(event).encode(),
    )
    prediction_id = str(uuid.uuid4())
    prediction = {
        "prediction_id": prediction_id,
        "model": "fraud",
        "model_version": "2026-01",
        "timestamp": datetime.now(UTC).isoformat(),
        "prediction": "fraud",
        "score": 0.93,
        "features": {"amount": 129.5, "merchant": "books"},
        "context": {"region": "eu"},
        "measurements": {"latency_ms": 12.4},
    }
    label = {
        "prediction_id": prediction_id,
        "model": "fraud",
        "timestamp": datetime.now(UTC).isoformat(),
        "label": "legitimate",
    }
    # optional: the trace that made the prediction comes along to the alert
    headers = [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    async with producer:  # leaving it waits until everything is sent
        # The key is the model, so that all its events are in one partition.
        await producer.send(PREDICTIONS, prediction, key="fraud", headers=headers)
        await producer.send(LABELS, label, key="fraud")


if __name__ == "__main__":
    asyncio.run(main())
