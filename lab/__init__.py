"""Plays the world for demo, sample and tests; knows the appliance by its ports alone."""
