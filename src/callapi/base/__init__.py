"""Floor 0: ids, errors, clock, settings, limits. Knows no other room and does no I/O but reading settings."""
