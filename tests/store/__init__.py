"""The store: one suite for the twin in memory, SQLite and PostgreSQL."""
