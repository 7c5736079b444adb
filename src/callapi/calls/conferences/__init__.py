"""Conferences: rooms by account and name, their rules, their participants and the events that they send.

`machine` holds the rules and does no I/O; `conference` performs its outputs on the mixer, the records and the
callbacks; `directory` finds the rooms of this node.
"""
