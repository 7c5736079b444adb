"""Scenarios: the product as a process, phones from elsewhere, a real web application; each reads like a phone call."""
