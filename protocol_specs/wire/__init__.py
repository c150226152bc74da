"""Floor 1, pure: bytes in, values out."""
