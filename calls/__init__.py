"""The function app's domain: call control, call records, results, transcripts and HTTP."""
