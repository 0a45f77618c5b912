"""One head for the browser: whole, of a long text, and over a picture or a sound."""
