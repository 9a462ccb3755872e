"""Phone numbers that are not called unless ALLOWED_DESTINATIONS names them. Pure data.

They are those with which a stolen key is turned into money, or that a machine must not call:
premium-rate, shared-cost and personal numbers, satellite and international networks, emergency and
short numbers.

**No such list is complete.** Countries open new ranges without notice, and fraud also uses ordinary
numbers of countries that are expensive to call. The safe choice is an allowlist: the prefixes of
the countries that the app has to call.

Sources:

- ITU-T, list of Recommendation E.164 assigned country codes (annex to the Operational Bulletin):
  satellite and international networks, +808, +878, +888 and +979.
- The premium-rate, shared-cost and personal number types of Google's libphonenumber 9.0.42, whose
  metadata cite the numbering plan of each country. ``tests/calls/test_denied_numbers.py``
  compares this table with the installed release.
- The North American Numbering Plan: 900 and 5XX area codes, and 976, pay-per-call in each area.
"""

from __future__ import annotations

import re

INTERNATIONAL = "808 87 881 882 883 888 979 991"
"""Codes that are not a country's: satellites, international networks, shared cost and premium."""

NATIONAL = {
    "1": "900 500 52[1-9] 53[23] 544 566 577 588 600 622 633 (?!800|833|844|855|866|877|888)...976",
    "20": "900",
    "212": "89",
    "213": "80[1-689]1",
    "216": "8[12]10 88",
    "221": "81 88",
    "227": "09",
    "230": "30",
    "231": "332",
    "236": "8776",
    "240": "90",
    "242": "80",
    "248": "85",
    "250": "900",
    "254": "900",
    "255": "840 86[01] 90",
    "256": "90",
    "262": "8[1-9]",
    "264": "870",
    "267": "90",
    "268": "900",
    "269": "8",
    "27": "86[02-9] 9[0-2]",
    "297": "900",
    "298": "90",
    "30": "70 80[16] 812 825 850 875 90",
    "31": "90",
    "32": "70 7879 90/8",
    "33": "8[1-9]",
    "34": "70 80[367] 90[125]",
    "351": "60[178] 64[68] 76 80[89] 884",
    "352": "801/8 90[015]/8",
    "353": "15/10 18[59]0/10 700",
    "354": "90",
    "355": "700 808/6 900/6",
    "356": "50037 50043 506 5070 509[0168] 51 52",
    "357": "700 80[1-9] 90",
    "358": "600 700",
    "359": "700 90",
    "36": "90 91",
    "370": "70[05] 808 90[0239] 910",
    "371": "81 90",
    "372": "40 70 900",
    "373": "808 90",
    "374": "80[1-4] 90",
    "375": "810 902",
    "376": "1/6 9/6",
    "378": "7[178]",
    "380": "900",
    "381": "78 90",
    "382": "94 95",
    "383": "900",
    "385": "6[01459] 7[45]",
    "386": "89 90",
    "387": "8[12] 9",
    "389": "5 80[1-9] 8[1-9]",
    "39": "0878 144 16[346] 178 199 84 89",
    "40": "801 90",
    "41": "84 878 90",
    "420": "70[01] 8[134] 90 976",
    "421": "8[5-9] 900 97 98",
    "423": "90/7",
    "43": "8[1269] 90 93",
    "44": "70 84 87 9",
    "45": "90",
    "46": "649 75[1-8] 77[0-7] 900 939 944 99",
    "47": "8100[0-6] 810[2-8] 82 880",
    "48": "70 801",
    "49": "118 137 138 180 190 700 900",
    "502": "19/11",
    "503": "900",
    "506": "90",
    "507": "822/7 855/7 860/7 87[78]/7 886/7 900/7 981/7",
    "508": "8[129]/9",
    "51": "80[1245]",
    "52": "300 500 900",
    "53": "807",
    "54": "60[04579]",
    "55": "30[03] 40[02] 500 900",
    "56": "600/10 600/11",
    "57": "19[04]/11 901",
    "58": "90",
    "590": "8[129]",
    "592": "900",
    "594": "8[129]",
    "596": "8[129]",
    "597": "90",
    "598": "90",
    "599": "60",
    "60": "1600",
    "61": "13 190",
    "62": "80[49]",
    "64": "1 500[08]/7 5030/7 5066/7 5077/7 5088/7 70 90",
    "65": "1900",
    "66": "1900",
    "670": "70 90",
    "687": "36",
    "7": "80[389]",
    "81": "60/9 990",
    "82": "50 60[2-9]",
    "84": "1900",
    "852": "81 82 83 900",
    "855": "1900",
    "86": "400 950 16[08]/8",
    "886": "20 99",
    "90": "592 888 898 900",
    "91": "186",
    "92": "122 900",
    "960": "900",
    "961": "80/8 9[01]/8",
    "962": "70 85 9",
    "966": "920 925",
    "968": "900",
    "970": "1700",
    "971": "700 900",
    "972": "1212 1200 1700 190 191 199",
    "973": "84 87 9",
    "994": "900200",
}
"""Premium-rate, shared-cost and personal numbers: the prefixes that follow a country code.

``[a-b]``, ``.`` and ``(?!a|b)`` mean what they mean in a regular expression. ``/8`` restricts a
prefix to national numbers of eight digits, where ordinary numbers of another length begin in the
same way.
"""

SHORTEST_NUMBER = 7
"""No subscriber's number is shorter, in digits with the country code; emergency numbers are."""

SIGNIFICANT_ZERO = ("225", "227", "229", "241", "242", "378", "379", "39", "47")
"""Countries in which a zero after the country code is part of the number, not a trunk prefix."""

_COUNTRY_CODE = re.compile(r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")
"""Source: the assigned country codes of ITU-T E.164: one, two or three digits."""


def split_country_code(digits: str) -> tuple[str, str]:
    """Split the digits of an E.164 number into its country code and its national number."""
    match = _COUNTRY_CODE.match(digits)
    end = match.end() if match else len(digits)
    return digits[:end], digits[end:]


def _compile(code: str, prefix: str) -> str:
    """Return the regular expression of one prefix; its match ends where the prefix ends."""
    prefix, _, length = prefix.partition("/")
    digits = len(re.sub(r"\[[^]]*\]", ".", prefix))
    rest = rf"(?=\d{{{int(length) - digits}}}$)" if length else ""
    return re.escape(code) + prefix.replace(".", r"\d") + rest


NATIONAL_PATTERN = re.compile(
    "|".join(_compile(code, prefix) for code, text in NATIONAL.items() for prefix in text.split())
)
INTERNATIONAL_PATTERN = re.compile("|".join(INTERNATIONAL.split()))
