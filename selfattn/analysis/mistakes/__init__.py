"""Eleven mistakes that many make in attention: each computed wrong and right, on the same head of the same text."""
