#!/usr/bin/env python3
"""Reserves codes of every type and downloads them in every format. The reservation is restarted for each format.

    tests/formats/reserve.py PATH_OF_LOCAL DIRECTORY

`check.py` then checks the files; those of one reservation must contain the same rows.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from system import TYPES, body_of, system  # noqa: E402

FORMATS = [plain + gz for plain in ["csv", "txt", "json", "ndjson", "yaml", "xml"] for gz in ["", ".gz"]] + ["xlsx"]
# A lot with characters that formats quote and escape, and dates.
LOT = {"lot": "<A>&'1,2;\"_x0041_", "expiry_date": "2027-12-31", "production_date": "2026-05-01"}
# Rows per type, and rows of one reservation whose file is uploaded in parts (more than 8 MiB of CSV).
FEW, MANY = 500, 70_000


def main(binary, folder):
    with system(pathlib.Path(binary).resolve(), "--memory", "--parameter", "ShortCodeDomain=https://s.example") as local:
        wanted = [(f"{code_type}-{FEW}", body_of(code_type, FEW)) for code_type in TYPES]
        wanted += [(f"{code_type}-lot", body_of(code_type, FEW, **LOT)) for code_type in ["sgtin", "itip"]]
        wanted += [("one", body_of("sgtin", 1))]
        wanted += [("parts", body_of("sgtin", MANY, url_suffix="?batch=A,1&who='me'"))]
        reservations = {name: local.reserve({**body, "export_type": FORMATS[0]}) for name, body in wanted}
        for export_type in FORMATS:
            for name, reservation in reservations.items():
                if export_type != FORMATS[0]:
                    again = {"status": "new", "export_type": export_type}
                    local.request("PATCH", f"/items/code_reservation/{reservation}", again)
            for name, reservation in reservations.items():
                file = local.wait(reservation)["export_file"]
                local.download(file, pathlib.Path(folder, f"{name}.{export_type}"))


if __name__ == "__main__":
    main(*sys.argv[1:])
