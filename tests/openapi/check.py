"""Holds a running `local` against its OpenAPI document and its GraphQL schemas. `STEPS` lists the steps."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import openapi_spec_validator
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from system import system  # noqa: E402

HERE = ROOT / "tests/openapi"
SEED = json.loads((HERE / "seed.json").read_text(encoding="utf-8"))
ORGANISATION = SEED["organisation"][0]["id"]
# Who calls, and the share of the time that random requests take. None has no token.
CALLERS = {"admin": 0.55, "writer": 0.2, "reader": 0.15, "none": 0.05, None: 0.05}
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
DOCUMENT = "/server/specs/oas"
# The most seconds for one request.
PAUSE = 30
# Writes of users and organisations are random last, since they end the rights of those who call.
ADMINISTRATION = "^(create|update|delete)(User|Organisation)"


def get(url, token=None):
    """The status, the headers and the body of an answer."""
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=PAUSE) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def token_of(role):
    return f"{role}-token" if role else None


def document(url, role):
    status, _, text = get(url + DOCUMENT, token_of(role))
    assert status == 200, (role, status, text)
    return json.loads(text)


def validate(running, folder, chosen):
    """The document of each caller is one of OpenAPI 3.1, and the file in the repository is the administrator's."""
    served = {role: document(running.url, role) for role in CALLERS}
    for role, text in served.items():
        openapi_spec_validator.validate(text)
        sizes = (len(text["paths"]), len(text.get("components", {}).get("schemas", {})))
        print(f"  {role or 'nobody'}: OpenAPI {text['openapi']}, {sizes[0]} paths, {sizes[1]} schemas")
    written = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text(encoding="utf-8"))
    assert written == served["admin"], "docs/openapi.yaml is not the document that an administrator gets"


def sharpened(described, known):
    """A document from which more requests reach rows: names of members are those that exist, and half of the ids."""

    def walk(value):
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {name: walk(item) for name, item in value.items()}
        forms = value.get("anyOf", [])
        if any("enum" in form for form in forms) and {"type": "string", "minLength": 1} in forms:
            value["anyOf"] = [form for form in forms if "enum" in form]
        return value

    described = walk(described)
    for path, item in described["paths"].items():
        for parameter in item.get("parameters", []):
            ids = known.get(path.split("/{")[0], [])
            if parameter["name"] == "id" and ids:
                parameter["schema"] = {"anyOf": [{"enum": ids}, parameter["schema"]]}
    return described


def reserved(running):
    """The ids of rows for random requests, by path: some of them are reserved before."""
    headers = {"Authorization": f"Bearer {token_of('admin')}", "Content-Type": "application/json"}
    rows = [{"reserved_for": ORGANISATION, "code_type": kind, "quantity": 5} for kind in ("sscc", "giai", "short_code")]
    request = urllib.request.Request(f"{running.url}/items/code_reservation", json.dumps(rows).encode(), headers)
    with urllib.request.urlopen(request, timeout=PAUSE) as answer:
        new = [row["id"] for row in json.load(answer)["data"]]
    known = {
        "/items/code_reservation": [*new, *(row["id"] for row in SEED["code_reservation"])],
        "/files": [row["id"] for row in SEED["directus_files"]],
        "/users": [row["id"] for row in SEED["directus_users"]],
        "/items/organisation": [ORGANISATION],
        "/items/unique_code": [],
    }
    for _ in range(200):
        status, _, text = get(f"{running.url}/items/unique_code?filter[reservation][_eq]={new[-1]}", token_of("admin"))
        known["/items/unique_code"] = [row["id"] for row in json.loads(text)["data"]]
        if known["/items/unique_code"]:
            break
        time.sleep(0.1)
    assert known["/items/unique_code"], "the codes were not reserved"
    known["/assets"] = known["/files"]
    return known


