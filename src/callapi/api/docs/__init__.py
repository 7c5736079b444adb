"""What the API says of itself: OpenAPI, the page for readers, a page for each code."""
