"""The contract of the two programs: names, WAV, manifests and stream grants."""
