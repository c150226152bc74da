"""What tests of several parts share: peers with keys, a registry in memory, a real door."""
