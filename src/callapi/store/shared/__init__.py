"""What several nodes share on one database: who they are, commands between them, values that all must know."""
