"""Transcripts: the model, the speech-to-text engines, and the job that runs them."""
