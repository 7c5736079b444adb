"""Anything at all into what strangers reach; see README.md."""
