"""The validators that are Python packages: biip, zint and epcpy. Run by judge.py.

    judges.py ROWS EXPORT.csv...

Prints one JSON object for each export and validator. A validator is a function that raises when it rejects a row.
"""

import csv
import itertools
import json
import re
import sys
from urllib.parse import urlsplit

import zint
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_messages import GS1Message
from epcpy.utils.parsers import (
    epc_pure_identity_to_gs1_element_string,
    gs1_element_string_to_gs1_element,
)

# The specification's own example has a wrong check digit; it should be 0.
WRONG_GTIN = "(01)19361758000003"

# Rows without an EPC URI may use any length, because only the digits are compared.
SOME_PREFIX_LENGTH = 7


class Rejected(Exception):
    """The message of a validator that rejects a row."""


def text_of(elements):
    """The element string that biip read; raises on a wrong check digit."""
    for element in elements:
        error = element.gtin_error or element.sscc_error or element.gln_error
        if error:
            raise Rejected(error)
    return "".join(f"({element.ai.ai}){element.value}" for element in elements)


def biip(row):
    message = text_of(GS1Message.parse_hri(row["element_string"]).element_strings)
    elements = GS1DigitalLinkURI.parse(row["digital_link"]).element_strings
    link = text_of(elements)
    # A link has dates behind the serial.
    same = sorted(re.findall(r"\(\d+\)[^(]*", link)) == sorted(re.findall(r"\(\d+\)[^(]*", row["element_string"]))
    if message != row["element_string"] or not same:
        raise Rejected(f"read as {message}, and in the Digital Link as {link}")


def barcode_data(element_string, fnc1="\x1d"):
    """The data behind the first FNC1, by the rule of docs/codes.md."""
    elements = re.findall(r"\((\d{2,4})\)([^(]*)", element_string)
    fixed = ("00", "01", "11", "15", "17")
    data = "".join(ai + value + ("" if ai in fixed else fnc1) for ai, value in elements)
    return data.removesuffix(fnc1)


def biip_data(row):
    """The data of a barcode is read as the element string is: the column of that name, or, with a lot behind it, what
    the rule makes."""
    if "barcode_data" in row:
        found = text_of(GS1Message.parse(row["barcode_data"]).element_strings)
        if found != row["element_string"]:
            raise Rejected(f"{row['barcode_data']!r} is read as {found}")
        if row["barcode_data"] != barcode_data(row["element_string"]):
            raise Rejected(f"{row['barcode_data']!r} is not what the rule makes")
        return
    for lot in ("", "(10)LOT"):
        if lot and not row["element_string"].startswith(("(01)", "(8006)")):
            continue
        wanted = row["element_string"] + lot
        found = text_of(GS1Message.parse(barcode_data(wanted)).element_strings)
        if found != wanted:
            raise Rejected(f"{wanted} is read as {found}")


def zint_datamatrix(row):
    symbol = zint.Symbol()
    symbol.symbology = zint.Symbology.DATAMATRIX
    symbol.input_mode = zint.InputMode.GS1 | zint.InputMode.GS1PARENS
    symbol.warn_level = zint.WarningLevel.FAIL_ALL
    symbol.encode(row["element_string"])


def epcpy(row):
    # It reads no lot and no dates.
    uri, element_string = row["epc_uri"], row.get("epc_join_key") or row["element_string"]
    if uri:
        prefix_length = len(uri.split(":")[4].split(".")[0])
    else:
        prefix_length = SOME_PREFIX_LENGTH
    scheme = gs1_element_string_to_gs1_element(element_string, prefix_length)
    if uri and scheme.epc_uri != uri:
        raise Rejected(f"{element_string} is {scheme.epc_uri}, not {uri}")
    again = epc_pure_identity_to_gs1_element_string(scheme.epc_uri)
    if again != element_string:
        raise Rejected(f"{scheme.epc_uri} is {again}, not {element_string}")


def is_short_code(row):
    """Whether a row is a short code: no GS1 data, and a link that ends with the code."""
    path = urlsplit(row["digital_link"]).path
    return not (row["element_string"] or row["epc_uri"]) and path in ("", "/" + row["code"])


def judged(row, name):
    """Whether a validator applies to a row. None applies to short codes. Without a URI epcpy checks only check digits,
    which keys with free text do not have."""
    if name == "epcpy" and not row["epc_uri"]:
        return not (is_short_code(row) or row["element_string"].startswith(("(8004)", "(8010)")))
    return not is_short_code(row)


def verdict(export, rows, name, judge):
    counts = {"accepted": 0, "rejected": 0, "unjudged": 0}
    surprises = []
    for row in rows:
        if not judged(row, name):
            counts["unjudged"] += 1
            continue
        must_reject = row["element_string"].startswith(WRONG_GTIN)
        try:
            judge(row)
            what = "accepted" if must_reject else None
        except Exception as error:  # Each validator has its own exceptions.
            what = None if must_reject else f"{type(error).__name__}: {error}"
        if what:
            surprises.append({"row": row["position"], "what": what})
        else:
            counts["rejected" if must_reject else "accepted"] += 1
    return {"export": export, "judge": name, **counts, "surprises": surprises}


def main():
    limit = int(sys.argv[1])
    judges = {"biip": biip, "data": biip_data, "zint": zint_datamatrix, "epcpy": epcpy}
    for export in sys.argv[2:]:
        with open(export, encoding="utf-8", newline="") as file:
            rows = list(itertools.islice(csv.DictReader(file), limit))
        for name, judge in judges.items():
            print(json.dumps(verdict(export, rows, name, judge)))


if __name__ == "__main__":
    main()
