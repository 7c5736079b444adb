"""One repository for each table."""
