"""The signed door: from bytes at a socket to a verified message, and its answer."""
