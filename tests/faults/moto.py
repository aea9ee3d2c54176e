"""Starts moto with the tables of template.yaml and runs seeds of the fault injection over it."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "emulator"))
from stores import embedded, free_port, moto  # noqa: E402

TEST = "simulation::seeds::whatever_fails_when_it_stops_every_invariant_holds"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0..20", help="FROM..TO, without TO")
    args = parser.parse_args()
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    ports = [free_port() for _ in range(3)]
    # The parts of these runs have 8 KiB.
    os.environ["S3_UPLOAD_PART_MIN_SIZE"] = "1024"
    with tempfile.TemporaryDirectory(prefix="faults-moto-") as folder:
        folder = pathlib.Path(folder)
        # Only for the schema of its tables. This stage has an index of all open rows, which the sweep of a run reads.
        stage = ["--parameter", "IndexStage=8"]
        with embedded(target / "debug" / "local", folder / "local", ports, *stage) as like, moto(folder / "moto", like) as engine:
            engine.dynamodb.update_table(TableName=engine.environment["RESERVATIONS_TABLE"], StreamSpecification=STREAM)
            variables = {**os.environ, **engine.environment, "FAULT_STORES": "elsewhere", "FAULT_SEEDS": args.seeds}
            command = ["cargo", "test", "--quiet", "--workspace", "--test", "all", "--", "--exact", TEST, "--nocapture"]
            subprocess.run(command, cwd=ROOT, env={**variables, "RUST_LOG": "off"}, check=True)


if __name__ == "__main__":
    main()
