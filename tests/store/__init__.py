"""Tests of what is stored, over a real database in a temporary folder."""
