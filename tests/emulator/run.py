"""Checks that the deployed binaries work outside AWS. `proof` lists the checks in their order."""

import argparse
import contextlib
import csv
import io
import json
import os
import pathlib
import platform
import shutil
import sys
import time
import urllib.error
import urllib.request

from answers import observed, text_of
from functions import Functions
from stores import PATIENCE, Local, embedded, free_port, moto, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
ANSWER = ".answer.json"
TOKEN = "local-token"
RESERVATIONS = "/items/code_reservation"
# The first reservation in the README.
FIRST = {
    "reserved_for": "/417/9312345000012",
    "code_type": "sgtin",
    "quantity": 100,
    "export_type": "csv",
    "product": "/01/19361758000003",
    "reference_id": "BATCH-2024-001",
}
COLUMNS = ["position", "code", "digital_link", "element_string", "epc_uri"]
# Rows of a file with several parts of 8 MiB, and of a file whose export lasts long enough to be killed.
SEVERAL_PARTS = 200_000
LONG = 600_000


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=pathlib.Path, help="folder of the binaries (default: target/debug)")
    parser.add_argument("--release", action="store_true", help="use target/release")
    parser.add_argument("--record", action="store_true", help="rewrite the expected answers")
    parser.add_argument("--only", default="", help="only events whose path contains this text")
    chosen = parser.parse_args()
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    chosen.binaries = chosen.binaries or target / ("release" if chosen.release else "debug")
    return chosen


