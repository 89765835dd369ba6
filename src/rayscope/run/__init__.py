"""`rayscope run`: a program run unchanged, its output kept, its clusters recorded to the last event."""
