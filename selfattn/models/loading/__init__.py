"""From a name, a folder or a hub id to a model that was checked."""
