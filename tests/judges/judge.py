#!/usr/bin/env python3
"""Checks exports with third-party validators ("judges").

    tests/judges/judge.py EXPORT.csv...

Each argument is an export in CSV with the columns position, code, digital_link, element_string, epc_uri. A file with
the columns epc_join_key and barcode_data, too, is not an export; the library wrote it. The first 2,000 rows of each
(--rows) are given to these validators:

    biip           parses element string and Digital Link; reports a wrong check digit in a member of its result
    data           biip again: parses barcode_data, or what the rule of docs/codes.md makes of the element string
    zint           encodes the element string as GS1 DataMatrix, with its own check of every Application Identifier
    bwip-js        encodes element string and Digital Link as GS1 DataMatrix, with its own checks
    epcpy          turns the EPC URI into an element string and back; it does not check whether the code fits a 96-bit tag

All must accept every row, with one exception: the GTIN of the specification's own example, 19361758000003, has a
wrong check digit, and all must reject it. A short code is not a GS1 key; its rows are counted but not validated.

The first run installs the validators from PyPI and npm into their own directory (--tools, by default below the system's
directory for temporary files). Needs python3 with venv, node and npm. Exit status 1 on any unexpected result.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON_JUDGES = ["biip==5.2.0", "zint-bindings==1.2.2", "epcpy==0.1.8"]
NODE_JUDGES = ["bwip-js@4.11.4"]
# Only links.py needs it.
NODE_READERS = ["digital-link.js@1.4.3"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exports", nargs="+", metavar="EXPORT.csv")
    parser.add_argument("--rows", type=int, default=2000, help="rows to check per export")
    parser.add_argument(
        "--tools",
        default=default_tools(),
        help="directory in which the validators are installed",
    )
    arguments = parser.parse_args()

    python, node_path = install(os.path.abspath(arguments.tools))
    exports = [os.path.abspath(export) for export in arguments.exports]
    rows = str(arguments.rows)
    verdicts = run([python, os.path.join(HERE, "judges.py"), rows, *exports])
    environment = {**os.environ, "JUDGES": node_path}
    verdicts += run(["node", os.path.join(HERE, "judges.mjs"), rows, *exports], environment)
    sys.exit(report(verdicts))


def default_tools():
    return os.path.join(tempfile.gettempdir(), "code-judges")


def install(tools):
    """Installs the validators once; returns the Python interpreter and the directory of the Node packages."""
    python = os.path.join(tools, "python", "bin", "python")
    node_path = os.path.join(tools, "node")
    wanted = "\n".join(PYTHON_JUDGES + NODE_JUDGES + NODE_READERS)
    stamp = os.path.join(tools, "installed")
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted:
        return python, node_path
    os.makedirs(node_path, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", os.path.join(tools, "python")], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(pip + PYTHON_JUDGES, check=True)
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", node_path]
    subprocess.run(npm + NODE_JUDGES + NODE_READERS, check=True)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python, node_path


def run(command, environment=None):
    """The verdicts that a validator's process prints, one JSON object per line."""
    process = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    return [json.loads(line) for line in process.stdout.splitlines()]


def report(verdicts):
    """Prints a line for each export and validator; returns the exit status.

    A verdict counts the rows that had to be accepted or rejected, and lists the unexpected results.
    """
    surprises = 0
    for verdict in sorted(verdicts, key=lambda verdict: (verdict["export"], verdict["judge"])):
        name = os.path.basename(verdict["export"])
        print(
            f"{name:28} {verdict['judge']:8} accepted {verdict['accepted']:5}"
            f"  rejected as it must {verdict['rejected']:5}  unjudged {verdict['unjudged']:5}"
            f"  surprises {len(verdict['surprises']):5}"
        )
        if not any(verdict[key] for key in ("accepted", "rejected", "unjudged", "surprises")):
            verdict["surprises"].append({"row": "-", "what": "nothing to accept"})
        for surprise in verdict["surprises"][:3]:
            print(f"    row {surprise['row']}: {surprise['what']}")
        surprises += len(verdict["surprises"])
    print(f"{surprises} surprises" if surprises else "0 rejections beyond the one that must be")
    return 1 if surprises else 0


if __name__ == "__main__":
    main()
