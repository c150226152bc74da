"""Several processes as one node: their parent, their shares, what they ask and tell each other."""
