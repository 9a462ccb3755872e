from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.play_state import PlayState, check_play_state

T = TypeVar("T", bound="PlaySpan")


@_attrs_define
class PlaySpan:
    """A play of the announcement, in ms from the recording's start: below 0 before it.

    Attributes:
        start_ms (int):
        end_ms (int | None):
        to_all (bool):
        to (list[str]):
        state (PlayState):
    """

    start_ms: int
    end_ms: int | None
    to_all: bool
    to: list[str]
    state: PlayState
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        start_ms = self.start_ms

        end_ms: int | None
        end_ms = self.end_ms

        to_all = self.to_all

        to = self.to

        state: str = self.state

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "start_ms": start_ms,
                "end_ms": end_ms,
                "to_all": to_all,
                "to": to,
                "state": state,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        start_ms = d.pop("start_ms")

        def _parse_end_ms(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        end_ms = _parse_end_ms(d.pop("end_ms"))

        to_all = d.pop("to_all")

        to = cast(list[str], d.pop("to"))

        state = check_play_state(d.pop("state"))

        play_span = cls(
            start_ms=start_ms,
            end_ms=end_ms,
            to_all=to_all,
            to=to,
            state=state,
        )

        play_span.additional_properties = d
        return play_span

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
