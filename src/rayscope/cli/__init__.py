"""The command line: one file a verb. Only main() turns errors into exit codes."""
