"""The wall against calls to internal addresses, tried in a network namespace of its own."""
