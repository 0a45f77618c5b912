"""The page that compares two of anything."""
