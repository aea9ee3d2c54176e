"""Runs `admin --stack` against a stack that moto plays. `STEPS` lists the steps in their order."""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/emulator"))

from stores import REGION, embedded, free_port, moto  # noqa: E402

STACK = "code-reservation-test"
# The outputs of the stack, and the variable of the functions that each gives.
OUTPUTS = {
    "ReservationsTableName": "RESERVATIONS_TABLE",
    "PoolsTableName": "POOLS_TABLE",
    "FilesTableName": "FILES_TABLE",
    "DirectoryTableName": "DIRECTORY_TABLE",
    "RequestsTableName": "REQUESTS_TABLE",
    "TalliesTableName": "TALLIES_TABLE",
    "ExportsBucketName": "EXPORTS_BUCKET",
    "CodesSecretArn": "SECRET_ARN",
}
# The most seconds for one command.
PATIENCE = 120


class Stack:
    """A stack in moto, with the stream of reservations and the failure queue."""

    def __init__(self, engine, binary, home):
        self.engine, self.binary, self.home = engine, binary, home
        self.url = engine.environment["DYNAMODB_ENDPOINT"]
        self.table = engine.environment["RESERVATIONS_TABLE"]
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        updated = engine.dynamodb.update_table(TableName=self.table, StreamSpecification=stream)
        self.stream_arn = updated["TableDescription"]["LatestStreamArn"]
        self.streams, self.sqs = self.client("dynamodbstreams"), self.client("sqs")
        outputs = {name: {"Value": engine.environment[variable]} for name, variable in OUTPUTS.items()}
        outputs["FailureQueueUrl"] = {"Value": {"Ref": "FailureQueue"}}
        template = {
            "Parameters": {"Shards": {"Type": "Number", "Default": 1}},
            "Resources": {"FailureQueue": {"Type": "AWS::SQS::Queue"}},
            "Outputs": outputs,
        }
        stacks = self.client("cloudformation")
        stacks.create_stack(StackName=STACK, TemplateBody=json.dumps(template))
        described = stacks.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        self.queue = next(one["OutputValue"] for one in described if one["OutputKey"] == "FailureQueueUrl")

    def client(self, service):
        keys = {name: self.engine.environment[name.upper()] for name in ("aws_access_key_id", "aws_secret_access_key")}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)

    def admin(self, *arguments):
        """Exit code, output and errors of a command."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.url,
        }
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment[name] = self.engine.environment[name]
        command = [str(self.binary), "--stack", STACK, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments):
        code, out, err = self.admin(*arguments, "--json")
        assert code == 0, (arguments, code, out, err)
        return json.loads(out)

    def reserve(self):
        """Writes an open reservation without the service; returns its id."""
        rows = json.loads((ROOT / "tests/emulator/rows.json").read_text(encoding="utf-8"))["rows"]["RESERVATIONS_TABLE"]
        item = dict(next(row for row in rows if row["status"]["S"] == "new"))
        item |= {"id": {"S": str(uuid.uuid4())}, "incarnation": {"S": str(uuid.uuid4())}}
        self.engine.dynamodb.put_item(TableName=self.table, Item=item)
        return item["id"]["S"]

    def records(self):
        """The records of the stream by the id of their reservation: shard, first and last sequence number."""
        found = {}
        for shard in self.streams.describe_stream(StreamArn=self.stream_arn)["StreamDescription"]["Shards"]:
            place = {"StreamArn": self.stream_arn, "ShardId": shard["ShardId"]}
            iterator = self.streams.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            for record in self.streams.get_records(ShardIterator=iterator)["Records"]:
                change = record["dynamodb"]
                found[change["Keys"]["id"]["S"]] = (shard["ShardId"], change["SequenceNumber"])
        return found

    def fail(self, first, last, shard, at=None):
        """Sends what Lambda sends for a batch that a function gave up."""
        at = (at or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        document = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"arn:aws:lambda:{REGION}:123456789012:function:{STACK}-ReserveCodes-1:$LATEST",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 6,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": at,
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": first,
                "endSequenceNumber": last,
                "approximateArrivalOfFirstRecord": at,
                "approximateArrivalOfLastRecord": at,
                "batchSize": 1,
                "streamArn": self.stream_arn,
            },
        }
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(document))

    def is_woken(self, reservation):
        row = self.engine.dynamodb.get_item(TableName=self.table, Key={"id": {"S": reservation}}, ConsistentRead=True)
        return "woken" in row["Item"]

    def waiting(self):
        """The messages of the queue, whether they are hidden or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return tuple(int(counts[name]) for name in names)


def initialise(stack):
    """`init` creates the first administrator and stores the check value of the secret; a second one is refused."""
    made = stack.json("init", "--email", "ops@example.com")
    assert len(made["token"]) == 43, made
    table = stack.engine.environment["POOLS_TABLE"]
    key = {"namespace": {"S": "secret"}, "entry": {"S": "check"}}
    assert stack.engine.dynamodb.get_item(TableName=table, Key=key)["Item"]["check"]["S"]
    code, _, err = stack.admin("init")
    assert code == 1 and "was initialised" in err, (code, err)


