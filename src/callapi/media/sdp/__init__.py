"""Session descriptions and the offer/answer negotiation of media."""
