"""Online drift detectors: one file each, a compiled kernel with its plain reference beside it."""
