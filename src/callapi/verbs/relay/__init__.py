"""`<ConversationRelay>`: a session of its machine with synthesis, recognition and a WebSocket."""
