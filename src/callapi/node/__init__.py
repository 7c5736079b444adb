"""Life and composition of one node."""
