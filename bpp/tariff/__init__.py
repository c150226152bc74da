"""Fares by time: the dated tariffs of a cooperative, and what a change does to jobs."""
