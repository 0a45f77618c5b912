"""What changes inside the model do to what it says."""
