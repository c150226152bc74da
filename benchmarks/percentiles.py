"""What half, 95 and 99 of 100 do not exceed."""

import statistics


def percentiles_ms(took_s: list[float]) -> dict[str, float]:
    """Of at least two durations in seconds: p50, p95 and p99 in milliseconds."""
    cuts = statistics.quantiles(took_s, n=100)
    return {name: round(cuts[at] * 1000, 1) for name, at in (("p50", 49), ("p95", 94), ("p99", 98))}
