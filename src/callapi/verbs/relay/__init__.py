"""`<ConversationRelay>`: a session of its machine with a voice, an ear and a WebSocket."""
