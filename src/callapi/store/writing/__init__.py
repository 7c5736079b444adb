"""The one writer: backlog, write-ahead log of new calls, scrubbing of secrets."""
