from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.audit_outcome import AuditOutcome, check_audit_outcome

if TYPE_CHECKING:
    from ..models.actor import Actor
    from ..models.audit_entry_details import AuditEntryDetails


T = TypeVar("T", bound="AuditEntry")


@_attrs_define
class AuditEntry:
    """One action in the audit trail.

    Attributes:
        id (str): unique: entries with the same id are one entry
        time (datetime.datetime):
        action (str): the operation's id; `play_recording` and `play_segment` for ranges
        outcome (AuditOutcome):
        principal (Actor): Who did something: a function key, a user or an app of Entra ID, or this app itself.
        request (None | str): the same for all entries of one request
        call (None | str):
        address (None | str): where the request came from
        details (AuditEntryDetails): the response's status and code
    """

    id: str
    time: datetime.datetime
    action: str
    outcome: AuditOutcome
    principal: Actor
    request: None | str
    call: None | str
    address: None | str
    details: AuditEntryDetails
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        time = self.time.isoformat()

        action = self.action

        outcome: str = self.outcome

        principal = self.principal.to_dict()

        request: None | str
        request = self.request

        call: None | str
        call = self.call

        address: None | str
        address = self.address

        details = self.details.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "time": time,
                "action": action,
                "outcome": outcome,
                "principal": principal,
                "request": request,
                "call": call,
                "address": address,
                "details": details,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.actor import Actor  # noqa: PLC0415
        from ..models.audit_entry_details import AuditEntryDetails  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        time = datetime.datetime.fromisoformat(d.pop("time"))

        action = d.pop("action")

        outcome = check_audit_outcome(d.pop("outcome"))

        principal = Actor.from_dict(d.pop("principal"))

        def _parse_request(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        request = _parse_request(d.pop("request"))

        def _parse_call(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        call = _parse_call(d.pop("call"))

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        details = AuditEntryDetails.from_dict(d.pop("details"))

        audit_entry = cls(
            id=id,
            time=time,
            action=action,
            outcome=outcome,
            principal=principal,
            request=request,
            call=call,
            address=address,
            details=details,
        )

        audit_entry.additional_properties = d
        return audit_entry

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
