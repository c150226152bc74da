"""Judges recorded conversations without any network: `wayfare validate`."""
