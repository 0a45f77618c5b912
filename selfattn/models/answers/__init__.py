"""What a model says, by what it was made for."""
