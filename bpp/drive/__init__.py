"""The driver's face of a cooperative's node: pages below /drive, for a cheap phone."""
