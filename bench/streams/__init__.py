"""What a stream in both directions costs the node."""
