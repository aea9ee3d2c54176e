"""Runs the deployed functions on this machine, each under the Lambda runtime interface emulator, as SAM local does."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import urllib.request

from stores import PATIENCE, end, free_port

INVOKE = "/2015-03-31/functions/function/invocations"


class Emulator:
    """One function. The emulator starts its process at the first invocation and serves one invocation at a time."""

    def __init__(self, program, binary, environment, log):
        self.program = program
        self.binary = binary
        self.log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{INVOKE}"
        self.turn = threading.Lock()
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "RUST_LOG": "info",
            "AWS_LAMBDA_FUNCTION_NAME": binary.name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "120",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            **environment,
        }
        self.process = None
        self.start()

    def start(self):
        addresses = [
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{self.port}",
            "--runtime-api-address",
            f"127.0.0.1:{free_port()}",
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), *addresses, str(self.binary)],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def invoke(self, event):
        """The function's answer."""
        request = urllib.request.Request(self.url, data=json.dumps(event).encode(), method="POST")
        for _ in range(100):
            try:
                with self.turn, urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.URLError as error:
                # The emulator needs a moment before it listens.
                if not isinstance(error.reason, ConnectionRefusedError):
                    raise
                threading.Event().wait(0.05)
        raise RuntimeError(f"{self.binary.name}: the emulator does not listen")

    def worker(self):
        """The function's process, a child of the emulator; None if it does not run."""
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
                    # An ended process that is not reaped yet (Z) does not count.
                    if int(fields[1]) == self.process.pid and fields[0] != "Z":
                        return int(entry.name)
                except (OSError, IndexError):
                    continue
        return None

    def kill_worker(self):
        """Kills the function's process with SIGKILL; returns its id."""
        worker = self.worker()
        os.kill(worker, signal.SIGKILL)
        return worker

    def invocations(self):
        """The number of invocations in the log."""
        return pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace").count("START RequestId")

    def end(self):
        worker = self.worker()
        end(self.process)
        if worker:
            try:
                os.kill(worker, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Functions:
    """All functions of the template, each under its own emulator, which is started on first use."""

    def __init__(self, program, binaries, names, environment, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.make = lambda name: Emulator(program, binaries / name, environment, folder / f"{name}.log")
        self.names = names
        self.running = {}

    def __getitem__(self, name):
        if name not in self.running:
            self.running[name] = self.make(name)
        return self.running[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for emulator in self.running.values():
            emulator.end()
