"""The function app's domain: call control, call records, results, transcripts and HTTP."""

import os

# Before NumPy is imported. Its matrices are small, and several functions run at once: OpenBLAS's
# threads would wait for each other, busily, and take four times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
