"""`<Dial>`: its nouns, the ringing of many, and what comes of it."""
