"""What leaves and enters: sockets, connections and their framing; no rule of a transaction or dialog lives here."""
