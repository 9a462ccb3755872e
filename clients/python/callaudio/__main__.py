"""``python -m callaudio`` is ``callaudio``."""

from callaudio.cli import main

main()
