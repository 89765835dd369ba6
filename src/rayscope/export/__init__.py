"""Sending what was collected on: remote write and OTLP, each destination from a durable cursor of its own."""
