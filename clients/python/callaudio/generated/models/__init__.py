"""Contains all the data models used in inputs/outputs"""

from .acs_entrance import AcsEntrance
from .acs_error import AcsError
from .acs_health import AcsHealth
from .acs_result import AcsResult
from .acs_token import AcsToken
from .actor import Actor
from .actor_kind import ActorKind
from .announcement import Announcement
from .announcement_policy import AnnouncementPolicy
from .announcement_request import AnnouncementRequest
from .announcement_source import AnnouncementSource
from .announcement_state import AnnouncementState
from .audit_entry import AuditEntry
from .audit_entry_details import AuditEntryDetails
from .audit_outcome import AuditOutcome
from .audit_page import AuditPage
from .call import Call
from .call_details import CallDetails
from .call_page import CallPage
from .call_state import CallState
from .change_call import ChangeCall
from .channels import Channels
from .cloud_event import CloudEvent
from .cloud_event_data import CloudEventData
from .cloud_event_datacontenttype import CloudEventDatacontenttype
from .cloud_event_specversion import CloudEventSpecversion
from .counts import Counts
from .create_links import CreateLinks
from .deleted_blobs import DeletedBlobs
from .deletion import Deletion
from .deletion_scope import DeletionScope
from .deletion_state import DeletionState
from .delivery import Delivery
from .delivery_page import DeliveryPage
from .delivery_state import DeliveryState
from .direction import Direction
from .display_names import DisplayNames
from .dtmf_mode import DtmfMode
from .erased_track import ErasedTrack
from .event import Event
from .event_list import EventList
from .event_type import EventType
from .export import Export
from .export_state import ExportState
from .failure import Failure
from .failure_list import FailureList
from .field_error import FieldError
from .health import Health
from .health_status import HealthStatus
from .hold import Hold
from .interruption import Interruption
from .landed_segment import LandedSegment
from .link import Link
from .links import Links
from .list_calls_sort import ListCallsSort
from .list_deliveries_state import ListDeliveriesState
from .loss_span import LossSpan
from .match import Match
from .me import Me
from .missing_audio import MissingAudio
from .missing_segment import MissingSegment
from .names import Names
from .pause import Pause
from .pause_call import PauseCall
from .pause_span import PauseSpan
from .place_call import PlaceCall
from .place_hold import PlaceHold
from .play import Play
from .play_span import PlaySpan
from .play_state import PlayState
from .problem import Problem
from .recording_format import RecordingFormat
from .recording_mix import RecordingMix
from .remaining_blobs import RemainingBlobs
from .result_state import ResultState
from .role import Role
from .sample_rate import SampleRate
from .segment_result import SegmentResult
from .speech_span import SpeechSpan
from .start_streaming import StartStreaming
from .stop_streaming import StopStreaming
from .stream_result import StreamResult
from .streaming import Streaming
from .streaming_state import StreamingState
from .summary import Summary
from .talk import Talk
from .timeline import Timeline
from .token_check import TokenCheck
from .track import Track
from .transcript import Transcript
from .transcript_format import TranscriptFormat
from .transcript_state import TranscriptState
from .utterance import Utterance
from .waveform import Waveform
from .word import Word

__all__ = (
    "AcsEntrance",
    "AcsError",
    "AcsHealth",
    "AcsResult",
    "AcsToken",
    "Actor",
    "ActorKind",
    "Announcement",
    "AnnouncementPolicy",
    "AnnouncementRequest",
    "AnnouncementSource",
    "AnnouncementState",
    "AuditEntry",
    "AuditEntryDetails",
    "AuditOutcome",
    "AuditPage",
    "Call",
    "CallDetails",
    "CallPage",
    "CallState",
    "ChangeCall",
    "Channels",
    "CloudEvent",
    "CloudEventData",
    "CloudEventDatacontenttype",
    "CloudEventSpecversion",
    "Counts",
    "CreateLinks",
    "DeletedBlobs",
    "Deletion",
    "DeletionScope",
    "DeletionState",
    "Delivery",
    "DeliveryPage",
    "DeliveryState",
    "Direction",
    "DisplayNames",
    "DtmfMode",
    "ErasedTrack",
    "Event",
    "EventList",
    "EventType",
    "Export",
    "ExportState",
    "Failure",
    "FailureList",
    "FieldError",
    "Health",
    "HealthStatus",
    "Hold",
    "Interruption",
    "LandedSegment",
    "Link",
    "Links",
    "ListCallsSort",
    "ListDeliveriesState",
    "LossSpan",
    "Match",
    "Me",
    "MissingAudio",
    "MissingSegment",
    "Names",
    "Pause",
    "PauseCall",
    "PauseSpan",
    "PlaceCall",
    "PlaceHold",
    "Play",
    "PlaySpan",
    "PlayState",
    "Problem",
    "RecordingFormat",
    "RecordingMix",
    "RemainingBlobs",
    "ResultState",
    "Role",
    "SampleRate",
    "SegmentResult",
    "SpeechSpan",
    "StartStreaming",
    "StopStreaming",
    "Streaming",
    "StreamingState",
    "StreamResult",
    "Summary",
    "Talk",
    "Timeline",
    "TokenCheck",
    "Track",
    "Transcript",
    "TranscriptFormat",
    "TranscriptState",
    "Utterance",
    "Waveform",
    "Word",
)
