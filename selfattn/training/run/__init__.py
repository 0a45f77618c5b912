"""One training: its settings, its loop, and all that it leaves in its folder."""
