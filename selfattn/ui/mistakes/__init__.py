"""The page of famous mistakes."""
