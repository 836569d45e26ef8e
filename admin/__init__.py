"""Speaks to people: API, unsubscribe pages, the command line, the parent of all processes, the clock."""
