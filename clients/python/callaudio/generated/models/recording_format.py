from typing import Literal, cast

RecordingFormat = Literal["flac", "mp3", "ogg", "wav"]


def check_recording_format(value: object) -> RecordingFormat:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(RecordingFormat, value)
