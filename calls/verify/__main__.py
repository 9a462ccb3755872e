"""``python -m calls.verify CALL``."""

import sys

from calls.verify.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
