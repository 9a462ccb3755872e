"""Measures and compares; see ``docs/performance.md``."""
