"""Workers' output on the terminal of `rayscope run`: followed at the server, prefixed, folded, and printed between the program's own lines."""
