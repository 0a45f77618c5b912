"""The page of costs: planned on paper, and measured here."""
