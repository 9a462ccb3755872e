"""Full-text search in transcripts.

A transcript is searched as a list of *words* without case and accents. Both engines, SQLite FTS5
and Azure AI Search, store exactly these words, and a query is made of them, too: so both find the
same calls, and no query has the syntax of an engine. Which utterances of a call match is then read
from its transcript: what was deleted or erased is not shown, whatever an engine still knows.
"""
