"""Outbound calls: destinations, the REST queue and its runner."""
