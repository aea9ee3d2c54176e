#!/usr/bin/env python3
"""Checks RFID tags with third-party libraries ("judges").

    tests/rfid/judge.py TAGS.csv

Each line of the file is a tag URI and the hexadecimal digits that the service encodes it as. Each judge encodes the URI
and decodes the digits. Both must agree with the file: the digits without the zeros at the end, because libraries print
different numbers of them, and the URI.

    epcpy      every scheme; tags of an ITIP with 99 pieces, which it refuses, are skipped
    epc-tds    every scheme but itip-110, itip-212 and cpi-var, which it does not have

What the judges do differently is said in their scripts; it concerns how they read and print URIs, never the digits.

The first run installs the judges from PyPI and npm into their own directory (--tools). Needs python3 with venv, node and
npm. Exit status 1 on any difference.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON_JUDGES = ["epcpy==0.1.8"]
NODE_JUDGES = ["epc-tds@1.4.1"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tags", metavar="TAGS.csv")
    parser.add_argument("--tools", default=os.path.join(tempfile.gettempdir(), "rfid-judges"))
    arguments = parser.parse_args()
    python, node_path = install(os.path.abspath(arguments.tools))
    tags = os.path.abspath(arguments.tags)
    verdicts = run([python, os.path.join(HERE, "epcpy_judge.py"), tags])
    verdicts += run(["node", os.path.join(HERE, "tds_judge.mjs"), tags], {**os.environ, "JUDGES": node_path})
    sys.exit(report(verdicts))


def install(tools):
    """Installs the judges once; returns the Python interpreter and the directory of the Node packages."""
    python, node_path = os.path.join(tools, "python", "bin", "python"), os.path.join(tools, "node")
    wanted = "\n".join(PYTHON_JUDGES + NODE_JUDGES)
    stamp = os.path.join(tools, "installed")
    if not (os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted):
        os.makedirs(node_path, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", os.path.join(tools, "python")], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(pip + PYTHON_JUDGES, check=True)
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", node_path]
        subprocess.run(npm + NODE_JUDGES, check=True)
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(wanted)
    return python, node_path


def run(command, environment=None):
    """The verdicts that a judge prints, one JSON object per line."""
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return [json.loads(line) for line in process.stdout.splitlines()]


def report(verdicts):
    """Prints a line for each scheme and judge; returns the exit status."""
    print(f"{'scheme':10} {'judge':8} {'encoded':>8} {'decoded':>8} {'skipped':>8} {'differences':>12}")
    surprises, seen = 0, collections.Counter()
    for verdict in sorted(verdicts, key=lambda verdict: (verdict["scheme"], verdict["judge"])):
        differences = verdict["differences"]
        print(
            f"{verdict['scheme']:10} {verdict['judge']:8} {verdict['encoded']:8} {verdict['decoded']:8}"
            f" {verdict['skipped']:8} {len(differences):12}"
        )
        for difference in differences[:3]:
            print(f"    {difference}")
        surprises += len(differences)
        seen[verdict["judge"]] += bool(verdict["encoded"] and verdict["decoded"])
    # A judge that judges nothing must not pass.
    if seen["epcpy"] != 15 or seen["epc-tds"] != 12:
        print(f"schemes that were judged: {dict(seen)}, but 15 and 12 must be")
        return 1
    print(f"{surprises} differences")
    return 1 if surprises else 0


if __name__ == "__main__":
    main()
