"""Digest authentication, both ways, and the throttle of failed logins."""
