"""The denied numbers, compared with the numbering plans that libphonenumber knows."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from calls.denied_numbers import split_country_code
from calls.destinations import find_denied_prefix

DENIED_TYPES = (
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.PERSONAL_NUMBER,
)
ORDINARY_TYPES = (
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.VOIP,
    PhoneNumberType.UAN,
)
DENIED_ON_PURPOSE = {
    "+16002012345": "Canada's 600 numbers, among them satellites",
    "+989601": "Iran's short numbers",
}
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def example(region: str, type_: int) -> str | None:
    number = phonenumbers.example_number_for_type(region, type_)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number else None


def test_every_premium_rate_shared_cost_and_personal_number_is_denied() -> None:
    numbers = [example(region, type_) for region in REGIONS for type_ in DENIED_TYPES]
    examples = [number for number in numbers if number]
    assert len(examples) > 250
    assert [number for number in examples if find_denied_prefix(number) is None] == []


def test_no_ordinary_number_is_denied() -> None:
    numbers = {example(region, type_) for region in REGIONS for type_ in ORDINARY_TYPES} - {None}
    assert len(numbers) > 500
    denied = {number for number in numbers if number and find_denied_prefix(number)}
    assert denied == DENIED_ON_PURPOSE.keys()


def test_every_code_that_is_not_a_country_s_is_denied_but_international_freephone() -> None:
    allowed = set()
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = phonenumbers.example_number_for_non_geo_entity(code)
        assert number is not None
        text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if find_denied_prefix(text) is None:
            allowed.add(code)
    assert allowed == {800}


@pytest.mark.parametrize("region", ["US", "GB", "DE", "FR", "IT", "RU", "CI", "BR", "FI", "HK"])
def test_a_country_code_is_split_off_as_libphonenumber_does(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    digits = phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")
    national = phonenumbers.national_significant_number(number)
    assert split_country_code(digits) == (str(number.country_code), national)
