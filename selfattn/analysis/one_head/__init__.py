"""One head in numbers."""
