"""Keeps one process of ours: its log, its metrics port, its signals, its word that it is ready."""
