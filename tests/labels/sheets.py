#!/usr/bin/env python3
"""Compares the labels of PDF sheets with what they shall carry.

    tests/labels/sheets.py PATH_OF_LOCAL DIRECTORY [--keep DIRECTORY]

DIRECTORY is what `cargo run -p common --example sheet_files` wrote: sheets of several layouts and symbols, each with the
list of what its symbols carry. Besides, for each type of code it reserves a sheet of some pages with a running system,
which is compared with the rows of the CSV of the same reservation, plain and gzipped. The pages are drawn with pdftoppm,
and every symbol is decoded with zxing-cpp, in the order in which people read. Exit status 1 on any difference. --keep
writes the sheets and their pages to a directory, to look at.
"""

import argparse
import csv
import gzip
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error

import zxingcpp
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from reading import symbols_of  # noqa: E402
from system import TYPES, body_of, system  # noqa: E402

# Three pages of 3 × 8 labels, the last not full.
LABELS = 60
MOST = 10_000
DPI = 300
# The layouts of `sheet_files` whose symbols are Data Matrix codes. All others have QR codes.
DATA_MATRIX = {"datamatrix", "small", "elements"}
# Memory that the largest sheet may need, in MB, with the stores of `local`.
MEMORY = 300


def pages_of(sheet, folder):
    """The pages of a sheet as pictures."""
    prefix = pathlib.Path(folder, sheet.stem)
    subprocess.run(["pdftoppm", "-r", str(DPI), "-gray", "-png", sheet, prefix], check=True)
    return sorted(pathlib.Path(folder).glob(f"{sheet.stem}-[0-9]*.png"))


def carried_by(page, format_):
    """What the symbols of a page carry, row by row, from left to right."""
    found = symbols_of(Image.open(page).convert("L"), format_)
    found.sort(key=lambda one: middle(one)[1])
    rows = []
    for one in found:
        # Symbols of a row are as high as each other, so those that overlap in height are in one row.
        if rows and middle(one)[1] - middle(rows[-1][0])[1] < height(one) / 2:
            rows[-1].append(one)
        else:
            rows.append([one])
    return [carried(one) for row in rows for one in sorted(row, key=lambda one: middle(one)[0])]


def carried(one):
    """The data of a symbol. The decoded text must be equal too: readers must not take UTF-8 for something else."""
    text = one.bytes.decode()
    assert one.text == text or text.isascii(), f"{one.text!r} instead of {text!r}"
    return text


def corners(one):
    place = one.position
    return [place.top_left, place.top_right, place.bottom_right, place.bottom_left]


def middle(one):
    return sum(corner.x for corner in corners(one)) / 4, sum(corner.y for corner in corners(one)) / 4


def height(one):
    return max(corner.y for corner in corners(one)) - min(corner.y for corner in corners(one))


def compare(name, sheet, wanted, folder):
    """Prints a line for a sheet, and its first difference; returns the number of differences."""
    is_matrix = name.partition("--")[2] in DATA_MATRIX
    format_ = zxingcpp.BarcodeFormat.DataMatrix if is_matrix else zxingcpp.BarcodeFormat.QRCode
    pages = pages_of(sheet, folder)
    read = [text for page in pages for text in carried_by(page, format_)]
    differences = [pair for pair in itertools.zip_longest(read, wanted) if pair[0] != pair[1]]
    print(f"{name:24} {len(pages):3} pages {len(read):4} labels decoded, {len(differences)} differences")
    for one, other in differences[:1]:
        print(f"    {one!r} instead of {other!r}")
    return len(differences)


def layouts(directory, folder):
    sheets = sorted(pathlib.Path(directory).glob("*.pdf"))
    # Eight layouts, but short codes are no GS1 symbols.
    assert len(sheets) == len(TYPES) * 8 - 4, f"{len(sheets)} sheets"
    differences = 0
    for sheet in sheets:
        wanted = json.loads(sheet.with_suffix(".json").read_text(encoding="utf-8"))
        assert wanted, sheet
        differences += compare(sheet.stem, sheet, wanted, folder)
    return differences


def again(local, reservation, export_type, path):
    """Downloads the codes of a complete reservation as another file."""
    local.request("PATCH", f"/items/code_reservation/{reservation}", {"export_type": export_type, "status": "new"})
    local.download(local.wait(reservation)["export_file"], path)


def reserved(local, code_type, folder):
    reservation = local.reserve(body_of(code_type, LABELS, export_type="pdf"))
    sheet, packed, rows = (pathlib.Path(folder, f"{code_type}.{end}") for end in ("pdf", "pdf.gz", "csv"))
    local.download(local.wait(reservation)["export_file"], sheet)
    again(local, reservation, "pdf.gz", packed)
    assert gzip.decompress(packed.read_bytes()) == sheet.read_bytes(), f"{packed} holds another sheet"
    again(local, reservation, "csv", rows)
    with open(rows, encoding="utf-8", newline="") as file:
        wanted = [row["digital_link"] or row["code"] for row in csv.DictReader(file)]
    assert len(wanted) == LABELS
    return compare(code_type, sheet, wanted, folder)


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
    """The largest sheet is written, has all its pages, and needs little memory."""
    reservation = local.reserve(body_of("sgtin", MOST, export_type="pdf"))
    sheet = pathlib.Path(folder, "largest.pdf")
    local.download(local.wait(reservation)["export_file"], sheet)
    info = subprocess.run(["pdfinfo", sheet], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    pages = int(re.search(r"^Pages: *(\d+)$", info, re.MULTILINE).group(1))
    assert pages == -(-MOST // 24), info
    status = pathlib.Path(f"/proc/{local.process.pid}/status").read_text(encoding="utf-8")
    peak = int(re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE).group(1)) // 1024
    print(f"{MOST} labels: {pages} pages, {sheet.stat().st_size:,} bytes; at most {peak} MB of memory")
    assert peak < MEMORY, f"{peak} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("directory")
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    if not shutil.which("pdftoppm"):
        sys.exit("pdftoppm is missing: install poppler-utils")
    options = ["--memory", "--parameter", "ShortCodeDomain=https://s.example"]
    with tempfile.TemporaryDirectory() as folder:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            folder = arguments.keep
        differences = layouts(arguments.directory, folder)
        with system(pathlib.Path(arguments.binary).resolve(), *options) as local:
            differences += sum(reserved(local, code_type, folder) for code_type in TYPES)
            refused(local)
            largest(local, folder)
    print(f"{differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
