"""Training: generated data, one loop, and the scripts that made the specimens."""
