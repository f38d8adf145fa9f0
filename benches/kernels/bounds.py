#!/usr/bin/env python3
"""Counts what bounds and the recording of rules add to the instructions of a few kernels.

    cargo build --release --bench bounds
    benches/kernels/bounds.py target/release/deps/bounds-*

`bare` has no budget, `bounded` one of reductions, depth, bytes, time and a cancel token, all far off,
`recording` that and a proof. The start of the engine and the loading of the program are taken off.
"""

import re
import subprocess
import sys

KERNELS = ["fib", "queens", "match", "again", "join", "lists"]
REGIMES = ["bare", "bounded", "recording"]


def instructions(runner: str, kernel: str, regime: str) -> int:
    ran = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", runner, kernel, regime],
        capture_output=True, text=True, timeout=600, check=False,
    )
    counted = re.search(r"Collected\s*:\s*(\d+)", ran.stderr)
    if ran.returncode != 0 or not counted:
        sys.exit(f"{kernel} {regime}: {ran.stderr.strip()[-400:]}")
    return int(counted[1])


def main() -> None:
    runners = [path for path in sys.argv[1:] if not path.endswith(".d")]
    if not runners:
        sys.exit(__doc__)
    runner = runners[-1]
    print(f"{'kernel':8} {'bare':>12} {'bounded':>20} {'recording':>20}")
    for kernel in KERNELS:
        start = instructions(runner, kernel, "start")
        counts = [instructions(runner, kernel, regime) - start for regime in REGIMES]
        more = [f"{count:>11,} {(count / counts[0] - 1) * 100:+6.1f} %" for count in counts[1:]]
        print(f"{kernel:8} {counts[0]:>12,} {more[0]} {more[1]}")


if __name__ == "__main__":
    main()
