"""The scripts that made the shipped models, one a model."""
