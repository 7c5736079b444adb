"""Tests of the REST room."""
