"""``python -m calls.search``: index the transcripts from before SEARCH was ``azure``."""

import asyncio
import logging
import os
import sys

from calls.search.filling import main

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(asyncio.run(main(os.environ)))
