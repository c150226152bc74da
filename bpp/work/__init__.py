"""Whether a driver may work now: documents and their expiry, shifts; and pictures of hand-overs."""
