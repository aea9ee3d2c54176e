"""The judge epcpy. Run by judge.py.

    epcpy_judge.py TAGS.csv

Prints one JSON object for each scheme.

epcpy checks the URI of a tag before it encodes it, and after it decoded it. These checks take an escape such as %2F for
three characters, refuse one at the beginning of a serial, and cut the reference of an asset at a colon. Its encoder and
its decoder do not, so they are asked directly: the tag is made with a serial that passes the checks, and then gets the
text.
"""

import json
import sys
import types

from epcpy.utils.common import hex_to_binary
from epcpy.utils.parsers import TAG_ENCODABLE_HEX_HEADERS, tag_uri_to_tag_encodable

# The number of fields of a URI, and where a class keeps the one that may have escapes, if it is not the serial.
FIELDS = {"giai-202": 3, "itip-212": 6}
ATTRIBUTES = {"giai-202": "_asset_ref", "cpi-var": "_cp_ref"}
# A text that every check accepts.
PLAIN = "1"


def of_uri(uri):
    """The tag of a URI, not checked."""
    scheme, fields = uri.split(":", 4)[3:]
    # Filter value, company prefix, and the fields of the scheme; the last may contain dots.
    parts = fields.split(".", FIELDS.get(scheme, 4) - 1)
    at = 2 if scheme == "cpi-var" else -1
    text, parts[at] = parts[at], PLAIN
    tag = tag_uri_to_tag_encodable(f"urn:epc:tag:{scheme}:{'.'.join(parts)}")
    setattr(tag, ATTRIBUTES.get(scheme, "_serial"), text)
    return tag


def decoded(digits):
    """The URI that the decoder makes, before it is checked."""
    known = TAG_ENCODABLE_HEX_HEADERS[digits[:2]]
    reader = type(known.__name__, (known,), {"from_tag_uri": classmethod(lambda _, uri: uri)})
    return reader.from_binary(hex_to_binary(digits))


def judged(uri, digits):
    """What is wrong with a tag, or None."""
    scheme, rest = uri.split(":", 4)[3:]
    tag = of_uri(uri) if "%" in uri or scheme == "giai-202" else tag_uri_to_tag_encodable(uri)
    filter_value = types.SimpleNamespace(value=rest[0])
    encoded = tag.hex(filter_value=filter_value, binary_coding_scheme=type(tag).BinaryCodingScheme(scheme))
    if encoded.rstrip("0") != digits.rstrip("0"):
        return f"{uri} is encoded as {encoded}, not {digits}"
    read = decoded(digits)
    if read != uri:
        return f"{digits} is decoded as {read}, not {uri}"
    return None


def main():
    verdicts = {}
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            # URIs contain commas, digits do not.
            uri, digits = line.rstrip("\n").rsplit(",", 1)
            scheme = uri.split(":")[3]
            empty = {"scheme": scheme, "judge": "epcpy", "encoded": 0, "decoded": 0, "skipped": 0, "differences": []}
            verdict = verdicts.setdefault(scheme, empty)
            # It refuses 99, the largest number that fits: "Fixed width numeric integer too large".
            if scheme.startswith("itip") and "99" in uri.split(":", 4)[4].split(".")[3:5]:
                verdict["skipped"] += 1
                continue
            try:
                difference = judged(uri, digits)
            except Exception as error:  # The library has several exceptions.
                difference = f"{uri} {digits}: {type(error).__name__}: {error}"
            if difference:
                verdict["differences"].append(difference)
            else:
                verdict["encoded"] += 1
                verdict["decoded"] += 1
    for verdict in verdicts.values():
        print(json.dumps(verdict))


if __name__ == "__main__":
    main()
