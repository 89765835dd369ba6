"""The half that runs on every node of a cluster beside Ray: follows Ray's log files and the worker hooks' files, ships them, and does what the server asks.

The standard library only, on every Python that Ray runs on; of the rest of Rayscope it imports nothing, so that a zip of this folder is all that another
machine needs. How it finds its node, how it ships and what it costs: docs/agent.md.
"""
