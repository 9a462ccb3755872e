from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.play_state import PlayState, check_play_state

if TYPE_CHECKING:
    from ..models.acs_result import AcsResult


T = TypeVar("T", bound="Play")


@_attrs_define
class Play:
    """One play of the announcement; `requested_at` is by the app's clock, the others by ACS's.

    Attributes:
        to_all (bool): whether it was played to everyone at the start
        to (list[str]): to whom; empty until ACS says who is in the call
        state (PlayState):
        requested_at (datetime.datetime):
        started_at (datetime.datetime | None):
        ended_at (datetime.datetime | None):
        result (AcsResult | None): why it failed
    """

    to_all: bool
    to: list[str]
    state: PlayState
    requested_at: datetime.datetime
    started_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    result: AcsResult | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.acs_result import AcsResult  # noqa: PLC0415

        to_all = self.to_all

        to = self.to

        state: str = self.state

        requested_at = self.requested_at.isoformat()

        started_at: None | str
        if isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        result: dict[str, Any] | None
        if isinstance(self.result, AcsResult):
            result = self.result.to_dict()
        else:
            result = self.result

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "to_all": to_all,
                "to": to,
                "state": state,
                "requested_at": requested_at,
                "started_at": started_at,
                "ended_at": ended_at,
                "result": result,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.acs_result import AcsResult  # noqa: PLC0415

        d = dict(src_dict)
        to_all = d.pop("to_all")

        to = cast(list[str], d.pop("to"))

        state = check_play_state(d.pop("state"))

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        def _parse_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)

                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        started_at = _parse_started_at(d.pop("started_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        def _parse_result(data: object) -> AcsResult | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                result_type_0 = AcsResult.from_dict(data)

                return result_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AcsResult | None, data)

        result = _parse_result(d.pop("result"))

        play = cls(
            to_all=to_all,
            to=to,
            state=state,
            requested_at=requested_at,
            started_at=started_at,
            ended_at=ended_at,
            result=result,
        )

        play.additional_properties = d
        return play

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
