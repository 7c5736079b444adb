"""What a client is shown: records as JSON or XML, in pages."""
