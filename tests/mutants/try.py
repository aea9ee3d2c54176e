#!/usr/bin/env python3
"""Runs the tests of a build of `switch.py` once for each mutant, until one fails.

  tests/mutants/try.py codes|decisions|steps|sweep FOLDER [--resume | --again] [--jobs 2]

FOLDER has `mutants.json` and the test binaries. The tests are in stages, the quick ones first; each runs with the mutants that no stage
before noticed. A mutant is `noticed` when a test fails, `time` when the tests use much more CPU time than without a mutant or do not
end, and `missed` when all pass. A line for each goes to `results.jsonl`: `--resume` continues there, `--again` tries those that were
missed. Python standard library only.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time


def skip(*names):
    return [word for name in names for word in ("--skip", name)]


LONG = skip("statistics", "million", "every_domain_of_radix", "permutes_the_numbers", "every_row_is_the_tag", "_namespaces_are")
# Of the other modules, what takes more than a second.
FILES = skip("profile::tests::files", "sheets::", "gzip", "windows", "parts_of_any_file", "fuzz", "packs_are_small")
SEEDS = "simulation::seeds::whatever_fails_when_it_stops_every_invariant_holds"
# Of each set: the test binary, its arguments, variables, and perhaps the files (a pattern) whose mutants it may notice.
STAGES = {
    "codes": [
        ("domain", ["code::", *LONG], {}),
        ("domain", ["every_row_is_the_tag", "_namespaces_are", "permutes_the_numbers", "every_domain_of_radix"], {}),
        ("domain", ["export::", "reservation::", "query::", "directory::", *FILES], {}),
        ("domain", ["statistics", "million"], {}),
        ("domain", ["profile::tests::files", "sheets::", "gzip", "windows", "parts_of_any_file"], {}),
    ],
    "decisions": [
        ("domain", ["reservation::", "export::tests", *FILES], {}),
        ("domain", ["gzip", "windows", "parts_of_any_file", "packs_are_small", "query::", *skip("fuzz")], {}),
        ("domain", ["profile::"], {}),
    ],
    "steps": [
        ("reserve_codes", [], {}),
        ("common", ["store::", "operations::"], {}),
        ("all", ["stream::again"], {}),
        ("all", ["--nocapture", "--exact", SEEDS], {"FAULT_SEEDS": "0..5"}),
        ("all", ["stream::progress", "faults::counts"], {}),
        ("all", ["faults::completions"], {}, "export"),
        ("all", ["--nocapture", "--exact", SEEDS], {"FAULT_SEEDS": "5..20"}),
        ("all", ["stream::uploads"], {}, "export|work"),
        ("all", ["stream::ends", "stream::tidy_stops", "stream::sweep"], {}, "export|steps|transaction|work"),
        ("all", ["faults::profiles", "pools::quotas"], {}, "allocate"),
        ("all", ["deployment::metrics", "faults::allocations"], {}, "allocat|work"),
        ("all", ["rest::export_profiles", "rest::tag_profiles"], {}, "allocate"),
        ("all", ["faults::slices"], {}, "export|work"),
        ("all", ["tenants::pools"], {}, "allocat"),
        ("all", ["faults::edits"], {}, "allocat|export|steps|transaction"),
        ("all", ["stream::", *skip("million")], {}),
        ("all", ["faults::"], {}),
        ("all", ["tenants::", "operators::"], {}),
    ],
    "sweep": [
        ("sweep", [], {}),
        ("all", ["stream::tidy_stops"], {}, "tidy"),
        ("all", ["stream::sweep", "stream::lost_records"], {}),
        ("all", ["--nocapture", "--exact", SEEDS], {"FAULT_SEEDS": "0..5"}),
        ("all", ["--nocapture", "--exact", SEEDS], {"FAULT_SEEDS": "5..30"}),
        ("all", ["stream::progress", "stream::again"], {}),
        ("all", ["deployment::metrics", "deployment::events", "operators::"], {}),
        ("all", ["faults::outages", "faults::counts"], {}, "wake"),
    ],
}
# What a test prints when it fails; the last is of the seeds, which look for a shorter example first.
FAILS = re.compile(r"\.\.\. FAILED|^failures:|panicked at|^seed \d+:")
# Seconds without an end, for a test that waits. Not a promise of speed.
PATIENCE = 600
# Of a test that allocates without end.
MEMORY = 6 * 2**30


def kill(process):
    """Kills a process and those that it started, which may outlive it and keep its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def wait_or_kill(process, ended):
    """Kills a process that does not end. Time for which this program is stopped does not count."""
    for _ in range(PATIENCE):
        if ended.wait(1):
            return
    kill(process)


