"""Our JSON Schemas of the protocol, as package data."""
