"""What can be done with each noun: one file a noun, the same functions for API and command line."""
