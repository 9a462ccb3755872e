"""Who is on which track: raw ids and display names. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from contract import names
from contract.manifest import Manifest


class Participants(msgspec.Struct, frozen=True, kw_only=True):
    """The participants of a call.

    ``raw_ids`` has the raw ids of tracks with a hashed name; other names tell their participant.
    ``names`` has the display names that are known, by raw id.
    """

    raw_ids: dict[str, str] = {}
    names: dict[str, str] = {}

    def raw_id(self, track: str) -> str | None:
        """Return the raw id of a track's participant; None for the mixed track.

        A hashed name of which no manifest has the raw id stands for itself.
        """
        return self.raw_ids.get(track) or names.participant_raw_id(track)

    def name(self, track: str) -> str | None:
        """Return the display name of a track's participant; None if it is not known."""
        raw_id = self.raw_id(track)
        return None if raw_id is None else self.names.get(raw_id)


def list_participants(manifests: Iterable[Manifest], display_names: dict[str, str]) -> Participants:
    """Return the participants of a call, from its streams' manifests and its record's names."""
    raw_ids: dict[str, str] = {}
    for manifest in manifests:
        raw_ids |= manifest.participants
    return Participants(raw_ids=raw_ids, names=display_names)
