"""The interface: the one place, with the live component's mount, that knows Streamlit."""
