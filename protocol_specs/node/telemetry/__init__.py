"""What a node says of itself as it works: lines, counters, spans, hops."""
