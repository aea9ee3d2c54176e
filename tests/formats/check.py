#!/usr/bin/env python3
"""Parses export files with third-party parsers and compares the results.

    python3 -m venv .venv && .venv/bin/pip install -r tests/formats/requirements.txt
    .venv/bin/python tests/formats/check.py FILE...

Files whose names differ only in the export type (x.csv, x.json.gz, ...) belong to the same reservation and must contain
the same rows. Every file must: be valid for its parser; have positions 1, 2, 3, ...; contain no code twice; end with a line
feed; and, if it is a .gz, be one gzip member and nothing else. A workbook (xlsx) is read by openpyxl, and by
LibreOffice, which must be installed: SOFFICE may name its program. Exit status 0 if all files pass.
"""

import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
import zipfile
import zlib

import openpyxl
import yaml

FIELDS = ["code", "digital_link", "element_string", "epc_uri"]
FORMATS = ["csv", "txt", "json", "ndjson", "yaml", "xml", "xlsx"]
# The C parser where available: the same grammar, but much faster.
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Wrong(Exception):
    """A rule that a file breaks."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def members_only(rows):
    """Rows as tuples. Each object must have exactly the five members; all but the position are strings."""
    for row in rows:
        require(list(row) == ["position", *FIELDS], f"members {list(row)}")
        require(type(row["position"]) is int, f"position {row['position']!r} is no number")
        for field in FIELDS:
            require(isinstance(row[field], str), f"{field} {row[field]!r} is no string")
        yield (row["position"], *(row[field] for field in FIELDS))


def parse_csv(text):
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    require(next(reader) == ["position", *FIELDS], "header")
    require("\r" not in text, "a carriage return")
    for row in reader:
        require(len(row) == 5, f"{len(row)} fields")
        yield (int(row[0]), *row[1:])


def parse_json(text):
    rows = json.loads(text)
    require(isinstance(rows, list), "not an array")
    require(len(text.splitlines()) == len(rows) + 2, "not one object a line")
    return members_only(rows)


def parse_ndjson(text):
    return members_only(json.loads(line) for line in text.splitlines())


def parse_yaml(text):
    return members_only(yaml.load(text, Loader=YAML_LOADER))


def parse_xml(text):
    root = xml.etree.ElementTree.fromstring(text.encode())
    require(root.tag == "codes", f"root {root.tag}")
    require(set(root.attrib) == {"reservation", "type"} and all(root.attrib.values()), f"attributes {root.attrib}")
    for element in root:
        require(element.tag == "code" and list(element.attrib) == ["position"], "element")
        require([child.tag for child in element] == ["value", *FIELDS[1:]], "children")
        yield (int(element.attrib["position"]), *(child.text or "" for child in element))


def unescaped(text):
    """The text of a cell whose escape of Office Open XML (`_x005F_` for `_`) openpyxl leaves as it is."""
    return text.replace("_x005F_", "_")


def parse_xlsx(path):
    with zipfile.ZipFile(path) as archive:
        require(archive.testzip() is None, "a wrong checksum in the archive")
        require({member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}, "a date in the archive")
    workbook = openpyxl.load_workbook(path)
    require(workbook.sheetnames == ["codes"], f"sheets {workbook.sheetnames}")
    rows = workbook.active.iter_rows()
    require([cell.value for cell in next(rows)] == ["position", *FIELDS], "header")
    for row in rows:
        require(len(row) == 5, f"{len(row)} cells")
        require(row[0].data_type == "n" and type(row[0].value) is int, f"position {row[0].value!r} is no number")
        for cell in row[1:]:
            require(cell.value is None or isinstance(cell.value, str), f"{cell.value!r} is no text")
            require(cell.number_format == "@", f"{cell.coordinate} has the format {cell.number_format}")
        yield (row[0].value, *(unescaped(cell.value or "") for cell in row[1:]))


def by_office(paths):
    """The rows of workbooks as LibreOffice reads them."""
    soffice = os.environ.get("SOFFICE", "soffice")
    with tempfile.TemporaryDirectory() as folder:
        # Names of different folders may be equal.
        names = {path: f"{number}.xlsx" for number, path in enumerate(paths)}
        for path, name in names.items():
            pathlib.Path(folder, name).write_bytes(path.read_bytes())
        profile = pathlib.Path(folder, "profile").as_uri()
        command = [soffice, f"-env:UserInstallation={profile}", "--headless"]
        command += ["--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76", "--outdir", folder]
        subprocess.run(
            [*command, *(str(pathlib.Path(folder, name)) for name in names.values())],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=900,
        )
        for path, name in names.items():
            text = pathlib.Path(folder, name).with_suffix(".csv").read_text(encoding="utf-8")
            yield path, list(parse_csv(text))


PARSERS = {"csv": parse_csv, "json": parse_json, "ndjson": parse_ndjson, "yaml": parse_yaml, "xml": parse_xml}


def read(path, is_gzip):
    data = path.read_bytes()
    if is_gzip:
        require(data[:2] == b"\x1f\x8b", "no gzip magic")
        require(data[4:8] == b"\0\0\0\0", "a time in the gzip header")
        # One member: many readers take no second one. Raises on a wrong checksum or length.
        member = zlib.decompressobj(wbits=31)
        data = member.decompress(data)
        require(member.eof, "the gzip member does not end")
        require(not member.unused_data, "bytes behind the gzip member")
    require(data.endswith(b"\n"), "the last line does not end")
    require(not data.startswith(b"\xef\xbb\xbf"), "a byte order mark")
    return data.decode("utf-8", errors="strict")


def check(path):
    """The rows of a file: tuples of position and four fields, or of position and link for txt."""
    parts = path.name.split(".")
    is_gzip = parts[-1] == "gz"
    kind = parts[-2 if is_gzip else -1]
    require(kind in FORMATS, f"unknown format {kind}")
    text = None if kind == "xlsx" else read(path, is_gzip)
    if kind == "xlsx":
        rows = list(parse_xlsx(path))
    elif kind == "txt":
        rows = list(enumerate(text[:-1].split("\n"), 1))
    else:
        rows = list(PARSERS[kind](text))
    require(rows, "no rows")
    require([row[0] for row in rows] == list(range(1, len(rows) + 1)), "positions are not 1, 2, 3, ...")
    require(all(row[1] for row in rows), "an empty code")
    require(len({row[1] for row in rows}) == len(rows), "a code twice")
    return kind, rows


def stem(path):
    """The path without the extension of its export type."""
    name = path.name.removesuffix(".gz")
    return str(path.parent / name.rpartition(".")[0])


def compare(reservation, files):
    """Messages about files of one reservation whose rows differ from its first file with all fields."""
    full = next((rows for kind, rows in files.values() if kind != "txt"), None)
    for path, (kind, rows) in files.items():
        if full is None:
            return
        # txt has one link per line, or the code if the reservation has no links.
        expected = full if kind != "txt" else [(row[0], row[2] or row[1]) for row in full]
        if rows != expected:
            at = next((n for n, pair in enumerate(zip(rows, expected), 1) if pair[0] != pair[1]), "the end")
            yield f"{path}: differs from the other files of {reservation} at row {at}"


def main(paths):
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    wrong = []
    reservations = {}
    for path in map(pathlib.Path, paths):
        try:
            reservations.setdefault(stem(path), {})[path] = check(path)
        except Exception as error:  # Parsers raise different exceptions; each is a finding.
            wrong.append(f"{path}: {type(error).__name__}: {error}")
    for reservation, files in reservations.items():
        wrong.extend(compare(reservation, files))
    files = [file for files in reservations.values() for file in files.items()]
    workbooks = {path: rows for path, (kind, rows) in files if kind == "xlsx"}
    try:
        for path, rows in by_office(list(workbooks)) if workbooks else ():
            if rows != workbooks[path]:
                wrong.append(f"{path}: LibreOffice reads other rows than openpyxl")
    except (OSError, subprocess.SubprocessError) as error:
        wrong.append(f"LibreOffice: {type(error).__name__}: {error}")
    for message in wrong:
        print(message, file=sys.stderr)
    rows = sum(len(rows) for files in reservations.values() for _, rows in files.values())
    print(f"{len(paths)} files, {rows} rows, {len(reservations)} reservations, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
