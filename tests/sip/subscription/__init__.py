"""The subscription machines."""
