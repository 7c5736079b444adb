"""What a call is connected to: another call, and how that changes."""
