"""The accuracy of voice activity detection, interruptions and transcripts (``make accuracy``)."""
