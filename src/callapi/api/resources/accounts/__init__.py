"""Accounts, their keys and their tokens."""
