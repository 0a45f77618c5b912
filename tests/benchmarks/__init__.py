"""Measurements, each a program that prints its figures: `python -m tests.benchmarks.NAME`."""