def list_and_replay(stack):
    """A listed message can be replayed at once; its records name the reservations, which are woken."""
    before, own, after = stack.reserve(), stack.reserve(), stack.reserve()
    shard, number = stack.records()[own]
    stack.fail(number, number, shard)
    for _ in range(2):
        shown = stack.json("failures", "list")
        assert len(shown) == 1 and shown[0]["in_stream"], shown
        assert shown[0]["function"] == f"{STACK}-ReserveCodes-1", shown
        assert stack.waiting() == (1, 0), "the message is there for the next command"
    # Nobody can be asked, so nothing is done.
    code, _, err = stack.admin("failures", "replay")
    assert (code, stack.waiting()) == (2, (1, 0)), (code, err)
    replayed = stack.json("failures", "replay", "--yes")
    assert [(one["by"], one["reservations"], one["woken"], one["removed"]) for one in replayed] == [("stream", 1, 1, True)]
    assert [stack.is_woken(one) for one in (before, own, after)] == [False, True, False]
    assert stack.waiting() == (0, 0)
    assert stack.json("failures", "replay", "--yes") == []


def hidden_messages(stack):
    """Messages that somebody else has received are missing, and both commands say so."""
    own = stack.reserve()
    shard, number = stack.records()[own]
    stack.fail(number, number, shard)
    code, out, err = stack.admin("failures", "list", "--json")
    assert code == 0 and len(json.loads(out)) == 1 and "warning" not in err, (code, out, err)
    held = stack.sqs.receive_message(QueueUrl=stack.queue, VisibilityTimeout=600)["Messages"]
    assert len(held) == 1 and stack.waiting() == (0, 1)
    for arguments in (["failures", "list"], ["failures", "replay", "--yes"]):
        code, out, err = stack.admin(*arguments, "--json")
        assert code == 0 and json.loads(out) == [], (code, out, err)
        assert json.loads(err)["warning"].startswith("About 1 messages of the queue are hidden"), err
    stack.sqs.change_message_visibility(QueueUrl=stack.queue, ReceiptHandle=held[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert stack.json("failures", "replay", "--yes")[0]["woken"] == 1


def several_records(stack):
    """A batch of several records, the last one of the open shard among them."""
    many = [stack.reserve() for _ in range(5)]
    records = stack.records()
    shard = records[many[0]][0]
    stack.fail(records[many[1]][1], records[many[4]][1], shard)
    replayed = stack.json("failures", "replay", "--yes")
    assert (replayed[0]["by"], replayed[0]["reservations"], replayed[0]["woken"]) == ("stream", 4, 4), replayed
    assert [stack.is_woken(one) for one in many] == [False, True, True, True, True]


def gone_records(stack):
    """A message of the day before yesterday, and one of a shard that is gone: open reservations without progress wake."""
    stuck = stack.reserve()
    shard, number = stack.records()[stuck]
    old = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)
    stack.fail(number, number, shard, old)
    shown = stack.json("failures", "list")
    assert [one["in_stream"] for one in shown] == [False], shown
    replayed = stack.json("failures", "replay", "--yes")
    assert replayed[0]["by"] == "stuck" and replayed[0]["woken"] >= 1, replayed
    assert stack.is_woken(stuck) and stack.waiting() == (0, 0)


def strange_messages(stack):
    """A message that is none of Lambda stays, and others are replayed."""
    stack.sqs.send_message(QueueUrl=stack.queue, MessageBody="hello")
    own = stack.reserve()
    shard, number = stack.records()[own]
    stack.fail(number, number, shard)
    code, out, err = stack.admin("failures", "replay", "--yes", "--json")
    assert code == 1 and "none of Lambda" in err and json.loads(out)[0]["woken"] == 1, (code, out, err)
    assert stack.is_woken(own) and stack.waiting() == (1, 0)


def everything_else(stack):
    """Each other group once, on the same stack."""
    stack.json("organisation", "add", "ORG-1", "--prefix", "9506000", "--codes-per-day", "5")
    stack.json("user", "add", "--email", "wim@example.com", "--role", "writer", "--organisation", "ORG-1")
    stack.json("token", "create", "wim@example.com")
    assert len(stack.json("audit")) >= 4
    assert stack.json("pool", "advance", "sscc#9506000#18", "--issued", str(issued(stack.home)), "--yes")["to"] == 2
    assert [one["namespace"] for one in stack.json("pool", "list")] == ["sscc#9506000#18"]
    assert stack.json("pool", "verify") is not None
    assert stack.json("reservation", "stuck", "--minutes", "0")
    code, out, _ = stack.admin("code", "verify", "(00)095060000000000015", "--json")
    assert code == 1 and json.loads(out)["found"][0]["burned"], out


def issued(folder):
    path = folder / "issued.txt"
    path.write_text("(00)095060000000000015\n", encoding="ascii")
    return path


STEPS = [initialise, list_and_replay, hidden_messages, several_records, gone_records, strange_messages, everything_else]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=pathlib.Path, help="folder of the binaries (default: target/debug)")
    chosen = parser.parse_args()
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binaries = chosen.binaries or target / "debug"
    ports = [free_port() for _ in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with embedded(binaries / "local", folder / "local", ports) as own, moto(folder / "moto", own) as engine:
            stack = Stack(engine, binaries / "admin", folder)
            for step in STEPS:
                print(f"{step.__name__}: {step.__doc__}", flush=True)
                step(stack)


if __name__ == "__main__":
    main()
