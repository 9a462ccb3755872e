"""A socket's books say what its end explains; totals add up."""

from __future__ import annotations

from benchmarks.soak.ledger import IN_FLIGHT_SECONDS, UNFLUSHED_SECONDS, Totals
from tests.benchmarks.soak.books import record, sent

FRAMES = [sent(number) for number in range(100)]


def test_a_kill_belongs_to_the_sockets_that_were_open() -> None:
    books = record(FRAMES, opened_at=10.0, ended_at=20.0)
    books.apply_events([9.0, 30.0], [])
    assert books.killed_at is None
    assert books.unflushed_from == books.in_flight_from == float("inf")
    # The stream still ends, shortly after its socket.
    books.apply_events([9.0, 21.0, 30.0], [])
    assert books.killed_at == 21.0
    assert books.unflushed_from == 21.0 - UNFLUSHED_SECONDS
    # The machine ran late, and the streamer with it.
    books.apply_events([21.0], [], [(10.0, 5.0), (19.0, 0.25), (20.0, 0.5), (21.5, 7.0)])
    assert books.unflushed_from == 20.5 - UNFLUSHED_SECONDS


def test_a_late_machine_has_read_less_before_a_reset() -> None:
    books = record(FRAMES, opened_at=10.0, ended_at=20.0, reset_at=20.0)
    books.apply_events([], [], [(16.5, 5.0), (19.5, 0.25), (20.5, 7.0)])
    assert books.killed_at is None
    assert books.in_flight_from == 19.75 - IN_FLIGHT_SECONDS


def test_frames_that_arrive_at_a_frozen_streamer_are_not_judged() -> None:
    books = record(list(FRAMES), opened_at=0.0, ended_at=2.0)
    books.apply_events([], [(5.0, 6.0)])
    assert all(frame.is_clean for frame in books.sent)
    books.apply_events([], [(1.9, 2.0)])
    assert [frame.is_clean for frame in books.sent] == [frame.sent_at < 1.4 for frame in FRAMES]


def test_nothing_may_be_recorded_only_if_the_end_explains_all() -> None:
    assert not record(FRAMES).may_have_no_stream
    assert record(FRAMES, killed_at=1.0).may_have_no_stream
    assert not record(FRAMES, killed_at=UNFLUSHED_SECONDS + 1).may_have_no_stream
    assert record(FRAMES[:10], reset_at=IN_FLIGHT_SECONDS).may_have_no_stream
    assert record([]).may_have_no_stream


def test_totals_add_up() -> None:
    totals = Totals(sent=10, kept=8, repeated=1, worst_error_ms=3.0)
    totals.add(Totals(sent=5, kept=4, unaccounted=1, worst_error_ms=2.0, errors=["one"]))
    assert (totals.sent, totals.kept, totals.reported_lost, totals.unaccounted) == (15, 12, 1, 1)
    assert totals.worst_error_ms == 3.0
    assert totals.errors == ["one"]
    assert not totals.is_well
    assert Totals(sent=1, kept=1).is_well
    assert not Totals(duplicates=1).is_well
