"""Keeping and deleting: deletions with their receipts, legal holds, and when calls expire."""
