"""The operator's pages of the registry, at /operator."""
