"""The expected answers beside the events: a function's answer, and the rows and objects that it changed.

Values that differ between runs are checked and replaced by placeholders before the comparison. Everything else must be equal
byte by byte. The same value always gets the same number, so the answer and the row must agree.

    <uuid7:1>     a random id (version 4 or 7) that is neither in the event nor in the stores before; the placeholder includes the version
    <now>         a date of this invocation, in the form of the API or of the name of a list export
    <now+86400>   seconds since 1970, this many seconds after the invocation (within 5 s)
    <now+900>     the date at which a link ends that was signed in this invocation
    <now-600>     the date of creation until which this invocation has listed what is open
    <request-id>  the id of the request or of the invocation
    <s3>          the engine's address, to which links point
    <access-key>, <day>, <time>, <signature>   of a presigned link
"""

import datetime
import json
import re

# Matches random ids only. Ids of codes and files are computed from their content and must be equal.
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-([47])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
DATE = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STAMP = re.compile(r"\b\d{8}-\d{6}(?=\.)")
EPOCH = re.compile(r'(?<=")\d{10}(?=")')
LINK = re.compile(
    r"X-Amz-Credential=([A-Za-z0-9]+)%2F(\d{8})%2F|X-Amz-Date=(\d{8}T\d{6}Z)|X-Amz-Signature=([0-9a-f]{64})"
)
# Tolerance for lifetimes in seconds, because the invocation takes some time.
TOLERANCE = 5
# How long a presigned link works.
LINK_LIFETIME = datetime.timedelta(seconds=900)
# How old an open reservation is when the sweep lists it.
LISTED_AFTER = datetime.timedelta(seconds=600)


class Rules:
    """Replaces the values that differ between runs, for one invocation."""

    def __init__(self, known, engine, event, begun, ended):
        self.known = known
        self.engine = engine
        self.request_id = event.get("requestContext", {}).get("requestId")
        self.begun = begun - datetime.timedelta(milliseconds=2)
        self.ended = ended
        self.ids = {}

    def apply(self, value):
        """The value with placeholders. Members keep their order, because clients see it."""
        if isinstance(value, dict):
            # The OpenAPI document describes the header under its name.
            return {
                self.text(name): self.request(child)
                if name == "x-request-id" and isinstance(child, str)
                else self.apply(child)
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
        text = STAMP.sub(self.stamp, text)
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
        if found[0] in self.known:
            return found[0]
        if self.is_now(date - LINK_LIFETIME, whole_seconds=True):
            return "<now+900>"
        if self.is_now(date + LISTED_AFTER):
            return "<now-600>"
        return "<now>" if self.is_now(date) else found[0]

    def stamp(self, found):
        date = datetime.datetime.strptime(found[0] + "+0000", "%Y%m%d-%H%M%S%z")
        return "<now>" if self.is_now(date, whole_seconds=True) else found[0]

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
    """Invokes a function; returns its answer and its changes, with placeholders."""
    begun = datetime.datetime.now(datetime.timezone.utc)
    answer = invoke(event)
    ended = datetime.datetime.now(datetime.timezone.utc)
    if isinstance(answer, dict) and "statusCode" in answer:
        answer = readable(answer)
    seen = {"answer": answer, "changes": changes(before, (engine.rows(), engine.objects()))}
    known = json.dumps([event, before[1], [list(rows.values()) for rows in before[0].values()]])
    return Rules(known, engine, event, begun, ended).apply(seen)


def readable(answer):
    """A response whose JSON body is parsed. Members keep the order of the text."""
    try:
        return answer | {"body": json.loads(answer["body"])} if answer.get("body") else answer
    except ValueError:
        return answer


def changes(before, after):
    """Rows and objects that were added, changed or removed, in an order that does not depend on random ids."""
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
    """An item sorted by attribute name, because the stores keep no order; an object with its key."""
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
    """The text of a file with an expected answer."""
    return json.dumps(seen, indent=2, ensure_ascii=False) + "\n"
