"""The streamer: the WebSocket server that ACS streams audio to. ``python -m streamer`` runs it."""
