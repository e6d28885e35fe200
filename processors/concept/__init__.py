"""Concept drift: detectors on the stream of errors that labels reveal. They alarm when errors increase, never otherwise."""
