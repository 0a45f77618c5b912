"""A trace as files, and a view as the Python that computes it again."""
