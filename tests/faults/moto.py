"""Starts moto with the tables of template.yaml, runs seeds of the fault injection over it, and prints what happened as one table."""

import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "emulator"))
from stores import embedded, free_port, moto  # noqa: E402

TEST = "simulation::seeds::whatever_fails_when_it_stops_every_invariant_holds"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
LINE = re.compile(r"^= (\d+) (.+)$", re.MULTILINE)
# moto copies a table, with every record of its stream, for each transaction. So after some seeds a new one is started.
SEEDS_OF_ONE_MOTO = 10
# Maximum seconds of the seeds of one moto. Not a promise of speed.
PATIENCE = 1800


def run(engine, seeds):
    """The output of some seeds, and whether all of them passed."""
    engine.dynamodb.update_table(TableName=engine.environment["RESERVATIONS_TABLE"], StreamSpecification=STREAM)
    variables = {**os.environ, **engine.environment, "FAULT_STORES": "elsewhere", "RUST_LOG": "off"}
    variables["FAULT_SEEDS"] = f"{seeds.start}..{seeds.stop}"
    command = ["cargo", "test", "--quiet", "--workspace", "--test", "all", "--", "--exact", TEST, "--nocapture"]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=PATIENCE
    )
    return done.stdout, done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0..20", help="FROM..TO, without TO")
    args = parser.parse_args()
    first, last = (int(number) for number in args.seeds.split(".."))
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    ports = [free_port() for _ in range(3)]
    # The parts of these runs have 8 KiB.
    os.environ["S3_UPLOAD_PART_MIN_SIZE"] = "1024"
    sums, failed = collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="faults-moto-") as folder:
        folder = pathlib.Path(folder)
        # Only for the schema of its tables. This stage has an index of all open rows, which the sweep of a run reads.
        with embedded(target / "debug" / "local", folder / "local", ports, "--parameter", "IndexStage=8") as like:
            for start in range(first, last, SEEDS_OF_ONE_MOTO):
                seeds = range(start, min(start + SEEDS_OF_ONE_MOTO, last))
                with moto(folder / f"moto-{start}", like) as engine:
                    output, passed = run(engine, seeds)
                sums.update({what: int(count) for count, what in LINE.findall(output)})
                if not passed:
                    failed.append(seeds)
                    print(output, flush=True)
                print(f"seeds {seeds.start} to {seeds.stop - 1}: {'passed' if passed else 'FAILED'}", file=sys.stderr, flush=True)
    runs, spent = sums.pop("runs", 0), sums.pop("milliseconds", 0) / 1000
    print(f"{runs:,} runs over moto; {spent / max(runs, 1):.1f} s a run")
    print("| what | how often |\n|---|---:|")
    for what, count in sorted(sums.items()):
        print(f"| {what} | {count:,} |")
    if failed or runs != last - first:
        raise SystemExit(f"these seeds failed: {failed}" if failed else f"only {runs} runs")


if __name__ == "__main__":
    main()
