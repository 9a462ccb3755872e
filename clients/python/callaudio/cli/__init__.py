"""The command line, ``callaudio``: see ``callaudio --help`` and ``docs/clients.md``."""

from callaudio.cli.program import main

__all__ = ["main"]
