"""What audio passes before it is placed: nothing is dropped, and all of it stays in order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from acs.media import AudioData, AudioMetadata
from streamer.audio_gate import AudioGate
from streamer.media_packets import PacketCounter
from streamer.stream_folder import StreamState
from streamer.stream_format import MAX_HELD_BYTES, MAX_HELD_FRAMES
from tests.streamer.conftest import ORIGIN
from tests.streamer.spools import create_state


class Gate(AudioGate):
    """A gate that remembers what it has let through: frames with the rate that they got."""

    def __init__(self, granted_rate: int | None = None) -> None:
        self.state: StreamState = create_state()
        self.rates: list[int] = []
        self.placed: list[tuple[int, AudioData]] = []
        super().__init__(
            self.state,
            PacketCounter(self.state, 10, lambda *_, **__: None),
            granted_rate,
            start_format=self.rates.append,
            place=lambda audio: self.placed.append((self.rates[-1], audio)),
        )


def frame(index: int, data_bytes: int) -> AudioData:
    return AudioData(ORIGIN + index * timedelta(milliseconds=20), None, bytes(data_bytes))


def test_frames_pass_at_the_declared_rate() -> None:
    gate = Gate()
    assert not gate.is_open
    assert gate.declare(AudioMetadata(24_000, length=960)) is None
    assert gate.is_open
    assert gate.examine(frame(0, 960)) is None
    assert [rate for rate, _ in gate.placed] == [24_000]
    assert not gate.state.irregular


def test_frames_wait_for_the_metadata() -> None:
    gate = Gate(granted_rate=24_000)
    for index in range(5):
        assert gate.examine(frame(index, 640)) is None
    assert not gate.placed
    assert gate.pending_bytes == 5 * 640
    gate.declare(AudioMetadata(16_000))
    assert [rate for rate, _ in gate.placed] == [16_000] * 5
    assert gate.is_open
    assert gate.pending_bytes == 0


def test_the_same_metadata_again_changes_nothing() -> None:
    gate = Gate()
    gate.declare(AudioMetadata(16_000))
    for index in range(10):
        gate.examine(frame(index, 960))
    assert gate.rates == [16_000, 24_000]
    gate.declare(AudioMetadata(16_000))
    gate.examine(frame(10, 960))
    assert gate.rates == [16_000, 24_000]
    assert len(gate.placed) == 11
    assert gate.state.irregular == {"sample_rate": 1}


def test_a_format_that_flaps_stays_in_the_end() -> None:
    gate = Gate()
    for number in range(40):
        gate.declare(AudioMetadata((16_000, 24_000)[number % 2]))
        gate.examine(frame(number, 1280))
    assert len(gate.rates) == 16
    assert len(gate.placed) == 40
    assert gate.state.irregular == {"format_changes": 12}


def test_a_tick_releases_what_waited_since_the_last_one() -> None:
    gate = Gate()
    gate.examine(frame(0, 960))
    assert gate.on_tick() is None
    assert not gate.placed
    assert gate.on_tick() is None
    assert [rate for rate, _ in gate.placed] == [24_000]


def test_a_rate_that_nothing_supports_closes_the_stream() -> None:
    gate = Gate()
    gate.declare(AudioMetadata(44_100))
    for index in range(MAX_HELD_FRAMES - 1):
        assert gate.examine(frame(index, 882)) is None
    close = gate.examine(frame(MAX_HELD_FRAMES, 882))
    assert close is not None
    assert (close.code, close.reason) == (1003, "44100 Hz is not supported")


def test_an_odd_byte_is_left_out() -> None:
    gate = Gate()
    gate.declare(AudioMetadata(16_000))
    gate.examine(frame(0, 641))
    gate.examine(frame(1, 1))
    assert [len(audio.data or b"") for _, audio in gate.placed] == [640, 0]
    assert gate.state.irregular == {"odd_bytes": 2}


@given(
    st.lists(
        st.one_of(
            st.sampled_from([0, 1, 640, 641, 960, 1280, 1764, 65_536]),
            st.sampled_from([AudioMetadata(rate) for rate in (8_000, 16_000, 24_000)]),
            st.just("tick"),
        ),
        max_size=150,
    ),
    st.sampled_from([None, 16_000, 24_000]),
)
def test_every_frame_is_placed_once_and_in_order(
    steps: list[int | AudioMetadata | str], granted_rate: int | None
) -> None:
    gate = Gate(granted_rate)
    sent: list[AudioData] = []
    for step in steps:
        if isinstance(step, AudioMetadata):
            close = gate.declare(step)
        elif isinstance(step, int):
            sent.append(frame(len(sent), step))
            close = gate.examine(sent[-1])
        else:
            close = gate.on_tick()
        assert gate.pending_bytes < MAX_HELD_BYTES + 65_536
        if close is not None:
            break
    else:
        if gate.release(force=True) is None:
            assert len(gate.placed) == len(sent)
    assert all(one is other for (_, one), other in zip(gate.placed, sent, strict=False))
