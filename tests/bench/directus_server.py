"""A real Directus with a database of its own, for the benchmarks. Python standard library only.

`node` must be Node.js 22 or later: that of the package `node` in the same folder, or the one on the PATH.
"""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
import uuid

from rows import TOKEN

NODE, PACKAGES = "node@22", ["directus@12", "sqlite3"]


def installed(folder):
    """Installs Directus in a folder, if it is not there. Gives the folder."""
    if not (folder / "node_modules" / "directus").exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Its web pages are not served, so any version of them will do; the exact one is not in every registry.
        view = ["npm", "view", "@directus/app", "version"]
        pages = subprocess.run(view, check=True, stdout=subprocess.PIPE, encoding="utf-8", timeout=60).stdout.strip()
        package = {"private": True, "overrides": {"@directus/app": pages}}
        (folder / "package.json").write_text(json.dumps(package), encoding="utf-8")
        # Its native modules must be built for this version of Node.js.
        install = ["npm", "install", "--no-audit", "--no-fund"]
        subprocess.run([*install, NODE], cwd=folder, check=True, timeout=3_600)
        environment = {**os.environ, "PATH": f"{folder / 'node_modules' / '.bin'}:{os.environ['PATH']}"}
        for headers in folder.glob("node_modules/**/include/node/node.h"):
            # A copy, because npm moves packages while it installs others.
            shutil.copytree(headers.parents[1], folder / "headers" / "include", dirs_exist_ok=True)
            environment["npm_config_nodedir"] = str((folder / "headers").resolve())
        subprocess.run([*install, *PACKAGES], cwd=folder, env=environment, check=True, timeout=3_600)
    return folder


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Sqlite:
    """A file of SQLite."""

    name = "SQLite"

    def __init__(self, home):
        self.path = home / "data.db"
        self.environment = {"DB_CLIENT": "sqlite3", "DB_FILENAME": str(self.path)}

    def insert(self, table, columns, rows):
        database = sqlite3.connect(self.path, timeout=60)
        marks = ", ".join("?" * len(columns))
        database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        database.commit()
        database.close()

    def run(self, *statements):
        database = sqlite3.connect(self.path, timeout=60)
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()

    def date(self, milliseconds):
        return milliseconds

    def stop(self):
        pass


