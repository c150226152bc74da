"""Measurements of the hot paths as ratios within one run; `python -m benchmarks` prints them."""
