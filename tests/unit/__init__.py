"""Tests of pure parts: nothing here opens a store."""
