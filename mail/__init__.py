"""Knows the formats: bytes <-> values, pure; imports nothing of ours."""
