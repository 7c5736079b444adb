"""Softphones of the command line."""
