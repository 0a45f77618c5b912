"""The page of training: what is learned from, the run as it goes, what it made, sweeps, and scaled beside raw."""
