"""A call's results: analyses, timeline, recording, assembly and failures."""
