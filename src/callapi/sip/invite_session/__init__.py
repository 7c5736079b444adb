"""The machine of one INVITE session, in parts; pure: time and entropy are arguments, bodies are opaque."""
