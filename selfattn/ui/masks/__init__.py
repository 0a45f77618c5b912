"""The page of masks and positions."""
