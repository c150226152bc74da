"""The registry node: who is who, which key, where."""
