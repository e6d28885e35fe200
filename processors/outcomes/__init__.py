"""The outcome side: labels joined to their predictions, and what follows from that."""
