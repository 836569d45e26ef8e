"""The HTTP API: one noun a file, over the same acts as the command line."""
