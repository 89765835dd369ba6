"""Which answers are gzipped: the large ones, but for streams, whose parts must leave at once."""

from __future__ import annotations

from litestar.config.compression import CompressionConfig

PLAIN = "plain"
"""Marks a route whose answers are never compressed."""


def compression() -> CompressionConfig:
    """The server's compression."""
    return CompressionConfig(backend="gzip", minimum_size=2000, gzip_compress_level=4, exclude_opt_key=PLAIN)
