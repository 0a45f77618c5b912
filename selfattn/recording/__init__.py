"""One door into every attention layer of a Hugging Face model: record what passes and edit it."""
