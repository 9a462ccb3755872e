"""Legal holds: a call on hold is not deleted, neither by a request nor because it has expired."""

from __future__ import annotations

from datetime import datetime

import msgspec

from calls.errors import DeletionRunning
from calls.principals import Principal
from calls.records.dispositions import Disposition, Hold, change_disposition
from calls.records.store import read_record
from calls.storage import Storage

MAX_REASON_CHARACTERS = 500


async def place_hold(
    storage: Storage, call: str, reason: str, principal: Principal, now: datetime
) -> Hold:
    """Place a call on hold; return the current hold.

    Another reason ends the current hold and begins a new one. Both stay in the disposition.

    Raises CallNotFound, CallDeleted, DeletionRunning, Contended, AzureError.
    """
    await read_record(storage, call)
    hold = Hold(reason=reason, placed_at=now, placed_by=principal)

    def apply(disposition: Disposition) -> bool:
        disposition.check_not_deleted()
        if disposition.running is not None:
            raise DeletionRunning(disposition.running)
        if disposition.hold is not None and disposition.hold.reason == reason:
            return False
        _release(disposition, principal, now)
        disposition.holds.append(hold)
        return True

    disposition = await change_disposition(storage, call, apply)
    return disposition.hold or hold


async def release_hold(storage: Storage, call: str, principal: Principal, now: datetime) -> None:
    """Release a call's hold, if it has one.

    Raises CallNotFound, CallDeleted, Contended, AzureError.
    """
    await read_record(storage, call)
    await change_disposition(
        storage, call, lambda disposition: _release(disposition, principal, now)
    )


def _release(disposition: Disposition, principal: Principal, now: datetime) -> bool:
    hold = disposition.hold
    if hold is None:
        return False
    disposition.holds[-1] = msgspec.structs.replace(hold, released_at=now, released_by=principal)
    return True