class Trial:
    """One stage with one mutant: 0 is none."""

    def __init__(self, binaries, stage, number, seconds):
        name, arguments, variables = stage[:3]
        self.command = [binaries[name]["path"], "--test-threads", "1", *arguments]
        # The folder in which cargo runs the tests of the package.
        self.folder = binaries[name]["folder"]
        self.environment = {**os.environ, "RUST_BACKTRACE": "0", "RUST_LOG": "off", **variables, "MUTANT": str(number)}
        self.seconds = seconds

    def limit(self):
        resource.setrlimit(resource.RLIMIT_CPU, (self.seconds, self.seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    def run(self):
        """`missed`, `noticed` with the test, or `time`; and the CPU seconds."""
        process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            preexec_fn=self.limit,
        )
        ended = threading.Event()
        late = threading.Thread(target=wait_or_kill, args=(process.pid, ended))
        late.start()
        found = test = ""
        for line in process.stdout:
            test = line.split(" ...")[0].removeprefix("test ") if line.startswith("test ") else test
            if FAILS.search(line):
                found = test or line.strip()
                # Not process.kill(), which may take the status that wait4 asks for.
                kill(process.pid)
                break
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        ended.set()
        spent = usage.ru_utime + usage.ru_stime
        if found:
            return "noticed", found, spent
        if os.WIFSIGNALED(status):
            over = os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
            return ("time" if over else "noticed"), f"signal {os.WTERMSIG(status)}", spent
        return ("noticed" if os.WEXITSTATUS(status) else "missed"), f"status {os.WEXITSTATUS(status)}", spent


class Runner:
    def __init__(self, folder, stages):
        found = json.loads((folder / "mutants.json").read_text())
        self.binaries = {binary["name"]: binary for binary in found["binaries"]}
        self.mutants = [mutant for mutant in found["mutants"] if mutant["state"] == "switched"]
        self.stages, self.results = stages, folder / "results.jsonl"
        self.lock = threading.Lock()

    def known(self):
        lines = self.results.read_text().splitlines() if self.results.exists() else []
        return {result["name"]: result for result in map(json.loads, lines)}

    def attempt(self, mutant, stage, limit):
        state, what, spent = Trial(self.binaries, self.stages[stage], mutant["number"], limit).run()
        result = {"name": mutant["name"], "state": state, "stage": stage, "by": what, "seconds": round(spent, 1)}
        with self.lock, self.results.open("a") as file:
            file.write(json.dumps(result) + "\n")

    def check_filters(self, stage):
        """Ends if a name selects no test: then the stage would notice nothing, whatever the mutant."""
        name, words = stage[:2]
        for before, word in zip(["", *words], words):
            if word.startswith("--") or before == "--skip":
                continue
            listed = subprocess.run([self.binaries[name]["path"], "--list", word], capture_output=True, text=True, check=True)
            if ": test" not in listed.stdout:
                raise SystemExit(f"{name} has no test {word}")

    def run(self, jobs, resume, again):
        old = self.known()
        if not resume:
            self.results.unlink(missing_ok=True)
        if again:
            # The others keep their results.
            kept = [result for result in old.values() if result["state"] != "missed"]
            self.results.write_text("".join(json.dumps(result) + "\n" for result in kept))
        begun = time.monotonic()
        for stage in self.stages:
            self.check_filters(stage)
        for number, stage in enumerate(self.stages):
            known, files = self.known(), "".join(stage[3:])
            last = [(mutant, known.get(mutant["name"], {"state": "missed", "stage": -1})) for mutant in self.mutants]
            left = [mutant for mutant, result in last if result["state"] == "missed" and result["stage"] < number]
            left = [mutant for mutant in left if re.search(files, mutant["name"].split(":")[0])]
            if not left:
                continue
            # All tests must pass without a mutant; how long that takes is the measure for the limit.
            state, what, spent = Trial(self.binaries, stage, 0, 3600).run()
            title = f"{stage[0]} {' '.join(stage[1])}"
            if state != "missed":
                raise SystemExit(f"without a mutant, {title} fails: {what}")
            print(f"{title}: {spent:.1f} s for each of {len(left)}", flush=True)
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                for _ in pool.map(lambda mutant: self.attempt(mutant, number, int(5 + 5 * spent)), left):
                    pass
        names = {mutant["name"] for mutant in self.mutants}
        results = [result for name, result in self.known().items() if name in names]
        for result in results:
            if result["state"] == "missed":
                print(result["name"])
        print(dict(collections.Counter(result["state"] for result in results)), f"{time.monotonic() - begun:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=STAGES)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    Runner(args.folder.resolve(), STAGES[args.set]).run(args.jobs, args.resume, args.again)


if __name__ == "__main__":
    main()
