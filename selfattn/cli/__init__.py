"""The command line, and the app opened from Python."""
