"""What runs without a request: on storage events, and on a schedule."""
