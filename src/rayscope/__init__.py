"""Rayscope: observability and debugging for Ray.

This file is also imported inside Ray's worker processes, on every Python that Ray runs on, so it holds the version and
imports nothing.
"""

__version__ = "0.1.0"
