"""Elements inside a verb."""
