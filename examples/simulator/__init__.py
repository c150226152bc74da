"""All nodes in one process on simulated time, network and disk; one seed gives one run."""
