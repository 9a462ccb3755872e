from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.actor import Actor


T = TypeVar("T", bound="Pause")


@_attrs_define
class Pause:
    """One pause of the recording, from the request to pause to the one to resume.

    Attributes:
        paused_at (datetime.datetime):
        paused_by (Actor | None):
        reason (None | str):
        resume_at (datetime.datetime | None): when it ends by itself
        resumed_at (datetime.datetime | None): null while it lasts, and if the call ended in it
        resumed_by (Actor | None):
    """

    paused_at: datetime.datetime
    paused_by: Actor | None
    reason: None | str
    resume_at: datetime.datetime | None
    resumed_at: datetime.datetime | None
    resumed_by: Actor | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.actor import Actor  # noqa: PLC0415

        paused_at = self.paused_at.isoformat()

        paused_by: dict[str, Any] | None
        if isinstance(self.paused_by, Actor):
            paused_by = self.paused_by.to_dict()
        else:
            paused_by = self.paused_by

        reason: None | str
        reason = self.reason

        resume_at: None | str
        if isinstance(self.resume_at, datetime.datetime):
            resume_at = self.resume_at.isoformat()
        else:
            resume_at = self.resume_at

        resumed_at: None | str
        if isinstance(self.resumed_at, datetime.datetime):
            resumed_at = self.resumed_at.isoformat()
        else:
            resumed_at = self.resumed_at

        resumed_by: dict[str, Any] | None
        if isinstance(self.resumed_by, Actor):
            resumed_by = self.resumed_by.to_dict()
        else:
            resumed_by = self.resumed_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "paused_at": paused_at,
                "paused_by": paused_by,
                "reason": reason,
                "resume_at": resume_at,
                "resumed_at": resumed_at,
                "resumed_by": resumed_by,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.actor import Actor  # noqa: PLC0415

        d = dict(src_dict)
        paused_at = datetime.datetime.fromisoformat(d.pop("paused_at"))

        def _parse_paused_by(data: object) -> Actor | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                paused_by_type_0 = Actor.from_dict(data)

                return paused_by_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Actor | None, data)

        paused_by = _parse_paused_by(d.pop("paused_by"))

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        def _parse_resume_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                resume_at_type_0 = datetime.datetime.fromisoformat(data)

                return resume_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        resume_at = _parse_resume_at(d.pop("resume_at"))

        def _parse_resumed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                resumed_at_type_0 = datetime.datetime.fromisoformat(data)

                return resumed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        resumed_at = _parse_resumed_at(d.pop("resumed_at"))

        def _parse_resumed_by(data: object) -> Actor | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                resumed_by_type_0 = Actor.from_dict(data)

                return resumed_by_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Actor | None, data)

        resumed_by = _parse_resumed_by(d.pop("resumed_by"))

        pause = cls(
            paused_at=paused_at,
            paused_by=paused_by,
            reason=reason,
            resume_at=resume_at,
            resumed_at=resumed_at,
            resumed_by=resumed_by,
        )

        pause.additional_properties = d
        return pause

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
