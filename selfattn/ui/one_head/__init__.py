"""The first page: one head, live."""
