"""The live browser components: Python packs bytes, plain ES modules in `browser/` draw them."""
