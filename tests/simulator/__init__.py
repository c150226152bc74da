"""The simulator: same seed, same run; nothing found; and what is broken on purpose is found."""
