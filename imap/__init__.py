"""Speaks IMAP: an I/O-free codec, a session, one file per command family."""
