"""The index of calls: what the list of calls, its filters and its sorting are read from.

The records in Blob Storage are the truth. Each process keeps a *read model* of all of them in a
private SQLite database, and brings it up to date from the *change log* before each use. A process
that starts reads the *day files* first: the calls by day, as a timer has last written them.
"""
