"""Figures: (array, labels) -> Plotly figure or HTML. Pure functions; what a reader typed is always escaped."""
