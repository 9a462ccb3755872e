"""What Azure Communication Services sends: media packets, events, identifiers, tokens."""
