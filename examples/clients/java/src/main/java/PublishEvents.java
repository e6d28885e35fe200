import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Publishes one prediction and, as its outcome becomes known, its label. */
public class PublishEvents {
    static final ObjectMapper JSON = new ObjectMapper();
    static final String PREDICTIONS = env("PREDICTIONS_TOPIC", "driftline.predictions");
    static final String LABELS = env("LABELS_TOPIC", "driftline.labels");

    public static void main(String[] args) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", env("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"));
        // close() at the end of the block waits until everything is sent; a service keeps one producer for all its life
        try (var producer = new KafkaProducer<>(config, new StringSerializer(), new ByteArraySerializer())) {
            String id = UUID.randomUUID().toString();

            // The key is the model: the producer's own partitioner (murmur2) keeps the model's events in one partition.
            var prediction = new ProducerRecord<>(PREDICTIONS, "fraud", JSON.writeValueAsBytes(Map.of(
                    "prediction_id", id,
                    "model", "fraud",
                    "model_version", "2026-01",
                    "timestamp", Instant.now().toString(),
                    "prediction", "fraud",
                    "score", 0.93,
                    "features", Map.of("amount", 129.5, "merchant", "books"),
                    "context", Map.of("region", "eu"),
                    "measurements", Map.of("latency_ms", 12.4))));
            // optional: the trace that made the prediction comes along to the alert
            prediction.headers().add("traceparent",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".getBytes());
            producer.send(prediction, PublishEvents::report);

            producer.send(new ProducerRecord<>(LABELS, "fraud", JSON.writeValueAsBytes(Map.of(
                    "prediction_id", id,
                    "model", "fraud",
                    "timestamp", Instant.now().toString(),
                    "label", "legitimate"))), PublishEvents::report);
        }
    }

    /** Monitoring never breaks the service: what could not be sent is told, and that is all. */
    static void report(Object metadata, Exception error) {
        if (error != null) System.err.println("not published: " + error.getMessage());
    }

    static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
