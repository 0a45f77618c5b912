"""One forward pass with all that is known of it: the trace, its audit, and how it looks in a notebook."""
