"""The clients of the HTTP interface."""
