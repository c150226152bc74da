"""Floor 2, the runtime every node stands on; knows no action by name."""
