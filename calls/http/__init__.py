"""The function app's HTTP interface: requests in, documents and problem documents out.

The only part of the app that knows HTTP statuses.
"""
