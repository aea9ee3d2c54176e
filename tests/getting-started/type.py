"""Types the commands of docs/getting-started.md and compares what they print.

A block of `sh` is typed into one shell; the block of `text` after it is what it must print. `<name>` in a text stands
for what differs: the first time its value is taken, later it must be the same, and in commands it is put in. Only
`<time>` and `<code>` may differ every time. A comment before a block says what is special about it:

    <!-- clone -->  a clone of this repository, with the changes that are not committed
    <!-- build -->  `cargo build` is left out if the programs are given
    <!-- start -->  a terminal of its own; the port is a free one
    <!-- until -->  typed again until it prints the text
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/getting-started.md"
BEGIN = "<!-- The commands from here on are run by tests/getting-started/run. -->"
END = "<!-- The end of the commands that are run. -->"
ADDRESS = "127.0.0.1:3000"
ALWAYS_NEW = {"time", "code"}
# The most seconds for one block; a build takes longer.
PATIENCE = 60
BUILD_PATIENCE = 3_600


class Block:
    """What is typed, what it prints (None: anything), and what is special about it."""

    def __init__(self, mark, typed):
        self.mark, self.typed, self.prints = mark, typed, None


def blocks(document):
    """The blocks between the two marks."""
    part = document.split(BEGIN, 1)[1].split(END, 1)[0]
    found, mark = [], ""
    for comment, language, text in re.findall(r"<!-- (\w+) -->|^```(\w+)\n(.*?)^```$", part, re.M | re.S):
        if comment:
            mark = comment
        elif language == "sh":
            found.append(Block(mark, text))
            mark = ""
        elif language == "text":
            assert found and found[-1].prints is None, f"a text without a command: {text}"
            found[-1].prints = text
        else:
            raise SystemExit(f"a block of {language!r}: only sh and text can be run")
    assert len(found) > 8, f"{len(found)} blocks: the marks are not where they should be"
    return found


class Values:
    """The values of the names in angle brackets."""

    def __init__(self, address):
        self.known, self.address = {}, address

    def fill(self, text):
        """A command with the values."""
        filled = re.sub(r"<([\w' ]+)>", lambda name: self.known[name[1]], text)
        return filled.replace(ADDRESS, self.address)

    def match(self, expected, printed):
        """Whether a text is the expected one; takes the new values from it."""
        pattern, groups = "", {}
        for at, part in enumerate(re.split(r"<([\w' ]+)>", expected.replace(ADDRESS, self.address))):
            if at % 2 == 0:
                pattern += re.escape(part)
            elif part in ALWAYS_NEW:
                pattern += r"""[^\s"',<>]+"""
            elif part in self.known:
                pattern += re.escape(self.known[part])
            elif part in groups:
                pattern += f"(?P={groups[part]})"
            else:
                groups[part] = f"v{at}"
                pattern += rf"""(?P<v{at}>[^\s"',<>]+)"""
        found = re.fullmatch(pattern, printed)
        if found:
            self.known |= {name: found[group] for name, group in groups.items()}
        return found is not None


class Shell:
    """A shell that keeps its directory and variables between blocks."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def type(self, text, patience):
        """Types a block. Gives what it prints, and the status of its last command."""
        end = f"end-of-block-{time.monotonic_ns()}"
        self.process.stdin.write(f"{text}\nprintf '\\n%s %s\\n' {end} $?\n")
        self.process.stdin.flush()
        timer = threading.Timer(patience, stop, [self.process])
        timer.start()
        lines = []
        try:
            for line in self.process.stdout:
                if line.startswith(end):
                    return "".join(lines)[:-1], int(line.split()[1])
                lines.append(line)
        finally:
            timer.cancel()
        raise SystemExit(f"the shell ended, or did not end for {patience} s:\n{text}\n{''.join(lines)}")


def stop(process):
    """Ends a process and those that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)


def same(printed):
    """A text as it is compared: without white space at the ends of lines."""
    return "\n".join(line.rstrip() for line in printed.strip("\n").split("\n"))


def clone(folder):
    """A clone of the repository with the changes of the working tree, and its folder."""
    made = folder / "code-reservation"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(made)], check=True)
    changed = ["git", "-C", str(ROOT), "ls-files", "-z", "--modified", "--others", "--exclude-standard"]
    for name in filter(None, subprocess.check_output(changed, encoding="utf-8").split("\0")):
        source, target = ROOT / name, made / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        else:
            target.unlink(missing_ok=True)
    return made


def build(text, is_fresh):
    """The block that builds, without the compiler if the programs are given."""
    if is_fresh:
        return text
    lines = [line for line in text.splitlines() if not line.startswith("cargo build ")]
    assert len(lines) < len(text.splitlines()), f"nothing is built: {text}"
    for name in ["local", "admin"]:
        program = pathlib.Path(os.environ[f"{name.upper()}_BINARY"]).resolve()
        lines.insert(0, f"mkdir -p target/debug && ln -s '{program}' target/debug/{name}")
    return "\n".join(lines)


def start(text, folder, port, is_fresh):
    """The command that starts the service, in a terminal of its own."""
    assert text.strip() == "cargo run", f"the service is started otherwise: {text}"
    command = ["cargo", "run", "--quiet", "--"] if is_fresh else ["target/debug/local"]
    return subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=folder,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "RUST_LOG": "error"},
        start_new_session=True,
    )


def printed_at_start(process):
    """What the service prints until it is ready."""
    timer = threading.Timer(BUILD_PATIENCE, stop, [process])
    timer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
    finally:
        timer.cancel()
    return "".join(lines)


def shows(values, block, printed):
    """Whether a block printed what the document shows."""
    return block.prints is None or values.match(same(block.prints), same(printed))


def check(values, text, block, printed, status):
    if status != 0 or not shows(values, block, printed):
        raise SystemExit(
            f"typed:\n{text}\nthe document shows:\n{block.prints}\nit printed (status {status}):\n{printed}"
        )


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="compile in the clone")
    chosen = parser.parse_args()
    port = free_port()
    values = Values(f"127.0.0.1:{port}")
    service = None
    with tempfile.TemporaryDirectory() as folder:
        folder = clone(pathlib.Path(folder))
        shell = Shell(folder)
        try:
            for block in blocks(DOCUMENT.read_text(encoding="utf-8")):
                if block.mark == "clone":
                    assert "git clone" in block.typed
                    continue
                if block.mark == "start":
                    service = start(block.typed, folder, port, chosen.fresh)
                    check(values, block.typed, block, printed_at_start(service), 0)
                    continue
                text = build(block.typed, chosen.fresh) if block.mark == "build" else values.fill(block.typed)
                patience = BUILD_PATIENCE if block.mark == "build" else PATIENCE
                given_up = time.monotonic() + PATIENCE
                printed, status = shell.type(text, patience)
                while block.mark == "until" and not shows(values, block, printed) and time.monotonic() < given_up:
                    time.sleep(0.3)
                    printed, status = shell.type(text, patience)
                check(values, text, block, printed, status)
                print(f"  {text.strip().splitlines()[-1].strip()[:100]}")
        finally:
            stop(shell.process)
            if service:
                stop(service)
                service.wait(timeout=PATIENCE)
    print(f"the document is right: {len(values.known)} values were taken from what the commands printed")


if __name__ == "__main__":
    main()
