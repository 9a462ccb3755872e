"""The call record: its model, how it is derived from events and requests, and where it is kept."""
