"""Who is on which track: numbers, raw ids and display names. Pure.

A stream numbers its participants in the order in which it heard them. Another stream of the same
call, after a reconnection and perhaps on another replica, may number them otherwise. So a call has
tracks of its own: one for each participant, by the raw ids in its streams' manifests.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from contract import names
from contract.manifest import Manifest

_ERASED = "erased:"
"""The prefix of what replaces the raw id of an erased participant."""


class Participants(msgspec.Struct, frozen=True, kw_only=True):
    """The participants of a call.

    ``tracks`` has the call's track for each track of a stream, by the stream's id, ``raw_ids`` the
    raw ids by the call's tracks, ``names`` the display names that are known, by raw id.
    """

    tracks: dict[str, dict[str, str]] = {}
    raw_ids: dict[str, str] = {}
    names: dict[str, str] = {}

    def track(self, stream_id: str, stream_track: str) -> str:
        """Return the call's track for a stream's; a stream that is not known keeps its own."""
        return self.tracks.get(stream_id, {}).get(stream_track, stream_track)

    def raw_id(self, track: str) -> str | None:
        """Return the raw id of the participant of one of the call's tracks; None for the mixed one.

        A number stands for itself where nobody knows whose it is.
        """
        return None if track == names.MIXED_TRACK else self.raw_ids.get(track) or track

    def name(self, track: str) -> str | None:
        """Return the display name of a track's participant; None if it is not known."""
        raw_id = self.raw_id(track)
        return None if raw_id is None else self.names.get(raw_id)


def heard_participants(manifest: Manifest) -> dict[str, str]:
    """Return the raw id of each track of a stream, "" where it is not known, as its manifest says.

    A mixed track is nobody's. A track that was erased has its deletion in the place of an id, so
    that its number stays taken.
    """
    unknown = dict.fromkeys(sorted({entry.track for entry in manifest.segments}), "")
    erased = {entry.track: _ERASED + entry.deletion for entry in manifest.erased}
    heard = unknown | manifest.participants | erased
    return {track: raw_id for track, raw_id in heard.items() if _is_own(track)}


def add_notes(manifest: Manifest, notes: Mapping[str, Mapping[str, str]]) -> Manifest:
    """Add the participants that their notes name to a manifest; ``notes`` are by stream."""
    participants = {**notes.get(manifest.stream_id, {}), **manifest.participants}
    return msgspec.structs.replace(manifest, participants=participants)


def list_participants(
    streams: Mapping[str, Mapping[str, str]], display_names: Mapping[str, str] | None = None
) -> Participants:
    """Return the participants of a call.

    The first stream's numbers are the call's. In later streams, who is known keeps their number,
    and others get their own number there if it is free, or the next free one. Whoever was erased
    is left out, and nobody gets their number: a request to erase p2, sent twice, erases one.

    Args:
        streams: The raw ids by track, "" where one is not known, of each stream by its id.
        display_names: The names in the call's record, by raw id.
    """
    tracks: dict[str, dict[str, str]] = {}
    raw_ids: dict[str, str] = {}
    track_of: dict[str, str] = {}
    used: set[str] = set()
    for stream_id, heard in sorted(streams.items()):
        own = tracks[stream_id] = {}
        for track in sorted(heard, key=names.track_number):
            raw_id = heard[track]
            known = track_of.get(raw_id)
            # Two participants of one stream are never one, whatever their ids are.
            if known is None or known in own.values():
                known = track if track not in used else _next_free(used)
                if raw_id:
                    track_of.setdefault(raw_id, known)
            used.add(known)
            if raw_id.startswith(_ERASED):
                continue
            own[track] = known
            if raw_id:
                raw_ids.setdefault(known, raw_id)
    return Participants(tracks=tracks, raw_ids=raw_ids, names=dict(display_names or {}))


def _is_own(track: str) -> bool:
    return names.is_track(track) and track != names.MIXED_TRACK


def _next_free(used: set[str]) -> str:
    return names.track_name(max(map(names.track_number, used)) + 1)
