"""What a service of several nodes costs, and how far it goes."""
