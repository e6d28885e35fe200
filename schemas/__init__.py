"""The vocabulary: events in, signals and alerts out, rejection reasons, and how they are written as bytes."""
