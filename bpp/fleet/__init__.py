"""The fleet: drivers, vehicles, dispatch."""
