#!/usr/bin/env python3
"""Counts the instructions of a dozen kernels and compares them with the committed counts.

    cargo build --release --example run
    benches/kernels/run.py              # compare; exit status 1 when a kernel became slower
    benches/kernels/run.py --update     # write counts.json anew, after a change that is meant

The kernels are programs of `benches/peers/programs` at small fixed sizes, run under
`valgrind --tool=callgrind`. Counts do not depend on how busy a machine is, nor on how fast; they
do depend a little on the C library and on the seeds of hash tables, which is what the tolerance is
for. A kernel that became faster by more than the tolerance is told too, without failing.
The start of the engine is a kernel of its own, and is taken off the others.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))

from families import FAMILIES  # noqa: E402
from rendering import plain, render  # noqa: E402

COUNTS = HERE / "counts.json"
# Family and size, and words that differ from the family's own.
KERNELS: dict[str, tuple[int, dict[str, int]]] = {
    "fib": (21, {}),
    "typed": (21, {}),
    "tak": (18, {}),
    "peano": (100, {}),
    "queens": (7, {}),
    "triples": (30, {}),
    "chaining": (4, {}),
    "match-key": (10_000, {"Q": 5_000}),
    "match-join2": (10_000, {"Q": 2_000}),
    "load": (10_000, {}),
    "churn": (1_000, {}),
    "deep": (20_000, {}),
    "lists": (500, {}),
    "lists-cons": (1_000, {}),
    "get-type": (1_000, {}),
    "strings": (5_000, {}),
    "interpreter": (14, {}),
}


def instructions(runner: Path, program: Path) -> tuple[int, str]:
    """The instructions of one run, and the last line it printed."""
    ran = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(runner), str(program)],
        capture_output=True, text=True, timeout=300, check=False,
    )
    counted = re.search(r"Collected\s*:\s*(\d+)", ran.stderr)
    if ran.returncode != 0 or not counted:
        sys.exit(f"{program.name}: {ran.stderr.strip()[-400:]}")
    lines = ran.stdout.strip().split("\n")
    return int(counted[1]), lines[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runner", type=Path, default=Path("target/release/examples/run"))
    parser.add_argument("--update", action="store_true", help="write the counts instead of comparing them")
    parser.add_argument("--tolerance", type=float, default=8.0, help="percent")
    parser.add_argument("--only", help="only these kernels, comma between")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not installed (apt-get install valgrind)")
    if not arguments.runner.exists():
        sys.exit(f"{arguments.runner} is missing: cargo build --release --example run")
    names = arguments.only.split(",") if arguments.only else list(KERNELS)
    if unknown := set(names) - set(KERNELS):
        sys.exit(f"no such kernel: {', '.join(sorted(unknown))}; there are {', '.join(KERNELS)}")
    families = {family.name: family for family in FAMILIES}
    known: dict[str, int] = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    counts: dict[str, int] = {}
    slower = False

    def tell(name: str, count: int) -> bool:
        """Prints one line; returns whether the kernel became slower than is tolerated."""
        counts[name] = count
        if name not in known:
            print(f"{name:16} {count:>13,}  new", flush=True)
            return not arguments.update
        change = (count / known[name] - 1) * 100
        word = "SLOWER" if change > arguments.tolerance else "faster" if change < -arguments.tolerance else ""
        print(f"{name:16} {count:>13,} {change:+7.1f} % {word}", flush=True)
        return word == "SLOWER"

    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.metta"
        empty.write_text("")
        start, _ = instructions(arguments.runner, empty)
        slower |= tell("start", start)
        for name in names:
            size, words = KERNELS[name]
            program = Path(folder) / f"{name}.metta"
            program.write_text(render(families[name], ".metta", size, words))
            count, answer = instructions(arguments.runner, program)
            # With other words the answer is another than the family's.
            if not words and plain(answer) != families[name].answer(size):
                sys.exit(f"{name}: wrong answer {answer}")
            slower |= tell(name, count - start)
    if arguments.update:
        COUNTS.write_text(json.dumps(known | counts, indent=2) + "\n")
        return 0
    if slower:
        print("slower than the committed counts: mend it, or run with --update and say why in the commit")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
