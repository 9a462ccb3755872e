"""Benchmarks: what the streamer costs, measured beside the official samples' way and the floor."""
