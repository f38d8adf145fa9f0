#!/usr/bin/env python3
"""Records what the reference engine answers to the programs of the corpus.

    pip install hyperon==0.2.10
    tests/conformance/record.py [--check] [CASE.metta …]

Answers stand in each program as comments under its directives:

    !(f $x)
    ; => 1
    ; => 2

`; =>` alone means no results; `!dies` that the reference's process aborted, and with it the rest of the program;
`!raises` that it could not read on. `; prints TEXT` lines at the end are what the program printed. `; ours =>` lines, and
`; ours prints`, are written by hand where we differ on purpose; they are kept as they are. Without arguments every
program is recorded. `--check` writes nothing and says where recorded answers are not what the reference says.

The reference sometimes dies of a program that it answers at other times, or answers in another way: a run that died is
repeated, and with `--check` one that gave other answers than recorded, up to four times. Each time that is said.

A case is `<topic>/<case>.metta`, or `<topic>/<case>/main.metta` beside the modules that it imports. Each runs in a
process of its own, bounded in time and memory, one directive after the other, also after an error.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

VERSION = "0.2.10"
SECONDS_MAX = 60
BYTES_MAX = 2 << 30
RUNS_MAX = 5
CORPUS = Path(__file__).resolve().parent
HEADER = f"; answers: hyperon {VERSION}"


class Failure(Exception):
    """A program that cannot be recorded, and why."""


def read(path):
    return path.read_bytes().decode()


def cases():
    return sorted([*CORPUS.glob("*/*.metta"), *CORPUS.glob("*/*/main.metta")])


def is_answer(line):
    return line.startswith(("; =>", "; prints "))


def is_ours(line):
    return line.startswith(("; ours =>", "; ours prints "))


def program(text):
    """The text without recorded answers, and our own answers by the line of the program that they follow."""
    lines, ours = [], {}
    for line in text.split("\n"):
        if line.startswith("; answers: ") or is_answer(line):
            continue
        if is_ours(line):
            ours.setdefault(len(lines), []).append(line)
        else:
            lines.append(line)
    return "\n".join(lines), ours


def canonical(text):
    """The text with variables named by order of occurrence and addresses of spaces left out."""
    names = {}
    out, place = [], 0
    for found in re.finditer(r'"(?:\\.|[^"\\])*"|\$[^\s()]+|GroundingSpace-0x[0-9a-f]+', text, re.S):
        out.append(text[place:found.start()])
        place = found.end()
        word = found.group()
        if word.startswith("$"):
            out.append(names.setdefault(word, f"${len(names)}"))
        elif word.startswith("G"):
            out.append("GroundingSpace-0x0")
        else:
            out.append(word)
    out.append(text[place:])
    return "".join(out).replace("\n", "\\n")


def printed(atom):
    """As the reference prints it."""
    return str(atom)


def forms(text):
    """Top-level atoms as (line on which it ends, from 1; text; whether it is a directive)."""
    from hyperon import SExprParser
    from hyperon.base import SyntaxNodeType

    parser = SExprParser(text)
    data = text.encode()
    directive = False
    while (node := parser.parse_to_syntax_tree()) is not None:
        kind = node.get_type()
        if kind in (SyntaxNodeType.WHITESPACE, SyntaxNodeType.COMMENT):
            continue
        begin, end = node.src_range().start, node.src_range().stop
        source = data[begin:end].decode()
        if source == "!":
            directive = True
            continue
        if kind == SyntaxNodeType.ERROR_GROUP:
            source = data[begin:].decode()
        yield data[:end].count(b"\n") + 1, source, directive or source.startswith("!")
        directive = False


def evaluate(path, descriptor):
    """In a process of its own: writes, per directive, a JSON line when it begins and one with its answers."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES_MAX, BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    from hyperon import Environment, MeTTa

    text, _ = program(read(Path(path)))
    engine = MeTTa(env_builder=Environment.custom_env(working_dir=str(Path(path).parent), is_test=True))

    def report(value):
        os.write(descriptor, json.dumps(value).encode() + b"\n")

    for line, source, directive in forms(text):
        report(line)
        try:
            results = engine.run(("! " if directive else "") + source.removeprefix("!" if directive else ""))
            if directive:
                report([line, [canonical(printed(atom)) for atom in (results or [[]])[0]]])
        except RuntimeError as error:
            report([line, [f"!raises {json.dumps(str(error), ensure_ascii=False)}"]])


def settled(path, wanted):
    """The program's text with the answers that the reference gives: those `wanted`, or else of the last run that did
    not die, if there is one within a few."""
    for again in range(1, RUNS_MAX + 1):
        now = recorded(path)
        died = "; => !dies" in now.split("\n")
        if now == wanted or (wanted is None and not died) or again == RUNS_MAX:
            return now
        what = "died" if died else "gave other answers"
        print(f"{path}: the reference {what}, run {again} of at most {RUNS_MAX}", file=sys.stderr)


def run(path):
    """The answers and the output of one program; the reference's death is an answer too."""
    with tempfile.TemporaryFile() as answers:
        command = [sys.executable, __file__, "--evaluate", str(path), str(answers.fileno())]
        try:
            done = subprocess.run(
                command,
                pass_fds=[answers.fileno()],
                capture_output=True,
                timeout=2 * SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{path}: took longer than {2 * SECONDS_MAX} s")
        answers.seek(0)
        reports = [json.loads(line) for line in answers.read().splitlines()]
        found = [report for report in reports if isinstance(report, list)]
        if done.returncode < 0 and isinstance(reports[-1], int):
            found.append([reports[-1], ["!dies"]])
        elif done.returncode != 0:
            raise Failure(f"{path}: the reference failed ({done.returncode}): {done.stderr.decode().strip()[-300:]}")
        output = done.stdout.decode()
        return found, [canonical(line) for line in output.splitlines()]


def recorded(path):
    """The program's text with the answers that the reference gives now."""
    text, ours = program(read(path))
    answers, output = run(path)
    under = {}
    for line, results in answers:
        if line in under:
            raise Failure(f"{path}:{line}: more than one directive ends on this line")
        under[line] = [f"; => {result}" for result in sorted(results)] or ["; =>"]
    lines = text.rstrip("\n").split("\n")
    out = [HEADER]
    for number, line in enumerate(lines, start=1):
        out += [line, *under.get(number, []), *ours.get(number, [])]
    out += [f"; prints {line}" for line in output]
    out += [line for number in sorted(ours) if number > len(lines) for line in ours[number]]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; say which answers are out of date")
    parser.add_argument("--evaluate", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("case", nargs="*", type=Path, help="programs; all of the corpus by default")
    arguments = parser.parse_args()
    if arguments.evaluate:
        case, descriptor = arguments.evaluate
        return evaluate(case, int(descriptor))
    import hyperon

    if hyperon.__version__ != VERSION:
        sys.exit(f"the answers are recorded from hyperon {VERSION}, this is {hyperon.__version__}")
    stale = failed = 0
    chosen = [path.resolve() for path in arguments.case] or cases()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wanted = {path: read(path) if arguments.check else None for path in chosen}
        for path, recording in [(path, pool.submit(settled, path, wanted[path])) for path in chosen]:
            try:
                now = recording.result()
            except Failure as failure:
                print(failure)
                failed += 1
                continue
            if now == read(path):
                continue
            stale += 1
            if arguments.check:
                print(f"{path}: not what the reference says")
            else:
                path.write_bytes(now.encode())
    print(f"{len(chosen)} programs, {stale} {'out of date' if arguments.check else 'written'}")
    return int(failed > 0 or (arguments.check and stale > 0))


if __name__ == "__main__":
    sys.exit(main())
