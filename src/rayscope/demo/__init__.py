"""The example program of `rayscope demo`, and the questions that the demo asks about it."""
