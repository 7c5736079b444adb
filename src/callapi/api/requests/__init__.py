"""What a client sends: path, parameters, credentials."""
