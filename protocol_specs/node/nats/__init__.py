"""NATS between processes of a node, and from a registry to its network: quick, never a record."""
