"""What the commands write: stdout is data, stderr is talk."""
