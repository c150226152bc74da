"""The gateway node: one search to every provider it may concern."""
