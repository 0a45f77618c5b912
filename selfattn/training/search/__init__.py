"""Many trainings beside each other: sweeps, and pairs that differ in one thing."""
