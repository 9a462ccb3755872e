"""Translates what Microsoft's ACS client raises into the app's own errors."""

from __future__ import annotations

from http import HTTPStatus

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from calls.errors import AcsError, AcsRefused, AcsUnavailable


def acs_error(operation: str, error: AzureError) -> AcsError:
    """Return the app's error for a failed request to ACS.

    Args:
        operation: What failed, as in "the call was not placed".
        error: What the client raised.

    Raises AzureError: ``error`` itself, if it is neither a response nor a missing response.
    """
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return AcsUnavailable(operation)
    if not isinstance(error, HttpResponseError):
        raise error
    details = error.error
    return AcsRefused(
        operation,
        status=error.status_code or 0,
        code=str(details.code) if details is not None else None,
        message=str(details.message) if details is not None else None,
    )


def is_refusal(error: AcsError) -> bool:
    """Return whether ACS has certainly not carried out a request."""
    return isinstance(error, AcsRefused) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
