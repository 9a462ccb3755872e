"""``python -m calls.index rebuild`` and ``check``."""

import sys

from calls.index.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
