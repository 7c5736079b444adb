"""Verbs that play to a party or listen to it."""
