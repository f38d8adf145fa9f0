#!/usr/bin/env python3
"""CPU time of the longer programs of the corpus: the reference, our plain evaluator and our compiled one.

    tests/conformance/speed.py [--example PATH] [FILE.metta …]

Needs `pip install hyperon==0.2.10` and `cargo build --release --example run`. Ours is counted without what starting an
engine takes; the least of a few runs counts, for each. Prints a line for each program and the largest ratios; the exit
status says whether one of ours takes more than three times the reference's.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from engines import Ours, Reference
from record import CORPUS

EXAMPLE = CORPUS.parents[1] / "target" / "release" / "examples" / "run"
SECONDS = 60
RUNS = 3
RATIO_MAX = 3.0
# What the clock of processes cannot tell from nothing.
LEAST_SECONDS = 0.004


def least(measure):
    found = [measure() for _ in range(RUNS)]
    return None if None in found else min(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--example", default=str(EXAMPLE), help="the built examples/run")
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    files = arguments.files or sorted([*CORPUS.glob("programs/*.metta"), *CORPUS.glob("programs/*/main.metta")])
    reference = Reference(SECONDS)
    ours = {"plain": Ours(arguments.example, SECONDS, ["--plain", "--json"]), "compiled": Ours(arguments.example, SECONDS, ["--json"])}
    with tempfile.NamedTemporaryFile(suffix=".metta") as empty:
        start = {name: least(lambda engine=engine: engine.ask(empty.name).seconds) for name, engine in ours.items()}
    worst = dict.fromkeys(ours, (0.0, None))
    print(f"{'reference':>10} {'plain':>10} {'compiled':>10}  seconds of CPU")
    for file in files:
        text = file.read_bytes().decode()
        theirs = least(lambda: reference.ask(text, file.resolve().parent).seconds)
        if theirs is None:
            print(f"{'none':>10} {'':>10} {'':>10}  {file.relative_to(CORPUS)}: the reference does not finish")
            continue
        row = []
        for name, engine in ours.items():
            seconds = max(least(lambda engine=engine: engine.ask(file).seconds) - start[name], 0.0)
            ratio = max(seconds, LEAST_SECONDS) / max(theirs, LEAST_SECONDS)
            worst[name] = max(worst[name], (ratio, file), key=lambda pair: pair[0])
            row.append(seconds)
        print(f"{theirs:10.3f} {row[0]:10.3f} {row[1]:10.3f}  {file.relative_to(CORPUS)}", flush=True)
    for name, (ratio, file) in worst.items():
        print(f"{name}: at most {ratio:.2f} times the reference's time ({file and file.relative_to(CORPUS)})")
    sys.exit(int(any(ratio > RATIO_MAX for ratio, _ in worst.values())))


if __name__ == "__main__":
    main()
