"""The consumer node (BAP): a citizen's search, booking and ride."""
