"""When callers speak, by noise: our detector beside Silero VAD."""
