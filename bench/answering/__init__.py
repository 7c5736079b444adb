"""How often the answering machine detector is right: on recordings that are made here."""
