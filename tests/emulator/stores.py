"""The two engines for the functions: the embedded stores of `local`, and moto, a third-party implementation."""

import contextlib
import hashlib
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import boto3
import botocore.config

REGION = "eu-central-1"
# The expected answers contain codes, which depend on this secret. No deployment uses it.
SECRET = "Emulator0" * 7 + "X"
TABLES = ["RESERVATIONS_TABLE", "POOLS_TABLE", "FILES_TABLE", "DIRECTORY_TABLE", "REQUESTS_TABLE", "TALLIES_TABLE"]
# Maximum seconds before anything counts as failed. Not a promise of speed.
PATIENCE = 120
# Objects up to this size in bytes are part of the expected answers as text.
SHOWN = 20_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, look, patience=PATIENCE):
    """Waits for a true value of `look` and returns it."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if seen := look():
            return seen
        time.sleep(0.05)
    raise RuntimeError(f"waited in vain until {what}")


def end(process):
    """Ends a process that this script started, in whatever state."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Engine:
    """Running stores, and the environment for functions that use them."""

    def __init__(self, name, environment):
        self.name = name
        self.environment = environment
        keys = {
            "region_name": REGION,
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        }
        path_style = botocore.config.Config(s3={"addressing_style": "path"})
        self.dynamodb = boto3.client("dynamodb", endpoint_url=environment["DYNAMODB_ENDPOINT"], **keys)
        self.s3 = boto3.client("s3", endpoint_url=environment["S3_ENDPOINT"], config=path_style, **keys)
        self.bucket = environment["EXPORTS_BUCKET"]
        self.schemas = {}

    def schema(self, table):
        """The parameters that create this table."""
        if table not in self.schemas:
            described = self.dynamodb.describe_table(TableName=self.environment[table])["Table"]
            wanted = ["TableName", "AttributeDefinitions", "KeySchema"]
            schema = {name: described[name] for name in wanted}
            indexes = [
                {name: index[name] for name in ["IndexName", "KeySchema", "Projection"]}
                for index in described.get("GlobalSecondaryIndexes", [])
            ]
            if indexes:
                schema["GlobalSecondaryIndexes"] = indexes
            self.schemas[table] = schema
        return self.schemas[table]

    def rows(self):
        """Every item of every table, by table and key."""
        tables = {}
        for table in TABLES:
            keys = [key["AttributeName"] for key in self.schema(table)["KeySchema"]]
            pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.environment[table], ConsistentRead=True)
            items = [item for page in pages for item in page["Items"]]
            tables[table] = {tuple(item[key]["S"] for key in keys): item for item in items}
        return tables

    def objects(self):
        """Every object, and the keys of open uploads."""
        objects = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for entry in page.get("Contents", []):
                answer = self.s3.get_object(Bucket=self.bucket, Key=entry["Key"])
                body = answer["Body"].read()
                shown = {"content_type": answer["ContentType"], "metadata": answer["Metadata"]}
                if len(body) <= SHOWN:
                    shown["text"] = body.decode()
                else:
                    shown |= {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
                objects[entry["Key"]] = shown
        for upload in self.uploads():
            objects[upload["Key"] + " (open upload)"] = {}
        return objects

    def uploads(self):
        return self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])

    def restore(self, rows, objects):
        """Changes the stores so that they hold exactly these rows and objects."""
        for table, now in self.rows().items():
            wanted = rows[table]
            name = self.environment[table]
            keys = [key["AttributeName"] for key in self.schema(table)["KeySchema"]]
            for key, item in now.items():
                if key not in wanted:
                    self.dynamodb.delete_item(TableName=name, Key={part: item[part] for part in keys})
            for key, item in wanted.items():
                if now.get(key) != item:
                    self.dynamodb.put_item(TableName=name, Item=item)
        for upload in self.uploads():
            self.s3.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        now = self.objects()
        for key in now:
            if key not in objects:
                self.s3.delete_object(Bucket=self.bucket, Key=key)
        for key, wanted in objects.items():
            if now.get(key) != wanted:
                head = {"ContentType": wanted["content_type"], "Metadata": wanted["metadata"]}
                self.s3.put_object(Bucket=self.bucket, Key=key, Body=wanted["text"].encode(), **head)


def read_environment(path):
    """The variables of a file of `NAME='value'` lines, parsed as a shell does."""
    variables = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            variables[name] = "".join(shlex.split(value))
    return variables


class Local:
    """A running `local`."""

    def __init__(self, binary, data_dir, ports, *options):
        data_dir.mkdir(parents=True, exist_ok=True)
        secret = data_dir / "secret"
        if not secret.exists():
            secret.write_text(SECRET, encoding="ascii")
            secret.chmod(0o600)
        self.log = open(data_dir / "local.log", "ab")
        names = ["--dynamodb-port", "--s3-port", "--secrets-port"]
        fixed = [text for name, port in zip(names, ports) for text in (name, str(port))]
        command = [str(binary), "--data-dir", str(data_dir), "--port", "0", *fixed, *options]
        environment = {**os.environ, "RUST_LOG": "warn"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, encoding="utf-8", env=environment
        )
        self.url = None
        for line in self.process.stdout:
            if found := re.search(r" runs at (http://[0-9.:]+)", line):
                self.url = found[1]
            if line.startswith("Ctrl-C"):
                break
        else:
            raise RuntimeError("local did not start: " + (data_dir / "local.log").read_text(encoding="utf-8"))
        # `local` writes the file only when functions run outside it.
        self.environment = read_environment(data_dir / "env") if (data_dir / "env").exists() else {}

    def end(self):
        end(self.process)
        self.process.stdout.close()
        self.log.close()


@contextlib.contextmanager
def embedded(binary, data_dir, ports, *options):
    """The stores of `local`, until the block ends."""
    local = Local(binary, data_dir, ports, "--only-stores", "--pause-stream", "--pause-tallies", *options)
    try:
        yield Engine("embedded", local.environment)
    finally:
        local.end()


@contextlib.contextmanager
def moto(folder, like):
    """moto with the same tables, bucket and secret as another engine, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    names = ["DYNAMODB_ENDPOINT", "S3_ENDPOINT", "S3_LINK_ENDPOINT", "SECRETS_ENDPOINT"]
    environment = like.environment | {name: url for name in names}
    command = [sys.executable, str(pathlib.Path(__file__).with_name("moto_server.py")), str(port)]
    with open(folder / "moto.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until("moto answers", lambda: answers(url))
            engine = Engine("moto", environment)
            for table in TABLES:
                engine.dynamodb.create_table(BillingMode="PAY_PER_REQUEST", **like.schema(table))
            engine.s3.create_bucket(Bucket=engine.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            secrets = boto3.client(
                "secretsmanager",
                endpoint_url=url,
                region_name=REGION,
                aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            )
            secrets.create_secret(Name=environment["SECRET_ARN"], SecretString=SECRET)
            yield engine
        finally:
            end(process)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
