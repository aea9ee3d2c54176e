"""The judge epcpy. Run by judge.py.

    epcpy_judge.py TAGS.csv

Prints one JSON object for each scheme.
"""

import json
import sys
import types

from epcpy.utils.parsers import hex_to_tag_encodable, tag_uri_to_tag_encodable


def judged(uri, digits):
    """What is wrong with a tag, or None."""
    scheme, rest = uri.split(":", 4)[3:]
    filter_value = types.SimpleNamespace(value=rest[0])
    tag = tag_uri_to_tag_encodable(uri)
    names = {"filter_value": filter_value, "binary_coding_scheme": type(tag).BinaryCodingScheme(scheme)}
    encoded = tag.hex(**names)
    if encoded.rstrip("0") != digits.rstrip("0"):
        return f"{uri} is encoded as {encoded}, not {digits}"
    decoded = hex_to_tag_encodable(digits).tag_uri(**names)
    # Filter values are not part of what epcpy decodes; the header of the digits gives the scheme.
    if decoded != uri:
        return f"{digits} is decoded as {decoded}, not {uri}"
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
