from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.result_state import ResultState, check_result_state
from ..models.transcript_state import TranscriptState, check_transcript_state

if TYPE_CHECKING:
    from ..models.utterance import Utterance


T = TypeVar("T", bound="Transcript")


@_attrs_define
class Transcript:
    """What was said. All times in ms are from the recording's start.

    Attributes:
        call_connection_id (str): the call connection id
        provider (str): the speech-to-text engine
        result_state (ResultState):
        state (TranscriptState):
        error (None | str): why it, or a part of it, failed
        diarized (bool | None): the voices of a mixed track were told apart; null for other tracks
        utterances (list[Utterance]):
    """

    call_connection_id: str
    provider: str
    result_state: ResultState
    state: TranscriptState
    error: None | str
    diarized: bool | None
    utterances: list[Utterance]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        call_connection_id = self.call_connection_id

        provider = self.provider

        result_state: str = self.result_state

        state: str = self.state

        error: None | str
        error = self.error

        diarized: bool | None
        diarized = self.diarized

        utterances = []
        for utterances_item_data in self.utterances:
            utterances_item = utterances_item_data.to_dict()
            utterances.append(utterances_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "call_connection_id": call_connection_id,
                "provider": provider,
                "result_state": result_state,
                "state": state,
                "error": error,
                "diarized": diarized,
                "utterances": utterances,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.utterance import Utterance  # noqa: PLC0415

        d = dict(src_dict)
        call_connection_id = d.pop("call_connection_id")

        provider = d.pop("provider")

        result_state = check_result_state(d.pop("result_state"))

        state = check_transcript_state(d.pop("state"))

        def _parse_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error = _parse_error(d.pop("error"))

        def _parse_diarized(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        diarized = _parse_diarized(d.pop("diarized"))

        utterances = []
        _utterances = d.pop("utterances")
        for utterances_item_data in _utterances:
            utterances_item = Utterance.from_dict(utterances_item_data)

            utterances.append(utterances_item)

        transcript = cls(
            call_connection_id=call_connection_id,
            provider=provider,
            result_state=result_state,
            state=state,
            error=error,
            diarized=diarized,
            utterances=utterances,
        )

        transcript.additional_properties = d
        return transcript

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
