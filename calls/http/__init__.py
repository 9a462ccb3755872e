"""The function app's HTTP interface: requests in, documents and problem documents out.

The only part of the app that chooses the HTTP statuses of its responses.
"""
