"""The monitor: a machine without I/O. Batches of events in, signals out."""
