#!/usr/bin/env python3
"""Compares pictures of codes with the rows of the exported file.

    tests/labels/pictures.py PATH_OF_LOCAL PICTURES

For each type of code it reserves codes, exports them as CSV, asks for that many pictures of them (as QR code, GS1
DataMatrix and GS1 QR code, in turn, as PNG, every tenth as SVG), and decodes each with zxing-cpp. A QR code must carry
the Digital Link of the row, the others the data of the element string with the symbology identifier of GS1. Exit status
1 on any difference.
"""

import collections
import concurrent.futures
import csv
import io
import pathlib
import re
import sys
import tempfile
import urllib.request

import resvg_py
import zxingcpp
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from reading import symbols_of  # noqa: E402
from system import TOKEN, TYPES, body_of, system  # noqa: E402

# The kinds of symbol: format and symbology identifier (ISO/IEC 15424).
SYMBOLS = {
    "qr": (zxingcpp.BarcodeFormat.QRCode, "]Q1"),
    "datamatrix": (zxingcpp.BarcodeFormat.DataMatrix, "]d2"),
    "gs1-qr": (zxingcpp.BarcodeFormat.QRCode, "]Q3"),
}
# Lot and dates, which the barcode data holds between key and serial.
MORE = {
    "sgtin": {"lot": "L/7-a", "production_date": "2026-05-01", "expiry_date": "2027-12-31"},
    "itip": {"lot": "B.2", "best_before": "2027-02-28"},
}
# Application Identifiers whose length is predefined, so that no FNC1 follows (GS1 General Specifications, section 7.8.5).
PREDEFINED = {"00", "01", "11", "15", "17"}
WORKERS = 4
PAGE = 500


def barcode_data(element_string):
    """The data behind the first FNC1, by the rule of docs/codes.md."""
    elements = re.findall(r"\((\d{2,4})\)([^(]*)", element_string)
    data = "".join(ai + value + ("" if ai in PREDEFINED else "\x1d") for ai, value in elements)
    return data.removesuffix("\x1d")


def fetch(url):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request) as answer:
        return answer.headers["Content-Type"], answer.read()


def image_of(media_type, body):
    if media_type == "image/svg+xml":
        body = bytes(resvg_py.svg_to_bytes(svg_string=body.decode("ascii")))
    return Image.open(io.BytesIO(body)).convert("L")


def difference(local, code, row, symbol, extension):
    """What is wrong with a picture, or None."""
    url = f"{local.url}/items/unique_code/{code}/label.{extension}?symbol={symbol}"
    media_type, body = fetch(url)
    if media_type != {"svg": "image/svg+xml", "png": "image/png"}[extension]:
        return f"{url}: {media_type}"
    format_, identifier = SYMBOLS[symbol]
    found = symbols_of(image_of(media_type, body), format_)
    if len(found) != 1 or found[0].format != format_:
        return f"{url}: {[(one.format, one.text) for one in found]}"
    wanted = row["digital_link"] if symbol == "qr" else barcode_data(row["element_string"])
    if found[0].bytes != wanted.encode() or found[0].symbology_identifier != identifier:
        return f"{url}: {found[0].symbology_identifier}{found[0].bytes!r} instead of {identifier}{wanted!r}"
    return None


def codes_of(local, reservation, count):
    """The ids of a reservation's codes by position."""
    for page in range(1, count // PAGE + 2):
        query = f"filter[reservation][_eq]={reservation}&fields=id&limit={PAGE}&page={page}"
        yield from (code["id"] for code in local.request("GET", f"/items/unique_code?{query}"))


def check(local, code_type, pictures, folder):
    symbols = ["qr"] if code_type == "short_code" else list(SYMBOLS)
    count = -(-pictures // len(symbols))
    reservation = local.reserve(body_of(code_type, count, **MORE.get(code_type, {})))
    path = pathlib.Path(folder, f"{code_type}.csv")
    local.download(local.wait(reservation)["export_file"], path)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = []
    for code, row in zip(codes_of(local, reservation, count), rows, strict=True):
        for symbol in symbols:
            extension = "svg" if len(wanted) % 10 == 0 else "png"
            wanted.append((local, code, row, symbol, extension))
    wanted = wanted[:pictures]
    counted = collections.Counter(symbol for _, _, _, symbol, _ in wanted)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
        differences = [one for one in workers.map(lambda each: difference(*each), wanted) if one]
    for symbol in symbols:
        print(f"{code_type:11} {symbol:11} {counted[symbol]:6} decoded")
    for one in differences[:3]:
        print(f"    {one}")
    assert len(wanted) == pictures, f"{len(wanted)} pictures"
    return len(differences)


def main(binary, pictures):
    options = ["--memory", "--parameter", "ShortCodeDomain=https://s.example"]
    with tempfile.TemporaryDirectory() as folder, system(pathlib.Path(binary).resolve(), *options) as local:
        differences = sum(check(local, code_type, int(pictures), folder) for code_type in TYPES)
    print(f"{differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
