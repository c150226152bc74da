"""Worked cases, run through the engine: docs/vectors.md defines each kind."""
