#!/usr/bin/env python3
"""Reserves 2,000 codes of every type and downloads them as CSV.

    tests/judges/reserve.py PATH_OF_LOCAL DIRECTORY
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from system import EXAMPLE, TYPES, body_of, system  # noqa: E402

ROWS = 2_000


def main(binary, folder):
    with system(pathlib.Path(binary).resolve(), "--memory", "--parameter", "ShortCodeDomain=https://s.example") as local:
        wanted = {code_type: body_of(code_type, ROWS) for code_type in TYPES}
        wanted["example"] = {**EXAMPLE, "quantity": ROWS}
        wanted["rfid96"] = body_of("sgtin", ROWS, character_set="rfid96", length=12)
        wanted["suffix"] = body_of("grai", ROWS, url_suffix="?lot=A&who=me", length=16)
        reservations = {name: local.reserve(body) for name, body in wanted.items()}
        for name, reservation in reservations.items():
            local.download(local.wait(reservation)["export_file"], pathlib.Path(folder, f"{name}.csv"))


if __name__ == "__main__":
    main(*sys.argv[1:])
