"""What every page shares: the sidebar, the model, what it reads, and the furniture."""
