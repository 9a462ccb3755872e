"""Settings are read from the environment into typed fields, and every fault is reported."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from configuration import Row, doc, in_azure, read, table, variable


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    port: Annotated[int, doc("the port", ge=0, le=65535)] = 8765
    seconds: Annotated[float, doc("how long")] = 1.5
    enabled: Annotated[bool, doc("whether it is on")] = False
    service_uri: Annotated[str, doc("the service")] = ""


SPELLED = {"service_uri": "Service__uri"}


def test_a_variable_is_its_field_in_capitals_unless_spelled_otherwise() -> None:
    assert variable("port", SPELLED) == "PORT"
    assert variable("service_uri", SPELLED) == "Service__uri"


def test_values_have_the_types_of_their_fields() -> None:
    environment = {
        "PORT": "80",
        "SECONDS": "2",
        "ENABLED": "true",
        "Service__uri": "https://service",
        "PATH": "/bin",
    }
    values, faults = read(Settings, environment, SPELLED)
    assert values == {
        "port": 80,
        "seconds": 2.0,
        "enabled": True,
        "service_uri": "https://service",
    }
    assert not faults


@pytest.mark.parametrize("environment", [{}, {"PORT": "", "SERVICE_URI": "spelled otherwise"}])
def test_missing_and_empty_variables_leave_the_default(environment: dict[str, str]) -> None:
    assert read(Settings, environment, SPELLED) == ({}, [])


def test_every_wrong_variable_is_named_and_the_others_are_read() -> None:
    environment = {"PORT": "65536", "SECONDS": "soon", "ENABLED": "1"}
    values, faults = read(Settings, environment)
    assert values == {"enabled": True}
    assert [fault.partition(": ")[0] for fault in faults] == ["PORT", "SECONDS"]
    assert "65535" in faults[0]


def test_the_table_has_every_setting_in_its_order() -> None:
    assert table(Settings, SPELLED) == [
        Row("PORT", "8765", "the port"),
        Row("SECONDS", "1.5", "how long"),
        Row("ENABLED", "False", "whether it is on"),
        Row("Service__uri", "", "the service"),
    ]


def test_azure_is_where_a_managed_identity_is_offered() -> None:
    assert in_azure({"IDENTITY_ENDPOINT": "http://169.254.255.2:8081/msi/token"})
    assert not in_azure({"IDENTITY_ENDPOINT": ""})
    assert not in_azure({})
