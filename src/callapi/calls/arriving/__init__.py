"""Inbound calls: who may call, admission, refusals."""
