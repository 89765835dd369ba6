"""Rayscope's rows: frozen, typed, without I/O. The names of states and columns are Ray's own words where Ray has one."""
