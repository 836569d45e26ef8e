"""Speaks SMTP: outbound (the sender), inbound (the MX and the sorter), submission."""
