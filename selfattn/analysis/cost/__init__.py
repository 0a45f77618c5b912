"""What attention costs, measured and on paper."""
