"""Analysis: from the weights of a forward pass to numbers that say what a head does."""
