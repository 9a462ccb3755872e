"""What faults may be."""

from __future__ import annotations

import msgspec
import pytest

from local.emulator.faults import Faults


@pytest.mark.parametrize(
    "body",
    [
        {"drop": 1.5},
        {"operation_status": 200},
        {"colour": "blue"},
        {"late_ticks": 0},
        {"frame_ticks": 0},
        {"first_order": [1, 2]},
        {"first_order": [0, 0]},
        {"nulls": ["colour"]},
        {"pace_ppm": -1e6},
        {"handshake_headers": {"Connection": 1}},
    ],
)
def test_wrong_faults_are_refused(body: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, Faults)


def test_null_is_not_the_default_where_it_says_more() -> None:
    faults = msgspec.convert({"stray_ms": None, "metadata_after_ticks": None}, Faults)
    assert (faults.stray_ms, faults.metadata_after_ticks) == (None, None)
    assert (Faults().stray_ms, Faults().metadata_after_ticks) == (0, 0)
