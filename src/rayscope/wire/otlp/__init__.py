"""OpenTelemetry's metrics (OTLP 1.x), read and written. Source: opentelemetry.io/docs/specs/otlp and …/specs/otel/compatibility/prometheus_and_openmetrics."""
