"""What several tests build on: real-shaped events, and a store to record them in."""
