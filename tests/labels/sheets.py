#!/usr/bin/env python3
"""Compares the labels of PDF sheets with the rows of the CSV of the same reservation.

    tests/labels/sheets.py PATH_OF_LOCAL [--keep DIRECTORY]

For each type of code it writes a sheet of some pages, draws the pages with pdftoppm, decodes every symbol with zxing-cpp, and
compares them, in the order in which people read, with the rows. Exit status 1 on any difference. --keep writes the sheets and
their pages to a directory, to look at.
"""

import argparse
import csv
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.error

import zxingcpp
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from system import TYPES, body_of, system  # noqa: E402

# Three pages of 3 × 8 labels, the last not full.
LABELS = 60
MOST = 10_000
DPI = 300


def rows_of(local, reservation, folder):
    """The CSV of a reservation that is already complete: the same codes are exported again."""
    local.request("PATCH", f"/items/code_reservation/{reservation}", {"export_type": "csv", "status": "new"})
    path = pathlib.Path(folder, f"{reservation}.csv")
    local.download(local.wait(reservation)["export_file"], path)
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def symbols_of(page):
    """The symbols of a page row by row, from left to right."""
    found = zxingcpp.read_barcodes(Image.open(page).convert("L"))
    # The labels of a row differ by less than half a label's height.
    place = lambda one: (round(one.position.top_left.y / (36 / 25.4 * DPI)), one.position.top_left.x)  # noqa: E731
    return [one.bytes.decode() for one in sorted(found, key=place)]


def check(local, code_type, folder):
    reservation = local.reserve(body_of(code_type, LABELS, export_type="pdf"))
    sheet = pathlib.Path(folder, f"{code_type}.pdf")
    local.download(local.wait(reservation)["export_file"], sheet)
    subprocess.run(["pdftoppm", "-r", str(DPI), "-gray", "-png", sheet, sheet.with_suffix("")], check=True)
    pages = sorted(pathlib.Path(folder).glob(f"{code_type}-*.png"))
    read = [text for page in pages for text in symbols_of(page)]
    rows = rows_of(local, reservation, folder)
    wanted = [row["digital_link"] or row["code"] for row in rows]
    differences = sum(one != other for one, other in zip(read, wanted)) + abs(len(read) - len(wanted))
    print(f"{code_type:11} {len(pages):3} pages {len(read):6} labels decoded, {differences} differences")
    return differences


def refused(local):
    """More labels than a sheet can have are refused at once, with a way out."""
    try:
        local.reserve(body_of("sgtin", MOST + 1, export_type="pdf"))
    except RuntimeError as error:
        cause = error.__cause__
        assert isinstance(cause, urllib.error.HTTPError) and cause.code == 400, error
        assert "zpl" in str(error), error
        return
    raise AssertionError("a sheet of too many labels was accepted")


def largest(local, folder):
    """The largest sheet is written, and has all its pages."""
    reservation = local.reserve(body_of("sgtin", MOST, export_type="pdf"))
    sheet = pathlib.Path(folder, "largest.pdf")
    local.download(local.wait(reservation)["export_file"], sheet)
    info = subprocess.run(["pdfinfo", sheet], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    pages = next(int(line.split()[1]) for line in info.splitlines() if line.startswith("Pages:"))
    assert pages == -(-MOST // 24), info
    print(f"{MOST} labels: {pages} pages, {sheet.stat().st_size:,} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    if not shutil.which("pdftoppm"):
        sys.exit("pdftoppm is missing: install poppler-utils")
    options = ["--memory", "--parameter", "ShortCodeDomain=https://s.example"]
    with tempfile.TemporaryDirectory() as folder:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            folder = arguments.keep
        with system(pathlib.Path(arguments.binary).resolve(), *options) as local:
            differences = sum(check(local, code_type, folder) for code_type in TYPES)
            refused(local)
            largest(local, folder)
    print(f"{differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
