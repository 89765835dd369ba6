"""Log bytes: in memory until there is a block of them, then compressed in segment files, with an index in the database."""
