"""The language: one file of tests for each verb and noun, and for each step from bytes to a document."""
