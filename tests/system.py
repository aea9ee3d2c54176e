"""Starts a built `local` for scripts and sends requests to it as a client does. Standard library only."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A product key for each type that needs one. The organisations below have matching company prefixes.
PRODUCTS = {
    "sgtin": "/01/09506000134352",
    "grai": "/8003/09506000123455",
    "gdti": "/253/9506000654324",
    "itip": "/8006/095060001343520102",
    "cpi": "/8010/9506000AB#-12",
    "sgcn": "/255/9506000777771",
}
TYPES = ["sgtin", "sscc", "grai", "short_code", "giai", "gsrn", "gdti", "itip", "cpi", "sgcn"]
ORGANISATION = "/417/9506000111117"
# From the specification's own example, whose product has a wrong check digit.
EXAMPLE = {"reserved_for": "/417/9312345000012", "code_type": "sgtin", "product": "/01/19361758000003"}
TOKEN = "script-token"
LOG_OPERATIONS = "warn,aws_sdk_dynamodb=debug,aws_smithy_runtime::client::orchestrator=debug"
SEED = {
    "directus_users": [
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "status": "active",
            "role": "admin",
            "token": TOKEN,
        }
    ],
    "organisation": [
        {"id": ORGANISATION, "organisation_name": "Alpha", "organisation_company_prefix": "9506000"},
        {"id": EXAMPLE["reserved_for"], "organisation_name": "Beta", "organisation_company_prefix": "9312345"},
    ],
}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects, because the link must be read without the token."""

    def redirect_request(self, *_):
        return None


class System:
    """A running system."""

    def __init__(self, url, process):
        self.url = url
        self.process = process
        self.opener = urllib.request.build_opener(NoRedirect)

    def request(self, method, path, body=None):
        """The `data` of an answer."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with self.opener.open(request) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def reserve(self, body):
        """Creates a reservation and returns its id."""
        return self.request("POST", "/items/code_reservation", body)["id"]

    def delete(self, reservation):
        """Deletes a reservation and its file."""
        request = urllib.request.Request(f"{self.url}/items/code_reservation/{reservation}", method="DELETE")
        request.add_header("Authorization", f"Bearer {TOKEN}")
        self.opener.open(request).close()

    def wait(self, reservation, pause=0.02, watch=None):
        """Waits until a reservation ends and returns it; `watch` is called with each state that is read."""
        while True:
            item = self.request("GET", f"/items/code_reservation/{reservation}?fields=*")
            if watch:
                watch(item)
            if item["status"] == "complete":
                return item
            if item["status"] == "error":
                raise RuntimeError(f"{reservation}: {item['error_message']}")
            time.sleep(pause)

    def link(self, file):
        """The link to a file's bytes."""
        request = urllib.request.Request(f"{self.url}/assets/{file}?download")
        request.add_header("Authorization", f"Bearer {TOKEN}")
        try:
            self.opener.open(request)
        except urllib.error.HTTPError as answer:
            if answer.code == 302:
                return answer.headers["Location"]
            raise
        raise RuntimeError("an asset that is no redirect")

    def download(self, file, path):
        """Downloads a file to a path."""
        with urllib.request.urlopen(self.link(file)) as answer, open(path, "wb") as out:
            while block := answer.read(1 << 20):
                out.write(block)

    def read_range(self, file, first, last):
        """A range of a file's bytes, both ends included."""
        request = urllib.request.Request(self.link(file), headers={"Range": f"bytes={first}-{last}"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()


@contextlib.contextmanager
def system(binary, *options, log=None, organisations=(), rows=None, seed=None):
    """Runs a built `local` on a free port until the block ends. `log` receives its log, with every operation of the AWS SDK.
    `organisations` are further rows of organisations; `rows` replaces all rows of the seed, and `seed` is the file of a seed."""
    with tempfile.TemporaryDirectory() as folder:
        if seed is None:
            seed = pathlib.Path(folder, "seed.json")
            rows = rows or {**SEED, "organisation": [*SEED["organisation"], *organisations]}
            seed.write_text(json.dumps(rows), encoding="utf-8")
        command = [str(binary), "--port", "0", "--seed", str(seed), *options]
        levels = LOG_OPERATIONS if log else os.environ.get("RUST_LOG", "warn")
        errors = open(log, "w", encoding="utf-8") if log else None
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            env={**os.environ, "RUST_LOG": levels},
            cwd=folder,
        )
        try:
            line = process.stdout.readline()
            url = re.search(r"http://[0-9.:]+", line)
            if not url:
                raise RuntimeError(f"the system did not start: {line!r}")
            yield System(url.group(), process)
        finally:
            process.terminate()
            process.wait(timeout=30)
            if errors:
                errors.close()


def body_of(code_type, quantity, **more):
    """The body of a request for this number of codes of a type."""
    body = {"reserved_for": ORGANISATION, "code_type": code_type, "quantity": quantity, **more}
    if code_type in PRODUCTS:
        body["product"] = PRODUCTS[code_type]
    return body
