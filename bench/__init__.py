"""Benchmarks with their tables and charts; never part of the tests. ``python -m bench --help`` lists them."""
