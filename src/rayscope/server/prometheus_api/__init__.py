"""Prometheus's HTTP API over the store of metrics, so that Grafana, promtool and others need not know whom they ask."""
