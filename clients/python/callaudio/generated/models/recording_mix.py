from typing import Literal, cast

RecordingMix = Literal["mono", "stereo"]


def check_recording_mix(value: object) -> RecordingMix:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(RecordingMix, value)
