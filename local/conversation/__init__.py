"""A short two-party conversation: WAV files, and ``truth.json`` with every utterance's span.

``make_conversation.py`` generates them. They are in the repository: using them needs no tools.
"""
