"""The metrics of one node: scraped from Ray's Prometheus endpoints, sampled from the system where Ray has none, shipped by number.

`exposition` reads pages, `fetch` gets them, `targets` finds them; `vitals`, `processes` and `gpus` sample; `table` numbers series, `backlog` holds what
waits, `shipper` sends it, `collector` drives all of it. What is collected: docs/metrics.md; the wire: docs/formats/agent.md.
"""
