"""Which tracks are idle."""

from __future__ import annotations

from streamer.track_activity import TrackActivity


def test_the_longest_idle_track_is_one_that_has_stood_still() -> None:
    activity = TrackActivity()
    assert activity.longest_idle({}, 0, 1) is None
    activity.update({"a": 1, "b": 1, None: 1}, 0)
    assert activity.longest_idle({"a": 1, "b": 1, None: 1}, 0.5, 1) is None
    activity.update({"a": 1, "b": 2, None: 1}, 1)
    activity.update({"a": 1, "b": 2, None: 3}, 2)
    assert activity.longest_idle({"a": 1, "b": 2, None: 3}, 2, 1) == ("a",)
    assert activity.longest_idle({"b": 2, None: 3}, 2, 1) == ("b",)
    assert activity.longest_idle({"a": 2, "b": 3, None: 3}, 2, 1) is None
    activity.update({None: 3}, 4)
    assert activity.longest_idle({None: 3}, 4, 1) == (None,)


def test_a_track_left_behind_is_far_behind_and_stands_still() -> None:
    activity = TrackActivity()
    activity.update({"idle": 5, "slow": 5, "ahead": 5}, 0)
    positions: dict[str | None, int] = {"idle": 5, "slow": 6, "ahead": 500}
    assert activity.left_behind(positions, 100) == ["idle"]
    assert activity.left_behind(positions, 1000) == []
    assert activity.left_behind({"idle": 5}, 0) == []
