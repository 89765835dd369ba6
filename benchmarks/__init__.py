"""Measurements of speed and size. One verb a file: `python -m benchmarks.ingest`, `…fill`, `…query`, `…stream`, `…record`."""
