"""Elements that a document executes."""
