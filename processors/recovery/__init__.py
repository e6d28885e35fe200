"""How state survives: cuts of a partition, written as chunks and manifests, and the way back. Pure, but for its ports."""
