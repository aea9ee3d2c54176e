"""The rows of the benchmarks: always the same ones. Python standard library only."""

import json
import os
import pathlib
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import system  # noqa: E402

# The client `http` and Directus use it, too.
TOKEN = "local-token"
USERS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 5)]
ORGANISATIONS = [f"ORG-{n}" for n in range(10)]
STATUSES = ["new", "in_progress", "error"]
# The first row was created at this second of 2023; each further one a minute later.
BEGIN = 1_672_531_200


def moment(minutes):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(BEGIN + 60 * minutes))


def row(n, chance):
    status = STATUSES[n % 50] if n % 50 < 3 and n % 2 == 0 or n % 50 == 1 else "complete"
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)), "user_created": USERS[n % 4],
        "date_created": moment(n), "reserved_for": ORGANISATIONS[n % 10], "code_type": "sscc" if n % 10 == 7 else "sgtin",
        "quantity": 1 + n % 1000, "status": status, "export_type": "csv", "product": f"/01/0950600013{n % 100:04}",
        "quantity_reserved": 0, "reference_id": f"PO-{n // 20}", "purchase_order": f"Order {n // 1000} of n{n % 977}",
    }


def rows_of(count):
    """The rows, always the same ones."""
    chance = random.Random(1)
    return (row(n, chance) for n in range(count))


def write_seed(path, rows):
    """A seed of `local`, written row by row."""
    users = [{**system.SEED["directus_users"][0], "token": TOKEN}]
    users += [{"id": user, "status": "active", "role": "reader"} for user in USERS[1:]]
    organisations = [{"id": name, "organisation_name": name} for name in ORGANISATIONS]
    with open(path, "w", encoding="utf-8") as seed:
        seed.write('{"directus_users": ' + json.dumps(users) + ', "organisation": ' + json.dumps(organisations))
        seed.write(', "code_reservation": [\n')
        for n, one in enumerate(rows_of(rows)):
            seed.write((",\n" if n else "") + json.dumps(one))
        seed.write("\n]}")


def settle(running, patience=3600):
    """Waits until a system does nothing and counts are answered: then every row of its seed is counted. Gives the seconds."""
    ticks, begin = os.sysconf("SC_CLK_TCK"), time.monotonic()

    def spent():
        fields = pathlib.Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    def is_counted():
        path = "/items/code_reservation?aggregate[count]=*&groupBy=status"
        request = urllib.request.Request(running.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=300):
                return True
        except urllib.error.HTTPError:
            return False

    while time.monotonic() - begin < patience:
        before = spent()
        time.sleep(2)
        if spent() - before < 0.3 and is_counted():
            return time.monotonic() - begin
    raise SystemExit(f"the system is still busy after {patience} s")
