"""What a conference costs."""
