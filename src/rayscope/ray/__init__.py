"""What is known of Ray's formats, by version. Pure: no I/O, nothing of Rayscope but errors and model."""
