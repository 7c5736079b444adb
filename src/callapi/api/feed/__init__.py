"""The live feed of an account: server-sent events."""
