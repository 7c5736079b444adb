"""Durable status callbacks: schedule, per-host queues, retries."""
