"""The ways out: whom a node may call, over which connections, how much of an answer is read."""
