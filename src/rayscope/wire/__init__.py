"""The formats of the metrics world, to the byte and without I/O: Prometheus's text and remote write, OpenTelemetry's OTLP."""
