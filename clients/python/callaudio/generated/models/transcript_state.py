from typing import Literal, cast

TranscriptState = Literal["complete", "failed", "off", "pending"]


def check_transcript_state(value: object) -> TranscriptState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(TranscriptState, value)
