"""Remembers: SQL and bytes on disk. Synchronous; the caller owns thread and transaction."""
