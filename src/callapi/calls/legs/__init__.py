"""One party of a call: a SIP session and a media stream, joined by their offers and answers."""
