"""One file for each `Protocol` of a room that another room fills."""
