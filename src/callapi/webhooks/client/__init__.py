"""The HTTP/1.1 client for applications: connections kept open, one request, one bounded answer."""
