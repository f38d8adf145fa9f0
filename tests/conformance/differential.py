#!/usr/bin/env python3
"""Random well-formed programs through the reference engine and through ours.

    tests/conformance/differential.py --programs 10000 --seed 7 [--chimera PATH]
    tests/conformance/differential.py FILE.metta …
    tests/conformance/differential.py --evaluators target/release/examples/run --programs 10000 --seed 7

Needs `pip install hyperon==0.2.10` and a built `chimera`. Prints each program on
which the results of a directive differ as multisets, up to the names of
variables, with both answers; the exit status says whether there was one. Where
only the order inside of expressions differs, as `collapse` gathered it, that is
counted apart. A program that the reference does not finish, or dies of, is
counted as skipped.
With files, says too where ours takes more than three times the reference's CPU.
`--evaluators` holds the compiled evaluator against the plain one instead, without
the reference; `cargo build --release --example run` builds the program that it names.
"""
import argparse
import multiprocessing
import os
import sys
from pathlib import Path

from engines import Ours, Reference
from generator import Generator

CHIMERA = Path(__file__).resolve().parents[2] / "target" / "release" / "chimera"
BATCH = 50
SECONDS = 4
# What starting takes, beside the evaluation.
START_SECONDS = 0.1


def differences(theirs, ours):
    """What to show of two answers that are not the same; empty if they are."""
    left, right = theirs.normal(), ours.normal()
    if left == right:
        return ""
    if isinstance(left, str) or isinstance(right, str) or len(left) != len(right):
        return f"reference {left}\nours      {right}\n"
    pairs = enumerate(zip(left, right), start=1)
    return "".join(f"!{number} reference {a}\n{' ' * len(str(number))}  ours      {b}\n" for number, (a, b) in pairs if a != b)


def check_batch(task):
    """One report for each seed of a batch: (seed, outcome, program, what differs)."""
    seeds, binary = task
    global reference
    if "reference" not in globals():
        reference = Reference(SECONDS)
    programs = [Generator(seed).program() for seed in seeds]
    theirs = [reference.ask(program) for program in programs]
    # What the reference does not finish, ours may not finish either.
    answered = [program for program, answers in zip(programs, theirs) if not isinstance(answers.directives, str)]
    ours = iter(Ours(binary, SECONDS).ask_all(answered))
    reports = []
    for seed, program, theirs in zip(seeds, programs, theirs):
        if isinstance(theirs.directives, str):
            reports.append((seed, "skipped", program, theirs.directives))
            continue
        answers = next(ours)
        shown = differences(theirs, answers)
        outcome = "same"
        if shown:
            outcome = "order" if theirs.without_order() == answers.without_order() else "different"
        reports.append((seed, outcome, program, shown))
    return reports

def check_files(files, binary):
    """Compares programs in files; the number on which the engines differ."""
    reference, engine = Reference(15 * SECONDS), Ours(binary, 15 * SECONDS)
    different = 0
    for file in files:
        theirs, ours = reference.ask(file.read_bytes().decode(), file.resolve().parent), engine.ask(file)
        shown = differences(theirs, ours)
        different += bool(shown)
        print(f"{'differs' if shown else 'same   '} {file}\n{shown}", end="", flush=True)
        if theirs.seconds is not None and ours.seconds > 3 * theirs.seconds + START_SECONDS:
            print(f"slow    {file}: {ours.seconds:.2f} s, the reference {theirs.seconds:.2f} s")
    return different


def check_evaluators(first, count, example, show):
    """Compares our evaluators with each other on random programs; the number on which they differ."""
    plain, compiled = (Ours(example, SECONDS, [*flags, "--json"]) for flags in (["--plain"], []))
    different = 0
    for at in range(first, first + count, BATCH):
        seeds = range(at, min(at + BATCH, first + count))
        programs = [Generator(seed).program() for seed in seeds]
        for seed, program, wanted, found in zip(seeds, programs, plain.ask_all(programs), compiled.ask_all(programs)):
            shown = differences(wanted, found).replace("reference", "plain    ")
            different += bool(shown)
            if shown and different <= show:
                print(f"---- program {seed}\n{program}{shown}", flush=True)
    print(f"{different} of {count} different")
    return different


def check_seeds(first, count, binary, show):
    """Compares random programs; the number on which the engines differ."""
    counts = {"same": 0, "order": 0, "different": 0, "skipped": 0}
    seeds = list(range(first, first + count))
    batches = [(seeds[at:at + BATCH], binary) for at in range(0, count, BATCH)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for reports in pool.imap(check_batch, batches):
            for seed, outcome, program, shown in reports:
                counts[outcome] += 1
                if outcome == "different" and counts["different"] <= show:
                    print(f"---- program {seed}\n{program}{shown}", flush=True)
    print(counts)
    return counts["different"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chimera", default=str(CHIMERA))
    parser.add_argument("--evaluators", metavar="PATH", help="compare our evaluators; PATH is the built examples/run")
    parser.add_argument("--show", type=int, default=20, help="differences printed")
    parser.add_argument("files", nargs="*", type=Path, help="programs to compare instead of random ones")
    arguments = parser.parse_args()
    if arguments.files:
        different = check_files(arguments.files, arguments.chimera)
    elif arguments.evaluators:
        different = check_evaluators(arguments.seed * 1_000_000, arguments.programs, arguments.evaluators, arguments.show)
    else:
        different = check_seeds(arguments.seed * 1_000_000, arguments.programs, arguments.chimera, arguments.show)
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
