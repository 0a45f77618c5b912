"""From files, or from nothing, to batches: tables, corpora, splits, tokenizers."""
