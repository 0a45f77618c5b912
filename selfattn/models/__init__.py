"""Models: the local self-attention encoder, loading by name, folder or hub id, tokens, and what a model predicts."""
