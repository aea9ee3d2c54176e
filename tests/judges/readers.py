"""The reader that is a Python package: biip. Run by links.py.

    readers.py LINKS.json

Prints one JSON object for each link: the identifiers in it, or null if biip cannot read it.
"""

import json
import sys

from biip.gs1_digital_link_uris import GS1DigitalLinkURI


def elements(link):
    try:
        found = GS1DigitalLinkURI.parse(link).element_strings
        return [[element.ai.ai, element.value] for element in found]
    except Exception:  # biip's own errors, and those of urllib for links that are no URIs.
        return None


with open(sys.argv[1], encoding="utf-8") as file:
    for each in json.load(file):
        print(json.dumps({"reader": "biip", "link": each, "elements": elements(each)}))
