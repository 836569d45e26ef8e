"""The panel: one file a page, each calling the acts that API and command line call."""
