"""Decides: facts + now -> decision, pure. Imports only `mail`."""
