"""Rayscope's own HTTP API, one noun a file."""
