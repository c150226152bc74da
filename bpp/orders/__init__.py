"""Orders: pure decisions, one file per action, and their store."""
