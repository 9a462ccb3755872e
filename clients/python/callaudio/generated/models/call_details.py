from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.call_state import CallState, check_call_state
from ..models.direction import Direction, check_direction
from ..models.dtmf_mode import DtmfMode, check_dtmf_mode
from ..models.result_state import ResultState, check_result_state
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.acs_result import AcsResult
    from ..models.announcement import Announcement
    from ..models.event import Event
    from ..models.failure import Failure
    from ..models.hold import Hold
    from ..models.landed_segment import LandedSegment
    from ..models.match import Match
    from ..models.missing_audio import MissingAudio
    from ..models.names import Names
    from ..models.pause import Pause
    from ..models.stream_result import StreamResult
    from ..models.streaming import Streaming
    from ..models.summary import Summary


T = TypeVar("T", bound="CallDetails")


@_attrs_define
class CallDetails:
    """One call with its events, its streams, and what failed.

    Attributes:
        call_connection_id (str): the call connection id
        created_at (datetime.datetime):
        state (CallState):
        streaming (Streaming): The state of the media streaming; `details` and `result` are ACS's own explanation.
        direction (Direction | None): null until ACS has answered the request
        server_call_id (None | str): ACS's id of the call on its server
        correlation_id (None | str): ACS's id for its support
        to (None | str): who is called
        from_ (None | str): who calls
        channels (None | str):
        sample_rate (int | None): in Hz
        start_streaming (bool | None): streaming starts when the call connects
        dtmf (DtmfMode | None): what is kept of DTMF tones, in the streams' manifests
        announcement (Announcement | None): null for a call that is not announced
        locales (list[str] | None): the language of its transcript: candidates, or auto; null: the default
        retention_days (int | None): how long it is kept after its end; null: as the settings say
        tags (list[str]):
        notes (None | str):
        operation_context (None | str):
        connected_at (datetime.datetime | None):
        ended_at (datetime.datetime | None):
        hung_up_reason (None | str): why the app hung up by itself; null otherwise
        result (AcsResult | None): why the call ended or failed
        participants (list[str]): the raw ids of who is in the call, or was at its end
        names (Names): display names by raw id
        pauses (list[Pause]): when the recording was paused; the last one may be open
        summary (None | Summary): null until the call is assembled
        assembled_at (datetime.datetime | None):
        result_state (ResultState):
        result_reason (None | str): why there is none, or what the result lacks
        missing (MissingAudio | None): what the result lacks
        hold (Hold | None): null: the call is not on legal hold
        events (list[Event]):
        streams (list[StreamResult]):
        landed_segments (list[LandedSegment]): segments whose stream has no manifest yet
        failures (list[Failure]): this call's segments and manifests that failed
        matches (list[Match] | Unset): in a list with `q` only: up to 3 utterances that match
    """

    call_connection_id: str
    created_at: datetime.datetime
    state: CallState
    streaming: Streaming
    direction: Direction | None
    server_call_id: None | str
    correlation_id: None | str
    to: None | str
    from_: None | str
    channels: None | str
    sample_rate: int | None
    start_streaming: bool | None
    dtmf: DtmfMode | None
    announcement: Announcement | None
    locales: list[str] | None
    retention_days: int | None
    tags: list[str]
    notes: None | str
    operation_context: None | str
    connected_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    hung_up_reason: None | str
    result: AcsResult | None
    participants: list[str]
    names: Names
    pauses: list[Pause]
    summary: None | Summary
    assembled_at: datetime.datetime | None
    result_state: ResultState
    result_reason: None | str
    missing: MissingAudio | None
    hold: Hold | None
    events: list[Event]
    streams: list[StreamResult]
    landed_segments: list[LandedSegment]
    failures: list[Failure]
    matches: list[Match] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.acs_result import AcsResult  # noqa: PLC0415
        from ..models.announcement import Announcement  # noqa: PLC0415
        from ..models.hold import Hold  # noqa: PLC0415
        from ..models.missing_audio import MissingAudio  # noqa: PLC0415
        from ..models.summary import Summary  # noqa: PLC0415

        call_connection_id = self.call_connection_id

        created_at = self.created_at.isoformat()

        state: str = self.state

        streaming = self.streaming.to_dict()

        direction: None | str
        if isinstance(self.direction, str):
            direction = self.direction
        else:
            direction = self.direction

        server_call_id: None | str
        server_call_id = self.server_call_id

        correlation_id: None | str
        correlation_id = self.correlation_id

        to: None | str
        to = self.to

        from_: None | str
        from_ = self.from_

        channels: None | str
        channels = self.channels

        sample_rate: int | None
        sample_rate = self.sample_rate

        start_streaming: bool | None
        start_streaming = self.start_streaming

        dtmf: None | str
        if isinstance(self.dtmf, str):
            dtmf = self.dtmf
        else:
            dtmf = self.dtmf

        announcement: dict[str, Any] | None
        if isinstance(self.announcement, Announcement):
            announcement = self.announcement.to_dict()
        else:
            announcement = self.announcement

        locales: list[str] | None
        if isinstance(self.locales, list):
            locales = self.locales

        else:
            locales = self.locales

        retention_days: int | None
        retention_days = self.retention_days

        tags = self.tags

        notes: None | str
        notes = self.notes

        operation_context: None | str
        operation_context = self.operation_context

        connected_at: None | str
        if isinstance(self.connected_at, datetime.datetime):
            connected_at = self.connected_at.isoformat()
        else:
            connected_at = self.connected_at

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        hung_up_reason: None | str
        hung_up_reason = self.hung_up_reason

        result: dict[str, Any] | None
        if isinstance(self.result, AcsResult):
            result = self.result.to_dict()
        else:
            result = self.result

        participants = self.participants

        names = self.names.to_dict()

        pauses = []
        for pauses_item_data in self.pauses:
            pauses_item = pauses_item_data.to_dict()
            pauses.append(pauses_item)

        summary: dict[str, Any] | None
        if isinstance(self.summary, Summary):
            summary = self.summary.to_dict()
        else:
            summary = self.summary

        assembled_at: None | str
        if isinstance(self.assembled_at, datetime.datetime):
            assembled_at = self.assembled_at.isoformat()
        else:
            assembled_at = self.assembled_at

        result_state: str = self.result_state

        result_reason: None | str
        result_reason = self.result_reason

        missing: dict[str, Any] | None
        if isinstance(self.missing, MissingAudio):
            missing = self.missing.to_dict()
        else:
            missing = self.missing

        hold: dict[str, Any] | None
        if isinstance(self.hold, Hold):
            hold = self.hold.to_dict()
        else:
            hold = self.hold

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        streams = []
        for streams_item_data in self.streams:
            streams_item = streams_item_data.to_dict()
            streams.append(streams_item)

        landed_segments = []
        for landed_segments_item_data in self.landed_segments:
            landed_segments_item = landed_segments_item_data.to_dict()
            landed_segments.append(landed_segments_item)

        failures = []
        for failures_item_data in self.failures:
            failures_item = failures_item_data.to_dict()
            failures.append(failures_item)

        matches: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.matches, Unset):
            matches = []
            for matches_item_data in self.matches:
                matches_item = matches_item_data.to_dict()
                matches.append(matches_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "call_connection_id": call_connection_id,
                "created_at": created_at,
                "state": state,
                "streaming": streaming,
                "direction": direction,
                "server_call_id": server_call_id,
                "correlation_id": correlation_id,
                "to": to,
                "from": from_,
                "channels": channels,
                "sample_rate": sample_rate,
                "start_streaming": start_streaming,
                "dtmf": dtmf,
                "announcement": announcement,
                "locales": locales,
                "retention_days": retention_days,
                "tags": tags,
                "notes": notes,
                "operation_context": operation_context,
                "connected_at": connected_at,
                "ended_at": ended_at,
                "hung_up_reason": hung_up_reason,
                "result": result,
                "participants": participants,
                "names": names,
                "pauses": pauses,
                "summary": summary,
                "assembled_at": assembled_at,
                "result_state": result_state,
                "result_reason": result_reason,
                "missing": missing,
                "hold": hold,
                "events": events,
                "streams": streams,
                "landed_segments": landed_segments,
                "failures": failures,
            }
        )
        if matches is not UNSET:
            field_dict["matches"] = matches

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.acs_result import AcsResult  # noqa: PLC0415
        from ..models.announcement import Announcement  # noqa: PLC0415
        from ..models.event import Event  # noqa: PLC0415
        from ..models.failure import Failure  # noqa: PLC0415
        from ..models.hold import Hold  # noqa: PLC0415
        from ..models.landed_segment import LandedSegment  # noqa: PLC0415
        from ..models.match import Match  # noqa: PLC0415
        from ..models.missing_audio import MissingAudio  # noqa: PLC0415
        from ..models.names import Names  # noqa: PLC0415
        from ..models.pause import Pause  # noqa: PLC0415
        from ..models.stream_result import StreamResult  # noqa: PLC0415
        from ..models.streaming import Streaming  # noqa: PLC0415
        from ..models.summary import Summary  # noqa: PLC0415

        d = dict(src_dict)
        call_connection_id = d.pop("call_connection_id")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        state = check_call_state(d.pop("state"))

        streaming = Streaming.from_dict(d.pop("streaming"))

        def _parse_direction(data: object) -> Direction | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                direction_type_0 = check_direction(data)

                return direction_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Direction | None, data)

        direction = _parse_direction(d.pop("direction"))

        def _parse_server_call_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        server_call_id = _parse_server_call_id(d.pop("server_call_id"))

        def _parse_correlation_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        correlation_id = _parse_correlation_id(d.pop("correlation_id"))

        def _parse_to(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        to = _parse_to(d.pop("to"))

        def _parse_from_(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        from_ = _parse_from_(d.pop("from"))

        def _parse_channels(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        channels = _parse_channels(d.pop("channels"))

        def _parse_sample_rate(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        sample_rate = _parse_sample_rate(d.pop("sample_rate"))

        def _parse_start_streaming(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        start_streaming = _parse_start_streaming(d.pop("start_streaming"))

        def _parse_dtmf(data: object) -> DtmfMode | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                dtmf_type_0 = check_dtmf_mode(data)

                return dtmf_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DtmfMode | None, data)

        dtmf = _parse_dtmf(d.pop("dtmf"))

        def _parse_announcement(data: object) -> Announcement | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                announcement_type_0 = Announcement.from_dict(data)

                return announcement_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Announcement | None, data)

        announcement = _parse_announcement(d.pop("announcement"))

        def _parse_locales(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                locales_type_0 = cast(list[str], data)

                return locales_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        locales = _parse_locales(d.pop("locales"))

        def _parse_retention_days(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        retention_days = _parse_retention_days(d.pop("retention_days"))

        tags = cast(list[str], d.pop("tags"))

        def _parse_notes(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        notes = _parse_notes(d.pop("notes"))

        def _parse_operation_context(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        operation_context = _parse_operation_context(d.pop("operation_context"))

        def _parse_connected_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                connected_at_type_0 = datetime.datetime.fromisoformat(data)

                return connected_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        connected_at = _parse_connected_at(d.pop("connected_at"))

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

        def _parse_hung_up_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        hung_up_reason = _parse_hung_up_reason(d.pop("hung_up_reason"))

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

        participants = cast(list[str], d.pop("participants"))

        names = Names.from_dict(d.pop("names"))

        pauses = []
        _pauses = d.pop("pauses")
        for pauses_item_data in _pauses:
            pauses_item = Pause.from_dict(pauses_item_data)

            pauses.append(pauses_item)

        def _parse_summary(data: object) -> None | Summary:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                summary_type_0 = Summary.from_dict(data)

                return summary_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Summary, data)

        summary = _parse_summary(d.pop("summary"))

        def _parse_assembled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                assembled_at_type_0 = datetime.datetime.fromisoformat(data)

                return assembled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        assembled_at = _parse_assembled_at(d.pop("assembled_at"))

        result_state = check_result_state(d.pop("result_state"))

        def _parse_result_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        result_reason = _parse_result_reason(d.pop("result_reason"))

        def _parse_missing(data: object) -> MissingAudio | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                missing_type_0 = MissingAudio.from_dict(data)

                return missing_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MissingAudio | None, data)

        missing = _parse_missing(d.pop("missing"))

        def _parse_hold(data: object) -> Hold | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                hold_type_0 = Hold.from_dict(data)

                return hold_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Hold | None, data)

        hold = _parse_hold(d.pop("hold"))

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = Event.from_dict(events_item_data)

            events.append(events_item)

        streams = []
        _streams = d.pop("streams")
        for streams_item_data in _streams:
            streams_item = StreamResult.from_dict(streams_item_data)

            streams.append(streams_item)

        landed_segments = []
        _landed_segments = d.pop("landed_segments")
        for landed_segments_item_data in _landed_segments:
            landed_segments_item = LandedSegment.from_dict(landed_segments_item_data)

            landed_segments.append(landed_segments_item)

        failures = []
        _failures = d.pop("failures")
        for failures_item_data in _failures:
            failures_item = Failure.from_dict(failures_item_data)

            failures.append(failures_item)

        _matches = d.pop("matches", UNSET)
        matches: list[Match] | Unset = UNSET
        if _matches is not UNSET:
            matches = []
            for matches_item_data in _matches:
                matches_item = Match.from_dict(matches_item_data)

                matches.append(matches_item)

        call_details = cls(
            call_connection_id=call_connection_id,
            created_at=created_at,
            state=state,
            streaming=streaming,
            direction=direction,
            server_call_id=server_call_id,
            correlation_id=correlation_id,
            to=to,
            from_=from_,
            channels=channels,
            sample_rate=sample_rate,
            start_streaming=start_streaming,
            dtmf=dtmf,
            announcement=announcement,
            locales=locales,
            retention_days=retention_days,
            tags=tags,
            notes=notes,
            operation_context=operation_context,
            connected_at=connected_at,
            ended_at=ended_at,
            hung_up_reason=hung_up_reason,
            result=result,
            participants=participants,
            names=names,
            pauses=pauses,
            summary=summary,
            assembled_at=assembled_at,
            result_state=result_state,
            result_reason=result_reason,
            missing=missing,
            hold=hold,
            events=events,
            streams=streams,
            landed_segments=landed_segments,
            failures=failures,
            matches=matches,
        )

        call_details.additional_properties = d
        return call_details

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
