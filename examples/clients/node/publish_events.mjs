// Publishes one prediction and, as its outcome becomes known, its label.
import { randomUUID } from "node:crypto";
import { Kafka, Partitioners } from "kafkajs";

const { env } = process;
const kafka = new Kafka({ brokers: (env.KAFKA_BOOTSTRAP_SERVERS ?? "localhost:9092").split(",") });

// DefaultPartitioner: murmur2 of the key, as the Java client has it. LegacyPartitioner would put models elsewhere.
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect(); // a service keeps one producer for all its life

// The key is the model, so that all its events are in one partition.
// Monitoring never breaks the service: what could not be sent is told, and that is all.
const publish = (topic, event, headers) =>
  producer
    .send({ topic, messages: [{ key: event.model, value: JSON.stringify(event), headers }] })
    .catch((error) => console.error(`not published: ${error.message}`));

const id = randomUUID();
await Promise.all([
  publish(
    env.PREDICTIONS_TOPIC ?? "driftline.predictions",
    {
      prediction_id: id,
      model: "fraud",
      model_version: "2026-01",
      timestamp: new Date().toISOString(),
      prediction: "fraud",
      score: 0.93,
      features: { amount: 129.5, merchant: "books" },
      context: { region: "eu" },
      measurements: { latency_ms: 12.4 },
    },
    // optional: the trace that made the prediction comes along to the alert
    { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
  ),
  publish(env.LABELS_TOPIC ?? "driftline.labels", {
    prediction_id: id,
    model: "fraud",
    timestamp: new Date().toISOString(),
    label: "legitimate",
  }),
]);

await producer.disconnect();
