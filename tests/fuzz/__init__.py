"""Fuzzing: what comes from a stranger is read without a fault, or refused in our own words."""
