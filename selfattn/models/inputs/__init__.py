"""What a model reads: texts, pictures, sounds."""
