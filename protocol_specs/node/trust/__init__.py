"""Who is who: the registry a node trusts, whom that vouches for, and its own keys."""
