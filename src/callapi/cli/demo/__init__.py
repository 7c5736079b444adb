"""`callapi demo`: a whole call on one machine."""
