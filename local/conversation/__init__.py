"""A short two-party conversation: WAV files, and ``truth.json`` with every utterance's span.

``make_conversation.py`` made them; they are kept here so that nothing has to be installed.
"""
