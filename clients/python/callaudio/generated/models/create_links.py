from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CreateLinks")


@_attrs_define
class CreateLinks:
    """
    Attributes:
        blobs (list[str] | None | Unset):
    """

    blobs: list[str] | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        blobs: list[str] | None | Unset
        if isinstance(self.blobs, Unset):
            blobs = UNSET
        elif isinstance(self.blobs, list):
            blobs = self.blobs

        else:
            blobs = self.blobs

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if blobs is not UNSET:
            field_dict["blobs"] = blobs

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_blobs(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                blobs_type_0 = cast(list[str], data)

                return blobs_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        blobs = _parse_blobs(d.pop("blobs", UNSET))

        create_links = cls(
            blobs=blobs,
        )

        return create_links
