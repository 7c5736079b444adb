"""What a node shares with the other nodes of its service: news, guests, queues, quotas, a dead node's work."""
