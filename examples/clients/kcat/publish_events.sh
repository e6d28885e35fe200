#!/bin/sh
# Publishes one prediction and, as its outcome becomes known, its label.
set -eu

# The key (-k) is the model. kcat's own partitioner is another hash than the Java client's: murmur2_random is that one.
publish() {
    kcat -P -b "${KAFKA_BOOTSTRAP_SERVERS:-localhost:9092}" -X partitioner=murmur2_random -k fraud "$@"
}

id=$(cat /proc/sys/kernel/random/uuid)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)

echo '{"prediction_id": "'"$id"'", "model": "fraud", "model_version": "2026-01", "timestamp": "'"$now"'",
       "prediction": "fraud", "score": 0.93, "features": {"amount": 129.5, "merchant": "books"},
       "context": {"region": "eu"}, "measurements": {"latency_ms": 12.4}}' |
    tr -d '\n' |
    publish -t "${PREDICTIONS_TOPIC:-driftline.predictions}" \
        -H traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01

echo '{"prediction_id": "'"$id"'", "model": "fraud", "timestamp": "'"$now"'", "label": "legitimate"}' |
    publish -t "${LABELS_TOPIC:-driftline.labels}"
