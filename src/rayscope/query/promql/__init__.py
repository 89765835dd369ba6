"""PromQL: parsed by `promql-parser`, evaluated over numpy, with the semantics of Prometheus 2.42."""
