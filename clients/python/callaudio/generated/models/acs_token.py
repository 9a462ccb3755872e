from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AcsToken")


@_attrs_define
class AcsToken:
    """What a bearer token says. Unless `is_signed`, ACS's keys do not vouch for it.

    Attributes:
        at (datetime.datetime):
        failed (None | str):
        is_signed (bool):
        algorithm (None | str):
        issuer (None | str):
        audience (None | str):
        lifetime_seconds (int | None):
        claims (list[str]): the names of its claims
        header (list[str]): the names of its header's members
    """

    at: datetime.datetime
    failed: None | str
    is_signed: bool
    algorithm: None | str
    issuer: None | str
    audience: None | str
    lifetime_seconds: int | None
    claims: list[str]
    header: list[str]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        failed: None | str
        failed = self.failed

        is_signed = self.is_signed

        algorithm: None | str
        algorithm = self.algorithm

        issuer: None | str
        issuer = self.issuer

        audience: None | str
        audience = self.audience

        lifetime_seconds: int | None
        lifetime_seconds = self.lifetime_seconds

        claims = self.claims

        header = self.header

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "failed": failed,
                "is_signed": is_signed,
                "algorithm": algorithm,
                "issuer": issuer,
                "audience": audience,
                "lifetime_seconds": lifetime_seconds,
                "claims": claims,
                "header": header,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_failed(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        failed = _parse_failed(d.pop("failed"))

        is_signed = d.pop("is_signed")

        def _parse_algorithm(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        algorithm = _parse_algorithm(d.pop("algorithm"))

        def _parse_issuer(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        issuer = _parse_issuer(d.pop("issuer"))

        def _parse_audience(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        audience = _parse_audience(d.pop("audience"))

        def _parse_lifetime_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        lifetime_seconds = _parse_lifetime_seconds(d.pop("lifetime_seconds"))

        claims = cast(list[str], d.pop("claims"))

        header = cast(list[str], d.pop("header"))

        acs_token = cls(
            at=at,
            failed=failed,
            is_signed=is_signed,
            algorithm=algorithm,
            issuer=issuer,
            audience=audience,
            lifetime_seconds=lifetime_seconds,
            claims=claims,
            header=header,
        )

        acs_token.additional_properties = d
        return acs_token

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
