"""Prices come from the retail prices API where it has them, else from the table, which says so.

The server answers as the API is documented:
https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.prices import TABLE, Meter, Prices
from infra.shell import ROOT

from .cloud import serve


def item(meter: Meter, price: float, **changes: Any) -> dict[str, Any]:
    """A price as the API has it."""
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "westeurope",
        "location": "EU West",
        "effectiveStartDate": "2026-06-01T00:00:00Z",
        "meterId": "00000000-0000-4000-8000-000000000000",
        "meterName": meter.name,
        "productName": meter.product or "Product",
        "skuName": "Standard",
        "serviceName": meter.service,
        "unitOfMeasure": meter.unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
    } | changes


class PriceApi(BaseHTTPRequestHandler):
    """The retail prices API: one item a page."""

    items: tuple[dict[str, Any], ...] = ()
    answer: bytes | None = None
    status = 200
    filters: tuple[str, ...] = ()
    next_host = ""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        type(self).filters += tuple(query["$filter"])
        conditions = dict(re.findall(r"(\w+) eq '([^']*)'", query["$filter"][0]))
        names = conditions.keys() - {"priceType"}
        found = [i for i in self.items if all(i[name] == conditions[name] for name in names)]
        skip = int(query.get("$skip", ["0"])[0])
        host = self.next_host or self.headers["Host"]
        path = self.path.partition("&$skip")[0]
        link = f"http://{host}{path}&$skip={skip + 1}" if skip + 1 < len(found) else None
        page = {
            "BillingCurrency": "USD",
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": found[skip : skip + 1],
            "NextPageLink": link,
            "Count": 1,
        }
        body = json.dumps(page).encode() if self.answer is None else self.answer
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the API, without any price."""
    for name in ("items", "answer", "status", "filters", "next_host"):
        monkeypatch.setattr(PriceApi, name, getattr(PriceApi, name))
    for address in serve(PriceApi):
        yield f"http://{address}/api/retail/prices"


def meter_of(name: str) -> Meter:
    """The meter of a price that has one."""
    meter = TABLE[name].meter
    assert meter is not None
    return meter


def test_price_is_that_of_the_region_s_meter(api: str) -> None:
    meter = meter_of("vcpu_active")
    PriceApi.items = (
        item(meter, 0.00003),
        item(meter, 0.1, armRegionName="eastus"),
        item(meter, 0.1, meterName="Standard vCPU Idle Usage"),
    )
    quote = Prices("westeurope", api).find("vcpu_active")
    assert quote == (0.00003, "retail prices API, since 2026-06-01")
    (condition,) = PriceApi.filters
    assert condition == (
        "armRegionName eq 'westeurope' and priceType eq 'Consumption' and serviceName eq "
        "'Azure Container Apps' and meterName eq 'Standard vCPU Active Usage'"
    )


def test_free_units_come_first_and_are_not_the_price(api: str) -> None:
    meter = meter_of("logs")
    PriceApi.items = (
        item(meter, 0.0),
        item(meter, 2.5, tierMinimumUnits=100.0),
        item(meter, 2.76, tierMinimumUnits=5.0),
    )
    assert Prices("westeurope", api).find("logs").dollars == 2.76
    assert len(PriceApi.filters) == 3, "every page is read"


def test_price_of_ten_units_is_divided(api: str) -> None:
    PriceApi.items = (item(meter_of("flex_runs"), 0.000004),)
    assert Prices("westeurope", api).find("flex_runs").dollars == pytest.approx(0.0000004)


@pytest.mark.parametrize(
    "changes",
    [
        {"unitOfMeasure": "1 Hour"},
        {"type": "Reservation"},
        {"currencyCode": "EUR"},
        {"retailPrice": 0.0},
        {"armRegionName": "northeurope"},
    ],
)
def test_other_item_is_not_used(api: str, changes: dict[str, Any]) -> None:
    PriceApi.items = (item(meter_of("logs"), 9.0) | changes,)
    quote = Prices("westeurope", api).find("logs")
    assert quote.dollars == TABLE["logs"].dollars
    assert quote.source == f"table (the API has no such meter): {TABLE['logs'].source}"


def test_page_of_another_host_is_not_read(api: str) -> None:
    meter = meter_of("logs")
    PriceApi.items = (item(meter, 0.0), item(meter, 9.0))
    PriceApi.next_host = "prices.example:1"
    assert Prices("westeurope", api).find("logs").dollars == TABLE["logs"].dollars


@pytest.mark.parametrize(
    ("status", "answer", "problem"),
    [
        (429, b"", "answered 429"),
        (200, b"<html>", "not as documented"),
        (200, b"[]", "not as documented"),
        (200, b'{"Items": {}}', "not as documented"),
    ],
)
def test_api_that_fails_is_asked_once(api: str, status: int, answer: bytes, problem: str) -> None:
    PriceApi.status, PriceApi.answer = status, answer
    prices = Prices("westeurope", api)
    for name in ("logs", "flex"):
        assert prices.find(name) == (TABLE[name].dollars, f"table: {TABLE[name].source}")
    assert problem in prices.problem
    assert len(PriceApi.filters) == 1


def test_api_that_is_not_reached_is_named() -> None:
    prices = Prices("westeurope", "http://127.0.0.1:9/api/retail/prices")
    assert prices.find("logs").dollars == TABLE["logs"].dollars
    assert "ConnectionRefused" in prices.problem


def test_price_without_a_meter_is_the_table_s(api: str) -> None:
    assert Prices("westeurope", api).find("streaming").source.startswith("table: 2024-12")
    assert PriceApi.filters == ()


def test_docs_have_the_same_table() -> None:
    text = (ROOT / "docs" / "azure.md").read_text()
    table = text[text.index("| item | price | source and date |") : text.index("**One hour of")]
    rows = re.findall(r"^\| ([^|]+) \| (\d[\d.]*) \| ([^|]+) \|$", table, re.MULTILINE)
    assert [(name, float(price), source) for name, price, source in rows] == [
        (price.item, price.dollars, price.source) for price in TABLE.values()
    ]
