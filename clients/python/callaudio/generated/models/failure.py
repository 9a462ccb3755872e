from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Failure")


@_attrs_define
class Failure:
    """A segment or manifest that failed permanently. A manifest has no track and no start.

    Attributes:
        id (str): for the retry
        call_connection_id (str): the call connection id
        track (None | str): the track in the stream, as the blob names it
        start (datetime.datetime | None):
        container (str):
        blob (str):
        error (str): what went wrong in the last attempt
        failed_at (datetime.datetime):
    """

    id: str
    call_connection_id: str
    track: None | str
    start: datetime.datetime | None
    container: str
    blob: str
    error: str
    failed_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        call_connection_id = self.call_connection_id

        track: None | str
        track = self.track

        start: None | str
        if isinstance(self.start, datetime.datetime):
            start = self.start.isoformat()
        else:
            start = self.start

        container = self.container

        blob = self.blob

        error = self.error

        failed_at = self.failed_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "call_connection_id": call_connection_id,
                "track": track,
                "start": start,
                "container": container,
                "blob": blob,
                "error": error,
                "failed_at": failed_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        call_connection_id = d.pop("call_connection_id")

        def _parse_track(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        track = _parse_track(d.pop("track"))

        def _parse_start(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                start_type_0 = datetime.datetime.fromisoformat(data)

                return start_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        start = _parse_start(d.pop("start"))

        container = d.pop("container")

        blob = d.pop("blob")

        error = d.pop("error")

        failed_at = datetime.datetime.fromisoformat(d.pop("failed_at"))

        failure = cls(
            id=id,
            call_connection_id=call_connection_id,
            track=track,
            start=start,
            container=container,
            blob=blob,
            error=error,
            failed_at=failed_at,
        )

        failure.additional_properties = d
        return failure

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
