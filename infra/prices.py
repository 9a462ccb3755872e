"""List prices: from Azure's retail prices API where it is reached, else from a dated table.

The API needs no sign-in: https://learn.microsoft.com/rest/api/cost-management/retail-prices. Each
price of the table says when it was read, and where. All are in US dollars, without taxes, free
grants and discounts.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from infra.probe import request
from infra.shell import StepFailed

ADDRESS = "https://prices.azure.com/api/retail/prices"

_MAX_PAGES = 5


class Meter(NamedTuple):
    """A meter of the retail prices API.

    Attributes:
        service: ``serviceName``.
        name: ``meterName``.
        unit: ``unitOfMeasure``.
        units: How many of the price's units that is.
        product: ``productName``; empty: any.
    """

    service: str
    name: str
    unit: str
    units: int = 1
    product: str = ""


class Price(NamedTuple):
    """A price of the table.

    Attributes:
        item: What it is the price of, with its unit.
        dollars: The price of one unit.
        source: Where it was read, and when.
        meter: Its meter; None: the API has none that is certain.
    """

    item: str
    dollars: float
    source: str
    meter: Meter | None = None


class Quote(NamedTuple):
    """A price that is used, and where it comes from."""

    dollars: float
    source: str


_APPS, _FLEX, _BLOB = "Azure Container Apps", "Flex Consumption", "General Block Blob v2"
_SCENARIOS = "Microsoft's pricing scenarios, read 2026-11"
_API_APPS = "retail prices API, East US, as cited 2026-08"

TABLE: dict[str, Price] = {
    "streaming": Price(
        "audio streaming, minute", 0.004, "2024-12, West Europe, microsoft/call-center-ai"
    ),
    "outbound": Price("outbound call to a US number, minute", 0.013, _SCENARIOS),
    "inbound": Price("inbound call to a US toll-free number, minute", 0.022, _SCENARIOS),
    "internal": Price("call of a communication user, minute", 0.004, _SCENARIOS),
    "vcpu_active": Price(
        "Container Apps, active vCPU-second",
        0.000024,
        _API_APPS,
        Meter(_APPS, "Standard vCPU Active Usage", "1 Second"),
    ),
    "vcpu_idle": Price(
        "Container Apps, idle vCPU-second",
        0.000003,
        _API_APPS,
        Meter(_APPS, "Standard vCPU Idle Usage", "1 Second"),
    ),
    "memory": Price(
        "Container Apps, GiB-second",
        0.000003,
        _API_APPS,
        Meter(_APPS, "Standard Memory Active Usage", "1 GiB Second"),
    ),
    "flex": Price(
        "Flex Consumption, on demand, GB-second",
        0.000026,
        "2025-05, East US",
        Meter("Functions", "On Demand Execution Time", "1 GB Second", product=_FLEX),
    ),
    "flex_runs": Price(
        "Flex Consumption, on demand, run",
        0.0000004,
        "retail prices API, as cited 2026 (0.000004 for ten)",
        Meter("Functions", "On Demand Total Executions", "10", 10, _FLEX),
    ),
    "always_ready": Price(
        "Flex Consumption, always ready, idle, GB-second",
        0.000004,
        "Functions pricing page, as cited 2025 (0.0000038 euros)",
        Meter("Functions", "Always Ready Baseline", "1 GB Second", product=_FLEX),
    ),
    "blob_lrs": Price(
        "Blob Storage, hot, LRS, GB-month",
        0.018,
        "as often cited, undated",
        Meter("Storage", "Hot LRS Data Stored", "1 GB/Month", product=_BLOB),
    ),
    "blob_zrs": Price(
        "Blob Storage, hot, ZRS, GB-month",
        0.0225,
        "a quarter more than LRS, as the regions' ratios are",
        Meter("Storage", "Hot ZRS Data Stored", "1 GB/Month", product=_BLOB),
    ),
    "transcription": Price(
        "Speech, fast transcription, hour of a channel", 0.36, "as cited 2025, undated"
    ),
    "search": Price(
        "Azure AI Search, Basic, hour",
        0.101,
        "pricing page, as often cited, undated",
        Meter("Azure Cognitive Search", "Basic Unit", "1 Hour"),
    ),
    "logs": Price(
        "Log Analytics, ingested GB",
        2.30,
        "retail prices API, East US, as cited 2026-08",
        Meter("Log Analytics", "Analytics Logs Data Ingestion", "1 GB"),
    ),
    "log_alert": Price(
        "log alert, evaluated every five minutes, month",
        1.50,
        "Azure Monitor pricing page, as cited 2026-07 (0.50 to 3.00, by frequency)",
        Meter("Azure Monitor", "Alerts System Log Monitored at 5 Minute Frequency", "1/Month"),
    ),
    "registry_basic": Price(
        "Container Registry, Basic, day",
        0.1666,
        "retail prices API, as cited 2026-08",
        Meter("Container Registry", "Basic Registry Unit", "1/Day"),
    ),
    "registry_premium": Price(
        "Container Registry, Premium, day",
        1.6666,
        "retail prices API, as cited 2026-08",
        Meter("Container Registry", "Premium Registry Unit", "1/Day"),
    ),
    "private_endpoint": Price(
        "private endpoint, hour", 0.01, "retail prices API, global, as cited 2026"
    ),
    "nat_gateway": Price(
        "NAT gateway, hour",
        0.045,
        "NAT Gateway pricing page, as often cited, undated",
        Meter("NAT Gateway", "Standard Gateway", "1 Hour"),
    ),
}
"""The prices, by name. docs/azure.md has the same ones."""


class Prices:
    """The prices of one region.

    Args:
        region: Azure region, as in ``az account list-locations``.
        address: The API's address; empty: only the table is used.
    """

    def __init__(self, region: str, address: str = ADDRESS) -> None:
        self._region = region
        self._address = address
        self.problem = "" if address else "not asked"

    def find(self, name: str) -> Quote:
        """Return a price: the API's, or the table's with the reason."""
        price = TABLE[name]
        if self.problem or price.meter is None:
            return Quote(price.dollars, f"table: {price.source}")
        try:
            items = self._query(price.meter)
        except StepFailed as error:
            # The next request would fail, too, and each may take half a minute.
            self.problem = str(error)
            return Quote(price.dollars, f"table: {price.source}")
        quote = _choose(items, price.meter)
        return quote or Quote(price.dollars, f"table (the API has no such meter): {price.source}")

    def _query(self, meter: Meter) -> list[dict[str, Any]]:
        """Return a meter's items in the region. Raises StepFailed."""
        conditions = {
            "armRegionName": self._region,
            "priceType": "Consumption",
            "serviceName": meter.service,
            "meterName": meter.name,
        }
        if meter.product:
            conditions["productName"] = meter.product
        condition = " and ".join(f"{name} eq '{value}'" for name, value in conditions.items())
        url = f"{self._address}?{urlencode({'currencyCode': 'USD', '$filter': condition})}"
        items: list[dict[str, Any]] = []
        for _ in range(_MAX_PAGES):
            page = _read_page(url)
            items += page["Items"]
            url = page.get("NextPageLink") or ""
            # A page elsewhere would be somebody else's prices.
            if urlsplit(url).hostname != urlsplit(self._address).hostname:
                break
        return items


def _read_page(url: str) -> dict[str, Any]:
    status, body = request("GET", url)
    if status != 200:
        raise StepFailed(f"The retail prices API answered {status}.")
    try:
        page = json.loads(body)
        items = page["Items"]
    except (ValueError, KeyError, TypeError) as error:
        raise StepFailed("The retail prices API's answer is not as documented.") from error
    if not isinstance(items, list):
        raise StepFailed("The retail prices API's answer is not as documented.")
    return dict(page)


def _choose(items: list[dict[str, Any]], meter: Meter) -> Quote | None:
    """Return the price of the first units that cost something, or None if there is none."""
    paid = [
        item
        for item in items
        if item.get("unitOfMeasure") == meter.unit
        and item.get("type") == "Consumption"
        and item.get("currencyCode") == "USD"
        and item.get("retailPrice", 0) > 0
    ]
    if not paid:
        return None
    first = min(paid, key=lambda item: item.get("tierMinimumUnits", 0))
    since = str(first.get("effectiveStartDate", ""))[:10]
    return Quote(first["retailPrice"] / meter.units, f"retail prices API, since {since}")
