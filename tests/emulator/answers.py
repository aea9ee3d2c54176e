"""Expected answers beside the events: what a function answered, and which rows and objects it changed.

What differs from run to run is replaced before it is compared, by rules that check it: anything that no rule covers must be
equal, letter by letter. The same value gets the same number each time, so that an answer and the row behind it are tied.

    <uuid7:1>     a random id (version 4 or 7) that is neither in the event nor in the stores before; its version is part of the name
    <now>         a date of this invocation, in the form of the API
    <now+86400>   seconds since 1970, so many after this invocation (to within 5 s)
    <request-id>  the id of the request or of the invocation
    <s3>          where links point to: the engine's own address
    <access-key>, <day>, <time>, <signature>   of a presigned link
"""

import datetime
import json
import re

# Random ids only: those of codes and files follow from what they stand for, and must be equal.
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-([47])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
DATE = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
EPOCH = re.compile(r'(?<=")\d{10}(?=")')
LINK = re.compile(
    r"X-Amz-Credential=([A-Za-z0-9]+)%2F(\d{8})%2F|X-Amz-Date=(\d{8}T\d{6}Z)|X-Amz-Signature=([0-9a-f]{64})"
)
# How far a lifetime may be off, in seconds: the invocation takes a moment.
TOLERANCE = 5


class Rules:
    """Replaces what differs, for one invocation."""

    def __init__(self, known, engine, event, begun, ended):
        self.known = known
        self.engine = engine
        self.request_id = event.get("requestContext", {}).get("requestId")
        self.begun = begun - datetime.timedelta(milliseconds=2)
        self.ended = ended
        self.ids = {}

    def apply(self, value):
        """The value with its places; members keep their order, since clients see it."""
        if isinstance(value, dict):
            return {
                self.text(name): self.request(child) if name == "x-request-id" else self.apply(child)
                for name, child in value.items()
            }
        if isinstance(value, list):
            return [self.apply(child) for child in value]
        return self.text(value) if isinstance(value, str) else value

    def request(self, value):
        return "<request-id>" if value == self.request_id or UUID.fullmatch(value) else value

    def text(self, text):
        link = self.engine.environment["S3_LINK_ENDPOINT"]
        if text.startswith(link + "/"):
            text = "<s3>" + LINK.sub(self.link, text.removeprefix(link))
        text = UUID.sub(self.uuid, text)
        text = DATE.sub(self.date, text)
        return EPOCH.sub(self.seconds, f'"{text}"')[1:-1]

    def link(self, found):
        key, day, time, signature = found.groups()
        if key == self.engine.environment["AWS_ACCESS_KEY_ID"] and self.is_day(day):
            return "X-Amz-Credential=<access-key>%2F<day>%2F"
        if time and self.is_now(datetime.datetime.strptime(time + "+0000", "%Y%m%dT%H%M%SZ%z"), whole_seconds=True):
            return "X-Amz-Date=<time>"
        return "X-Amz-Signature=<signature>" if signature else found[0]

    def uuid(self, found):
        if found[0] in self.known:
            return found[0]
        return self.ids.setdefault(found[0], f"<uuid{found[1]}:{len(self.ids) + 1}>")

    def date(self, found):
        date = datetime.datetime.fromisoformat(found[0])
        return "<now>" if self.is_now(date) and found[0] not in self.known else found[0]

    def seconds(self, found):
        after = int(found[0]) - self.begun.timestamp()
        # Lifetimes are whole hours.
        hours = round(after / 3600)
        is_lifetime = hours > 0 and abs(after - hours * 3600) <= TOLERANCE + (self.ended - self.begun).total_seconds()
        return f"<now+{hours * 3600}>" if is_lifetime else found[0]

    def is_now(self, date, whole_seconds=False):
        begun = self.begun.replace(microsecond=0) if whole_seconds else self.begun
        return begun <= date <= self.ended

    def is_day(self, day):
        return day in {moment.strftime("%Y%m%d") for moment in (self.begun, self.ended)}


def observed(engine, event, invoke, before):
    """Invokes a function and gives what it answered and changed, with what differs replaced."""
    begun = datetime.datetime.now(datetime.timezone.utc)
    answer = invoke(event)
    ended = datetime.datetime.now(datetime.timezone.utc)
    if isinstance(answer, dict) and "statusCode" in answer:
        answer = readable(answer)
    seen = {"answer": answer, "changes": changes(before, (engine.rows(), engine.objects()))}
    known = json.dumps([event, before[1], [list(rows.values()) for rows in before[0].values()]])
    return Rules(known, engine, event, begun, ended).apply(seen)


def readable(answer):
    """A response whose body is JSON, with the body as what it is; its members in the order of their text."""
    try:
        return answer | {"body": json.loads(answer["body"])} if answer.get("body") else answer
    except ValueError:
        return answer


def changes(before, after):
    """Rows and objects that were added, changed or removed, in an order that random ids do not change."""
    found = {}
    for name, old, new in [
        *((table, before[0][table], after[0][table]) for table in after[0]),
        ("objects", before[1], after[1]),
    ]:
        written = [plain(key, new[key]) for key in new if old.get(key) != new[key]]
        removed = [key if isinstance(key, str) else list(key) for key in old if key not in new]
        of_table = {"written": sorted(written, key=masked), "removed": sorted(removed, key=masked)}
        of_table = {kind: entries for kind, entries in of_table.items() if entries}
        if of_table:
            found[name] = of_table
    return found


def plain(key, entry):
    """An item by the names of its attributes, which the stores keep in no order; an object with its key."""
    if isinstance(key, str):
        return {"key": key, **ordered(entry)}
    return ordered(entry)


def ordered(value):
    if isinstance(value, dict):
        return {name: ordered(child) for name, child in sorted(value.items())}
    return [ordered(child) for child in value] if isinstance(value, list) else value


def masked(entry):
    return DATE.sub("", UUID.sub("", json.dumps(entry)))


def text_of(seen):
    """The form of an expected answer's file."""
    return json.dumps(seen, indent=2, ensure_ascii=False) + "\n"
