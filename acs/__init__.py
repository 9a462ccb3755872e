"""What Azure Communication Services says on the wire: packets, events, identifiers, tokens."""
