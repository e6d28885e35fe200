"""What takes outputs: Kafka, JSON lines, memory; and what shows figures: Prometheus."""
