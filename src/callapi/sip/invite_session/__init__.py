"""The machine of one INVITE session, in parts; pure: `now` and entropy are arguments, bodies are opaque bytes."""
