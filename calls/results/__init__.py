"""What becomes of a call's audio: analyses, timeline, recording, assembly and failures."""
