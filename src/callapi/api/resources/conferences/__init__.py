"""Conferences, their participants, and queues."""
