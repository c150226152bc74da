"""Tests of the provider node."""
