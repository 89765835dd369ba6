"""Metrics: series and their labels, samples in memory and in compressed blocks, and where the blocks are."""
