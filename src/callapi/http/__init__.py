"""The HTTP server and its bounds."""
