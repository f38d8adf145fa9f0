#!/usr/bin/env python3
"""Records which functions `chimera run` of an empty and of a small file calls, as the linker's script `functions.ld`.

    cargo build --release && server/start-up/record.py target/release/chimera

Wants qemu-user, which logs each function that it translates, and nm (binutils). The names are written without the
hashes that the compiler appends, so that they hold for the next build too; a name that is no longer there matches
nothing, and does no harm. Record again when `chimera run` of an empty file has become larger: benches/numbers.md has the figures.
"""

import argparse
import os
import platform
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent

HEAD = """\
/* The functions that `chimera run` calls for an empty and for a small file, kept side by side in the binary. The system
   maps a file in pieces of 64 KiB: scattered over 12 MiB they take twice the resident memory that they take side by side.
   Written by record.py, linked in by ../build.rs. Syntax: "INSERT" in the manual of GNU ld, which lld reads as well. */
SECTIONS
{
  .text.start_up :
  {
"""

# A little of what most programs have.
SMALL = """\
(: twice (-> Number Number))
(= (twice $n) (* 2 $n))
(= (sum $n) (if (> $n 0) (+ $n (sum (- $n 1))) 0))
(parent Tom Bob)
(parent Bob Ann)
!(sum (twice 5))
!(match &self (, (parent $a $b) (parent $b $c)) ($a $c))
!(let* (($x (collapse (superpose (1 2)))) ($y (car-atom $x))) (case $y ((1 one) ($_ other))))
"""

TAIL = """\
  }
}
INSERT BEFORE .text;
"""


def called(binary, text):
    """The names, as the linker has them, of what runs for this text between start and end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file.metta")
        file.write_text(text)
        log = Path(folder, "log")
        subprocess.run(
            [f"qemu-{platform.machine()}", "-d", "in_asm", "-D", log, binary, "run", file],
            check=True,
            stdout=subprocess.DEVNULL,
            # What stands in the environment must not decide which functions run.
            env={"PATH": os.environ["PATH"]},
        )
        return set(re.findall(r"^IN: (\S+)", log.read_text(), re.MULTILINE))


def sizes(binary):
    """Name and bytes of each function in the binary."""
    table = subprocess.run(["nm", "-S", binary], check=True, capture_output=True, text=True).stdout
    return {name: int(size, 16) for size, name in re.findall(r"^\S+ (\S+) [tTwW] (\S+)$", table, re.MULTILINE)}


def pattern(name):
    """The name with a star for each hash."""
    name = re.sub(r"\.llvm\.\d+$", "", name)
    if name.startswith("_ZN"):
        return re.sub(r"17h[0-9a-f]{16}E$", "17h*", name)
    if name.startswith("_R"):
        return re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", name)
    return name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="a release build of chimera")
    binary = parser.parse_args().binary
    functions = sizes(binary)
    instances = Counter()
    for name, size in functions.items():
        instances[pattern(name)] += size
    runs, first = Counter(), set()
    for text in ("", SMALL):
        for name in called(binary, text) & functions.keys():
            if pattern(name) not in first:
                runs[pattern(name)] += functions[name]
        first = first or set(runs)
    # What runs whole comes first; generic functions, most instances of which do not run, come last.
    order = sorted(runs, key=lambda name: (instances[name] > 2 * runs[name], name not in first, instances[name], name))
    lines = "".join(f"    *(.text.{name} .text.unlikely.{name})\n" for name in order)
    (HERE / "functions.ld").write_text(HEAD + lines + TAIL)
    print(f"{len(order)} names, {sum(runs.values())} bytes that run, {sum(instances[name] for name in order)} in all")


if __name__ == "__main__":
    main()
