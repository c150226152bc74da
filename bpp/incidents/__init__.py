"""What went wrong on the road: written down by the dispatcher, followed up, closed, forgotten."""
