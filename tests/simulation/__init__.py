"""A year of two cooperatives that share workers: one seed drives it, an auditor judges."""
