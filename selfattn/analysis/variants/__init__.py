"""Other attentions beside the exact one."""
