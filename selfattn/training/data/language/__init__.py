"""The sentences of the sentiment specimen: words, phrases, idioms and templates."""
