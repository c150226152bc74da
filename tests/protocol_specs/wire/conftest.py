"""For the tests of the wire: generated examples have no time limit of their own.

A busy machine is no fault of a parser; pytest's own limit on a test still holds.
"""

from hypothesis import settings

settings.register_profile("wayfare", deadline=None)
settings.load_profile("wayfare")
