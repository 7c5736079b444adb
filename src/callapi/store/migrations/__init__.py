"""How the tables came to be what they are, a step a file in `versions/`. Steps are added, never changed.

A step says what it does in its own words, not by way of `tables.py`, which goes on to change.
"""
