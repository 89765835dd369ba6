"""The server: one process, one store, one port."""
