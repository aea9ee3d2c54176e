#!/usr/bin/env python3
"""Checks with the readers of GS1 Digital Link that neither a suffix nor a domain changes what a link identifies.

    tests/judges/links.py PATH_OF_LOCAL [--tools DIRECTORY]

suffixes.json lists suffixes, domains and lots that the service must accept or refuse. Each accepted one is reserved
with, for every type of code, and each link is given to three readers:

    biip           of PyPI
    toolkit        GS1's Digital Link toolkit for JavaScript, as the npm package digital-link.js contains it
    bwip-js        of npm

All must read the identifiers of the code, its lot and its dates, and nothing else. There are two exceptions. A suffix
with the short name of an attribute such as `lot`, which Digital Link 1.2 deprecated, is accepted; all must still read the
identifiers of the code, and the output says which readers read the attribute too. Lots that the standard allows and some
readers do not ("rare_lots") are accepted, and the output says by whom they are not read. For a refused suffix, the output
says which readers it would have misled; some are refused because of other readers.

Exit status 1 on any unexpected result.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from judge import default_tools, install  # noqa: E402
from system import TYPES, body_of, system  # noqa: E402

TYPES = [code_type for code_type in TYPES if code_type != "short_code"]
DATED_TYPES = ["sgtin", "itip"]
CASES = json.loads(HERE.joinpath("suffixes.json").read_text(encoding="utf-8"))
DOMAINS = CASES["domains"]["accepted"] + CASES["domains"]["refused"]


def organisation_of(domain):
    return f"DOMAIN-{DOMAINS.index(domain)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("local", metavar="PATH_OF_LOCAL")
    parser.add_argument("--tools", default=default_tools(), help="directory in which the readers are installed")
    arguments = parser.parse_args()
    python, node_path = install(os.path.abspath(arguments.tools))

    organisations = [
        {"id": organisation_of(domain), "organisation_company_prefix": "9506000", "digital_link_domain": domain}
        for domain in DOMAINS
    ]
    surprises, links = [], []
    with system(pathlib.Path(arguments.local).resolve(), "--memory", organisations=organisations) as local:
        for suffix in CASES["accepted"]:
            links += [("suffix", suffix, *code) for code in codes(local, url_suffix=suffix)]
        for suffix in CASES["short_names"]:
            links += [("short name", suffix, *code) for code in codes(local, url_suffix=suffix)]
        for domain in CASES["domains"]["accepted"]:
            links += [("domain", domain, *code) for code in codes(local, reserved_for=organisation_of(domain))]
        for suffix in CASES["refused"]:
            if accepts(local, url_suffix=suffix):
                surprises.append(f"suffix {suffix!r} is accepted")
        for domain in CASES["domains"]["refused"]:
            if accepts(local, reserved_for=organisation_of(domain)):
                surprises.append(f"domain {domain!r} is accepted")
        for kind, lots in (("lot", CASES["lots"]), ("rare lot", CASES["rare_lots"])):
            for lot in lots:
                links += [(kind, lot, *code) for code in dated_codes(local, lot)]
        for lot in CASES["refused_lots"]:
            if accepts(local, lot=lot):
                surprises.append(f"lot {lot!r} is accepted")
        plain = codes(local)
    # What a refused suffix would have done to the link of an sgtin.
    link, elements = plain[0]
    for suffix in CASES["refused"]:
        would_be = link + (suffix if suffix.startswith(("?", "/", "#")) else "?" + suffix)
        links.append(("refused", suffix, would_be, elements))

    readings = read([python, str(HERE / "readers.py")], links)
    readings |= read(["node", str(HERE / "readers.mjs")], links, {**os.environ, "JUDGES": node_path})
    report(links, readings, surprises)
    sys.exit(1 if surprises else 0)


def dated_codes(local, lot):
    """A link and the elements for one code of each type that has lot and dates."""
    dates = {"production_date": "2026-05-01", "best_before": "2027-11-30", "expiry_date": "2028-02-29"}
    elements = [("10", lot), ("11", "260501"), ("15", "271130"), ("17", "280229")]
    found = codes(local, DATED_TYPES, lot=lot, url_suffix="?k=v", **dates)
    return [(link, identifiers + elements) for link, identifiers in found]


def codes(local, types=TYPES, **more):
    """A link and the identifiers for one code of each type."""
    wanted = [body_of(code_type, 1, **more) for code_type in types]
    made = local.request("POST", "/items/code_reservation", wanted)
    found = []
    for item in made:
        local.wait(item["id"])
        query = f"filter[reservation][_eq]={item['id']}&fields=digital_link,epc_join_key"
        code = local.request("GET", f"/items/unique_code?{query}")[0]
        found.append((code["digital_link"], re.findall(r"\((\d{2,4})\)([^(]*)", code["epc_join_key"])))
    return found


def accepts(local, **more):
    try:
        local.wait(local.reserve(body_of("sgtin", 1, **more)))
        return True
    except RuntimeError as error:
        if any(member in str(error) for member in ("url_suffix", "digital_link_domain", '"lot')):
            return False
        raise


def read(command, links, environment=None):
    """What each reader of a process reads in each link: {(reader, link): identifiers or a complaint}."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(sorted({link for _, _, link, _ in links}), file)
        file.flush()
        process = subprocess.run(
            [*command, file.name], env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True
        )
    readings = {}
    for line in process.stdout.splitlines():
        reading = json.loads(line)
        elements = reading["elements"]
        readings[reading["reader"], reading["link"]] = elements and sorted(map(tuple, elements))
    return readings


def report(links, readings, surprises):
    """Prints a line for each kind of link and reader, and adds to the surprises what must not be."""
    readers = sorted({reader for reader, _ in readings})
    for kind in ("suffix", "domain", "lot", "short name", "rare lot", "refused"):
        of_kind = [(text, link, elements) for each, text, link, elements in links if each == kind]
        for reader in readers:
            changed = {}
            for text, link, elements in of_kind:
                reading = readings[reader, link]
                if reading != sorted(elements):
                    changed.setdefault(text, (link, reading))
                if kind == "short name" and not set(elements) <= set(reading or []):
                    surprises.append(f"{reader} reads {reading} in {link} (short name {text!r})")
            print(f"{kind:10} {reader:8} {len(of_kind):4} links, read differently because of {len(changed)} texts")
            if kind in ("suffix", "domain", "lot"):
                surprises += [
                    f"{reader} reads {reading} in {link} ({kind} {text!r})" for text, (link, reading) in changed.items()
                ]
    misled = {}
    for kind, text, link, elements in links:
        if kind in ("short name", "rare lot", "refused"):
            found = {reader for reader in readers if readings[reader, link] != sorted(elements)}
            misled.setdefault((kind, text), set()).update(found)
    for (kind, text), found in misled.items():
        print(f"    {kind} {text!r}: {', '.join(sorted(found)) or 'no reader here'}")
    for surprise in surprises:
        print(surprise)
    print(f"{len(surprises)} surprises")


if __name__ == "__main__":
    main()
