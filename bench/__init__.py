"""Benchmarks: each measures beside native Python in one run. `inv bench --only NAME,...` runs them."""
