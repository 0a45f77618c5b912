"""Figures: (array, labels) -> Plotly figure or HTML. Pure functions, no Streamlit; what a reader typed is always escaped."""
