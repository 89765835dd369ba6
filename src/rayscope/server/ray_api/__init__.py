"""Ray's own REST on Rayscope's store."""
