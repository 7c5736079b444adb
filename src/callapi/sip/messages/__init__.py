"""SIP messages as values: grammar, parser, writer, and the checks of RFC 3261."""
