"""``python -m calls.verify CALL``: proves over Blob Storage that a recording is what was streamed.

The chain has three links. A manifest has the SHA-256 of each segment of its stream, the result the
SHA-256 of each manifest and of the recording, and the recording's samples are those of the
segments, each at the place that the manifests give. See docs/evidence.md for what it proves.
"""
