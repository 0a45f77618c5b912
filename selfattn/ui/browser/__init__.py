"""What the browser tells and keeps by itself: its theme, its way back, what is pasted, a copied link."""
