from typing import Literal, cast

SampleRate = Literal[16000, 24000]


def check_sample_rate(value: object) -> SampleRate:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(SampleRate, value)