def random_requests(running, folder, chosen):
    """Random requests: no 5xx, and no answer that the document does not have."""
    failed = []
    known = reserved(running)
    # The administrator who calls is not among the users that are named.
    others = known | {"/users": [row["id"] for row in SEED["directus_users"] if row["token"] != token_of("admin")]}
    runs = [(role, share, "exclude", known) for role, share in CALLERS.items()]
    for role, share, choice, ids in [*runs, ("admin", 0.2, "include", others)]:
        path = folder / f"{role}.json"
        path.write_text(json.dumps(sharpened(document(running.url, role), ids)), encoding="utf-8")
        seconds = max(3, round(chosen.seconds * share))
        command = [
            str(chosen.tools / "bin/schemathesis"),
            "--config-file",
            str(HERE / "schemathesis.toml"),
            "run",
            str(path),
            "--url",
            running.url,
            f"--{choice}-operation-id-regex",
            ADMINISTRATION,
            "--checks",
            ",".join(CHECKS),
            "--phases",
            "examples,coverage,fuzzing",
            "--seed",
            str(chosen.seed),
            "--max-time",
            str(seconds),
            "--max-redirects",
            "0",
            "--request-timeout",
            str(PAUSE),
            "--generation-database",
            "none",
            "--no-color",
            "--warnings",
            "off",
        ]
        if role:
            command += ["--header", f"Authorization: Bearer {token_of(role)}"]
        print(f"  {role or 'nobody'}, {choice} {ADMINISTRATION}: {seconds} s", flush=True)
        result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")
        if result.returncode != 0:
            print(result.stdout[-20_000:], result.stderr[-2_000:])
            failed.append(role)
        else:
            print("    " + "\n    ".join(line for line in result.stdout.splitlines()[-6:] if line.strip()))
        assert running.process.poll() is None, "the system ended"
    assert get(running.url + "/server/health")[0] == 200, "the system does not answer any more"
    if failed:
        raise SystemExit(f"answers outside the document for {failed}")


def types(running, folder, chosen):
    """A generator makes types of the document, and a client that is written with them compiles and runs."""
    program = chosen.tools.resolve() / "node_modules/.bin"
    work = chosen.tools.resolve() / "client"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    generate = [program / "openapi-typescript", ROOT / "docs/openapi.yaml", "--output", work / "api.ts"]
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    for name in ["client.ts", "wrong.ts"]:
        shutil.copy(HERE / name, work)
    compile_to = [program / "tsc", "--strict", "--types", "node", "--module", "nodenext", "--target", "es2022"]
    (work / "package.json").write_text('{"type": "module"}')
    subprocess.run([*compile_to, "client.ts"], cwd=work, check=True)
    wrong = subprocess.run([*compile_to, "--noEmit", "wrong.ts"], cwd=work, capture_output=True, encoding="utf-8")
    # Each line with a mistake is reported, and no other.
    expected = [n for n, line in enumerate((HERE / "wrong.ts").read_text().splitlines(), 1) if "// wrong" in line]
    reported = {int(line.split("(")[1].split(",")[0]) for line in wrong.stdout.splitlines() if "wrong.ts(" in line}
    assert reported == set(expected), (expected, wrong.stdout)
    subprocess.run(["node", work / "client.js", running.url, token_of("admin")], check=True)


def graphql(running, folder, chosen):
    """graphql-js reads the schema of each caller, and it is the one that introspection shows."""
    work = chosen.tools.resolve() / "schemas.mjs"
    shutil.copy(HERE / "schemas.mjs", work)
    tokens = [token_of(role) or "" for role in CALLERS]
    subprocess.run(["node", work, running.url, *tokens], check=True)


STEPS = [validate, graphql, types, random_requests]


def running_of(chosen):
    # A random filter with many members is longer than what the gateway takes, and would say nothing but that.
    return system(chosen.binary, "--memory", "--long-requests", rows=SEED)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=80, help="how long random requests are sent")
    parser.add_argument("--seed", type=int, default=1, help="where the random requests begin")
    parser.add_argument("--only", default="", help="the name of the only step to run")
    chosen = parser.parse_args()
    chosen.binary, chosen.tools = str(pathlib.Path(chosen.binary).resolve()), chosen.tools.resolve()
    with tempfile.TemporaryDirectory() as folder, running_of(chosen) as running:
        for step in STEPS:
            if chosen.only in step.__name__:
                print(f"{step.__name__}: {step.__doc__}", flush=True)
                step(running, pathlib.Path(folder), chosen)


if __name__ == "__main__":
    main()
