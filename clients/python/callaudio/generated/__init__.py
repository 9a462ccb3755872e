"""Generated from the app's OpenAPI document: do not edit. ``python -m clients.generate`` writes it."""
