"""The contract between the two programs: blob names, WAV, manifests and stream grants."""
