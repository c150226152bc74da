"""The citizen's page in a real browser, before a real network of processes."""
