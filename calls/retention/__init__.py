"""Retention: deletions with their receipts, legal holds, and when calls expire."""