def emulator():
    machine = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    found = list(pathlib.Path(sys.prefix).glob(f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"))
    if not found:
        raise SystemExit("the emulator is not in the package aws-sam-cli")
    found[0].chmod(0o755)
    return found[0]


def proof(chosen, folder):
    """Every event on both engines; the README's first reservation through HTTP and the stream; a killed worker."""
    names = sorted(path.name for path in EVENTS.iterdir())
    missing = [name for name in [*names, "local"] if not (chosen.binaries / name).exists()]
    if missing:
        raise SystemExit(f"{chosen.binaries} lacks {', '.join(missing)}: cargo build --workspace")
    program = emulator()
    local = chosen.binaries / "local"
    failures = []

    def functions(engine):
        return Functions(program, chosen.binaries, names, engine.environment, folder / engine.name)

    ports = [free_port() for _ in range(3)]
    with embedded(local, folder / "events", ports) as own, functions(own) as called:
        failures += events(own, called, chosen)
        if not chosen.only:
            with moto(folder / "moto", own) as other:
                with functions(other) as called:
                    failures += events(other, called, chosen)
                    large_export_by_events(other, called)
    if not chosen.only:
        over_http(program, chosen.binaries, names, folder / "http")
    return failures


def events(engine, functions, chosen):
    """Invokes every function with each of its events, always on the same rows and objects."""
    rows, objects = starting_point()
    failures = []
    count = 0
    for path in sorted(EVENTS.glob("*/*.json")):
        name = path.relative_to(EVENTS).as_posix()
        if name.endswith(ANSWER) or chosen.only not in name:
            continue
        engine.restore(rows, objects)
        event = json.loads(path.read_text(encoding="utf-8"))
        before = (engine.rows(), engine.objects())
        seen = text_of(observed(engine, event, functions[path.parent.name].invoke, before))
        expected = path.with_name(path.stem + ANSWER)
        if chosen.record and engine.name == "embedded":
            expected.write_text(seen, encoding="utf-8")
        elif not expected.exists() or expected.read_text(encoding="utf-8") != seen:
            failures.append(f"{engine.name}: {name}")
            got = pathlib.Path(sys.prefix, "run", engine.name, f"{path.parent.name}-{expected.name}")
            got.write_text(seen, encoding="utf-8")
            print(f"not as expected on {engine.name}: diff {expected.relative_to(ROOT)} {got}")
        count += 1
    print(f"{engine.name}: {count} events, {count - len(failures)} as expected")
    return failures


def starting_point():
    """The rows and objects before every event: two reservations, one complete with its file, one new."""
    held = json.loads((ROOT / "tests/emulator/rows.json").read_text(encoding="utf-8"))
    keys = {
        "POOLS_TABLE": ["namespace", "entry"],
        "DIRECTORY_TABLE": ["kind", "id"],
        "REQUESTS_TABLE": ["key"],
        "TALLIES_TABLE": ["tally", "key"],
    }
    rows = {
        table: {tuple(item[key]["S"] for key in keys.get(table, ["id"])): item for item in items}
        for table, items in held["rows"].items()
    }
    return rows, held["objects"]


class Api:
    """A client of the HTTP API."""

    def __init__(self, url):
        self.url = url
        self.opener = urllib.request.build_opener(NoRedirect)

    def open(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        return self.opener.open(request, timeout=PATIENCE)

    def data(self, method, path, body=None):
        with self.open(method, path, body) as answer:
            return json.load(answer)["data"]

    def completed(self, reservation):
        def look():
            item = self.data("GET", f"{RESERVATIONS}/{reservation}?fields=*")
            if item["status"] == "error":
                raise RuntimeError(f"{reservation}: {item['error_message']}")
            return item if item["status"] == "complete" else None

        return wait_until(f"{reservation} is complete", look, patience=600)

    def link(self, file):
        try:
            self.open("GET", f"/assets/{file}")
        except urllib.error.HTTPError as answer:
            if answer.code == 302:
                return answer.headers["Location"]
            raise
        raise RuntimeError("an asset that is no redirect")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects, because the link must be read without the token."""

    def redirect_request(self, *_):
        return None


def check_file(link, quantity):
    """Checks that the file behind a link has this number of distinct codes, in order."""
    with urllib.request.urlopen(link, timeout=PATIENCE) as answer:
        reader = csv.reader(io.TextIOWrapper(answer, encoding="utf-8", newline=""))
        assert next(reader) == COLUMNS
        codes = set()
        for position, row in enumerate(reader, start=1):
            assert row[0] == str(position) and row[2].endswith(f"/21/{row[1]}"), row
            codes.add(row[1])
    assert len(codes) == position == quantity, f"{len(codes)} codes in {position} rows, {quantity} were asked for"


def over_http(program, binaries, names, folder):
    """The gateway and the stream reader of `local` call every function under its emulator; none runs in `local` itself."""
    ports = [free_port() for _ in range(3)]
    # The first start creates the environment that the emulators need, before anything calls them.
    with embedded(binaries / "local", folder, ports, "--parameter", "SliceSeconds=1") as engine:
        environment = engine.environment
    with contextlib.ExitStack() as stack:
        functions = stack.enter_context(Functions(program, binaries, names, environment, folder / "functions"))
        endpoints = [text for name in names for text in ("--invoke-endpoint", f"{name}={functions[name].url}")]
        local = Local(binaries / "local", folder, ports, "--parameter", "SliceSeconds=1", *endpoints)
        stack.callback(local.end)
        assert local.environment == environment, "the environment lasts over a restart"
        api = Api(local.url)
        for quantity in (FIRST["quantity"], SEVERAL_PARTS):
            reservation = api.data("POST", RESERVATIONS, {**FIRST, "quantity": quantity})["id"]
            done = api.completed(reservation)
            assert done["quantity_reserved"] == quantity
            check_file(api.link(done["export_file"]), quantity)
            print(f"over HTTP and the stream: {quantity} codes reserved and exported")
        called = {name: functions[name].invocations() for name in names}
        for name in ("create-reservations", "get-reservation", "files", "reserve-codes", "sweep"):
            assert called[name] > 0, f"{name} was not called through its emulator: {called}"
        killed_worker(api, functions["reserve-codes"], engine)
        failures = folder / "failures.jsonl"
        assert not failures.exists(), failures.read_text(encoding="utf-8")
    secret = (folder / "secret").read_text(encoding="ascii")
    keys = [environment["AWS_SECRET_ACCESS_KEY"], secret, "X-Amz-Signature"]
    for log in folder.rglob("*.log"):
        text = log.read_text(encoding="utf-8", errors="replace")
        assert not any(key in text for key in keys), f"{log} holds a key, the secret or a link"


def killed_worker(api, emulator, engine):
    """SIGKILL for reserve-codes while it uploads parts of an export; the stream delivers the record again."""
    reservation = api.data("POST", RESERVATIONS, {**FIRST, "quantity": LONG})["id"]

    def parts():
        for upload in engine.uploads():
            if reservation in upload["Key"]:
                where = {"Bucket": engine.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
                return len(engine.s3.list_parts(**where).get("Parts", []))
        return 0

    wait_until("a part of the export is there", parts)
    before = api.data("GET", f"{RESERVATIONS}/{reservation}?fields=status,quantity_reserved")
    assert before["status"] == "in_progress", f"it was not killed in the middle: {before}"
    killed = emulator.kill_worker()
    done = api.completed(reservation)
    assert emulator.worker() not in (None, killed), "another process has done the rest"
    check_file(api.link(done["export_file"]), LONG)
    assert not engine.uploads(), "no upload is left open"
    print(f"reserve-codes was killed in the middle of a slice: {LONG} codes all the same")


def large_export_by_events(engine, functions):
    """A file of several parts on an engine without a stream reader: this function creates the stream records."""
    rows, objects = starting_point()
    engine.restore(rows, objects)
    post = json.loads((EVENTS / "create-reservations/post.json").read_text(encoding="utf-8"))
    post["body"] = json.dumps({**FIRST, "quantity": SEVERAL_PARTS})
    reservation = json.loads(functions["create-reservations"].invoke(post)["body"])["data"]["id"]
    table = engine.environment["RESERVATIONS_TABLE"]
    record = json.loads((EVENTS / "reserve-codes/insert.json").read_text(encoding="utf-8"))

    def read():
        answer = engine.dynamodb.get_item(TableName=table, Key={"id": {"S": reservation}}, ConsistentRead=True)
        return answer["Item"]

    invocations = 0
    # Each slice lasts five seconds; a tenth of these invocations is enough.
    while (item := read())["status"]["S"] not in ("complete", "error") and invocations < 50:
        change = record["Records"][0]["dynamodb"]
        change |= {"Keys": {"id": item["id"]}, "NewImage": item}
        answer = functions["reserve-codes"].invoke(record)
        assert answer == {"batchItemFailures": []}, answer
        invocations += 1
    assert item["status"]["S"] == "complete", f"after {invocations} invocations: {item}"
    file = engine.dynamodb.get_item(TableName=engine.environment["FILES_TABLE"], Key={"id": item["export_file"]})["Item"]
    link = engine.s3.generate_presigned_url(
        "get_object", Params={"Bucket": engine.bucket, "Key": file["s3_key"]["S"]}, ExpiresIn=600
    )
    check_file(link, SEVERAL_PARTS)
    assert not engine.uploads(), "no upload is left open"
    print(f"{engine.name}: {SEVERAL_PARTS} codes in a file of several parts, {invocations} invocations")


def main():
    chosen = options()
    begun = time.monotonic()
    # Kept until the next run, because it contains the functions' logs.
    folder = pathlib.Path(sys.prefix, "run")
    shutil.rmtree(folder, ignore_errors=True)
    failures = proof(chosen, folder)
    if failures:
        raise SystemExit("not as expected: " + ", ".join(failures))
    print(f"all as expected ({time.monotonic() - begun:.0f} s)")


if __name__ == "__main__":
    main()
