from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.deletion_scope import DeletionScope, check_deletion_scope
from ..models.deletion_state import DeletionState, check_deletion_state

if TYPE_CHECKING:
    from ..models.actor import Actor
    from ..models.deleted_blobs import DeletedBlobs
    from ..models.remaining_blobs import RemainingBlobs


T = TypeVar("T", bound="Deletion")


@_attrs_define
class Deletion:
    """A deletion, and finally its receipt: what was deleted, when and by whom.

    Attributes:
        id (str):
        call_connection_id (str): the call connection id
        scope (DeletionScope):
        state (DeletionState):
        requested_at (datetime.datetime):
        requested_by (Actor): Who did something: a function key, a user or an app of Entra ID, or this app itself.
        deleted (list[DeletedBlobs]): by container
        remaining (list[RemainingBlobs]): what an immutability policy protects, until when
        completed_at (datetime.datetime | None):
        restorable_until (datetime.datetime | None): the account's soft delete can restore the blobs until then
        digest (str): of the completed receipt, SHA-256; the audit trail has it, too
    """

    id: str
    call_connection_id: str
    scope: DeletionScope
    state: DeletionState
    requested_at: datetime.datetime
    requested_by: Actor
    deleted: list[DeletedBlobs]
    remaining: list[RemainingBlobs]
    completed_at: datetime.datetime | None
    restorable_until: datetime.datetime | None
    digest: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        call_connection_id = self.call_connection_id

        scope: str = self.scope

        state: str = self.state

        requested_at = self.requested_at.isoformat()

        requested_by = self.requested_by.to_dict()

        deleted = []
        for deleted_item_data in self.deleted:
            deleted_item = deleted_item_data.to_dict()
            deleted.append(deleted_item)

        remaining = []
        for remaining_item_data in self.remaining:
            remaining_item = remaining_item_data.to_dict()
            remaining.append(remaining_item)

        completed_at: None | str
        if isinstance(self.completed_at, datetime.datetime):
            completed_at = self.completed_at.isoformat()
        else:
            completed_at = self.completed_at

        restorable_until: None | str
        if isinstance(self.restorable_until, datetime.datetime):
            restorable_until = self.restorable_until.isoformat()
        else:
            restorable_until = self.restorable_until

        digest = self.digest

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "call_connection_id": call_connection_id,
                "scope": scope,
                "state": state,
                "requested_at": requested_at,
                "requested_by": requested_by,
                "deleted": deleted,
                "remaining": remaining,
                "completed_at": completed_at,
                "restorable_until": restorable_until,
                "digest": digest,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.actor import Actor  # noqa: PLC0415
        from ..models.deleted_blobs import DeletedBlobs  # noqa: PLC0415
        from ..models.remaining_blobs import RemainingBlobs  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        call_connection_id = d.pop("call_connection_id")

        scope = check_deletion_scope(d.pop("scope"))

        state = check_deletion_state(d.pop("state"))

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        requested_by = Actor.from_dict(d.pop("requested_by"))

        deleted = []
        _deleted = d.pop("deleted")
        for deleted_item_data in _deleted:
            deleted_item = DeletedBlobs.from_dict(deleted_item_data)

            deleted.append(deleted_item)

        remaining = []
        _remaining = d.pop("remaining")
        for remaining_item_data in _remaining:
            remaining_item = RemainingBlobs.from_dict(remaining_item_data)

            remaining.append(remaining_item)

        def _parse_completed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                completed_at_type_0 = datetime.datetime.fromisoformat(data)

                return completed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        completed_at = _parse_completed_at(d.pop("completed_at"))

        def _parse_restorable_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                restorable_until_type_0 = datetime.datetime.fromisoformat(data)

                return restorable_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        restorable_until = _parse_restorable_until(d.pop("restorable_until"))

        digest = d.pop("digest")

        deletion = cls(
            id=id,
            call_connection_id=call_connection_id,
            scope=scope,
            state=state,
            requested_at=requested_at,
            requested_by=requested_by,
            deleted=deleted,
            remaining=remaining,
            completed_at=completed_at,
            restorable_until=restorable_until,
            digest=digest,
        )

        deletion.additional_properties = d
        return deletion

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
