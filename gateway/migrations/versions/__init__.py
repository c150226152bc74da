"""Revisions of this node's schema."""
