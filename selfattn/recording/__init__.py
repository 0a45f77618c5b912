"""One door into every attention layer of a Hugging Face model: record what passes, edit it, keep nothing on the model."""