class Postgres:
    """A server of PostgreSQL as Debian's package `postgresql` installs it, with its defaults."""

    name = "PostgreSQL"

    def __init__(self, home):
        self.bin = self.found()
        # PostgreSQL refuses to run as root.
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.data, self.port = home / "postgres", free_port()
        self.data.mkdir()
        if self.user:
            for path in (home, self.data):
                os.chmod(path, 0o755)
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)
        self.call("initdb", "--pgdata", self.data, "--username=directus", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data}"
        self.call("pg_ctl", "start", "--wait", "--pgdata", self.data, "--log", self.data / "log", "--options", options)
        self.call("createdb", *self.where(), "directus")
        self.environment = {"DB_CLIENT": "pg", "DB_HOST": "127.0.0.1", "DB_PORT": str(self.port), "DB_DATABASE": "directus",
                            "DB_USER": "directus", "DB_PASSWORD": "any"}

    @staticmethod
    def found():
        """The folder of the programs; None where PostgreSQL is not installed."""
        folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        path = folders[-1] if folders else shutil.which("initdb")
        return pathlib.Path(path).parent if path else None

    def where(self):
        return ["--host=127.0.0.1", f"--port={self.port}", "--username=directus"]

    def call(self, program, *arguments, **more):
        identity = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        command = [str(self.bin / program), *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.data, **identity, **more)

    def insert(self, table, columns, rows):
        def shown(value):
            return "\\N" if value is None else str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

        copy = f"\\copy {table} ({', '.join(columns)}) FROM pstdin"
        command = [str(self.bin / "psql"), *self.where(), "--quiet", "--dbname=directus", f"--command={copy}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, encoding="utf-8") as psql:
            for row in rows:
                psql.stdin.write("\t".join(map(shown, row)) + "\n")
            psql.stdin.close()
            if psql.wait() != 0:
                raise RuntimeError("the rows could not be copied")

    def run(self, *statements):
        self.call("psql", *self.where(), "--quiet", "--dbname=directus", "--set=ON_ERROR_STOP=1",
                  *(f"--command={statement}" for statement in statements))

    def date(self, milliseconds):
        return time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(milliseconds / 1000))

    def stop(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.call("pg_ctl", "stop", "--wait", "--mode=fast", "--pgdata", self.data)


class Directus:
    """A running Directus with its own database."""

    def __init__(self, folder, home, database=Sqlite):
        self.log, self.port = home / f"log-{database.name}", free_port()
        package = folder / "node_modules" / "directus"
        self.version = json.loads((package / "package.json").read_text())["version"]
        node = folder / "node_modules" / ".bin" / "node"
        self.command = [str(node) if node.exists() else "node", str(package / "cli.js")]
        self.database = database(home)
        self.environment = {
            **os.environ, **self.database.environment, "SECRET": uuid.uuid4().hex,
            "ADMIN_EMAIL": "admin@example.com", "ADMIN_PASSWORD": uuid.uuid4().hex, "ADMIN_TOKEN": TOKEN,
            "HOST": "127.0.0.1", "PORT": str(self.port), "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "SERVE_APP": "false", "TELEMETRY": "false", "LOG_LEVEL": "error", "CACHE_ENABLED": "false",
            "RATE_LIMITER_ENABLED": "false", "ACCEPT_TERMS": "true"}
        self.process = None

    def __enter__(self):
        with self.log.open("w") as log:
            try:
                subprocess.run([*self.command, "bootstrap"], env=self.environment, stdout=log, stderr=log, check=True, timeout=300)
            except subprocess.SubprocessError as error:
                self.database.stop()
                raise RuntimeError(f"Directus did not start:\n{self.log.read_text()}") from error
            self.process = subprocess.Popen([*self.command, "start"], env=self.environment, stdout=log, stderr=log)
        for _ in range(600):
            try:
                self.request("GET", "/users/me")
                return self
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.2)
        self.__exit__()
        raise RuntimeError(f"Directus did not start:\n{self.log.read_text()}")

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.database.stop()

    def request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def make_collections(self, organisations):
        def field(name, kind="string", special=None, key=False, default=None):
            schema = None if kind == "alias" else {"is_primary_key": key, "default_value": default}
            return {"field": name, "type": kind, "schema": schema, "meta": {"special": special}}

        texts = ["url_suffix", "product", "reference_id", "purchase_order", "reserved_for", "code_type"]
        collections = {
            "organisation": [field("id", key=True), field("organisation_name")],
            "code_reservation": [
                field("id", "uuid", ["uuid"], True),
                field("user_created", "uuid", ["user-created"]), field("date_created", "timestamp", ["date-created"]),
                field("user_updated", "uuid", ["user-updated"]), field("date_updated", "timestamp", ["date-updated"]),
                field("quantity", "integer"), field("quantity_reserved", "integer"), field("status", default="new"),
                field("export_type", default="csv"), field("export_file", "uuid"), field("error_message", "text"),
                *map(field, texts), field("codes", "alias", ["o2m"])],
            "unique_code": [field("id", "uuid", ["uuid"], True), field("code"), field("reservation", "uuid")]}
        for name, fields in collections.items():
            self.request("POST", "/collections", {"collection": name, "schema": {}, "meta": {}, "fields": fields})
        for many, member, one, back in [("unique_code", "reservation", "code_reservation", "codes"),
                                        ("code_reservation", "reserved_for", "organisation", None)]:
            relation = {"collection": many, "field": member, "related_collection": one, "schema": {}}
            self.request("POST", "/relations", {**relation, "meta": {"one_field": back}})
        for name in organisations:
            self.request("POST", "/items/organisation", {"id": name, "organisation_name": name})
