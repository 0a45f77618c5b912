"""The page of other attentions."""
