"""Two of anything, side by side."""
