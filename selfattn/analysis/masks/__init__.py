"""Who can hear whom, and what places add."""
