"""Commands that ask a running node."""
