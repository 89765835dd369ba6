"""`rayscope top`: a live screen of a cluster. `gather` asks the server, `views` makes rows of it, `screen` and `plain` show them."""
