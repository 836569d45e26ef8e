"""Asks other machines: resolver, SMTP client, TLS policy. Imports no `store`."""
