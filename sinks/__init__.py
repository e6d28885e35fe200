"""What takes outputs: memory and JSON lines."""
