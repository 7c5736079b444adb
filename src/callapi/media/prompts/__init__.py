"""Prompts: fetch, decode, cache."""
