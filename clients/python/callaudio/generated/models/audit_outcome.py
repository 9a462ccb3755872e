from typing import Literal, cast

AuditOutcome = Literal["begun", "done", "failed", "refused"]


def check_audit_outcome(value: object) -> AuditOutcome:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(AuditOutcome, value)
