from typing import Literal, cast

TranscriptFormat = Literal["csv", "json", "txt", "vtt"]


def check_transcript_format(value: object) -> TranscriptFormat:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(TranscriptFormat, value)
