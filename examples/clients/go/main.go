// Publishes one prediction and, as its outcome becomes known, its label.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(env("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"), ",")...),
		// murmur2 of the key, as the Java client has it
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	id := rand.Text()
	publish(client, env("PREDICTIONS_TOPIC", "driftline.predictions"), map[string]any{
		"prediction_id": id,
		"model":         "fraud",
		"model_version": "2026-01",
		"timestamp":     time.Now().UTC().Format(time.RFC3339Nano),
		"prediction":    "fraud",
		"score":         0.93,
		"features":      map[string]any{"amount": 129.5, "merchant": "books"},
		"context":       map[string]any{"region": "eu"},
		"measurements":  map[string]any{"latency_ms": 12.4},
	},
		// optional: the trace that made the prediction comes along to the alert
		kgo.RecordHeader{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")})
	publish(client, env("LABELS_TOPIC", "driftline.labels"), map[string]any{
		"prediction_id": id,
		"model":         "fraud",
		"timestamp":     time.Now().UTC().Format(time.RFC3339Nano),
		"label":         "legitimate",
	})

	// waits until everything is sent; a service keeps one client for all its life
	if err := client.Flush(context.Background()); err != nil {
		log.Print(err)
	}
}

// publish never waits for the broker and never fails the service: what could not be sent is told, and that is all.
func publish(client *kgo.Client, topic string, event map[string]any, headers ...kgo.RecordHeader) {
	value, err := json.Marshal(event)
	if err != nil {
		log.Printf("not published: %v", err)
		return
	}
	// The key is the model, so that all its events are in one partition.
	record := &kgo.Record{Topic: topic, Key: []byte(event["model"].(string)), Value: value, Headers: headers}
	client.TryProduce(context.Background(), record, func(_ *kgo.Record, err error) {
		if err != nil {
			log.Printf("not published: %v", err)
		}
	})
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
