#!/usr/bin/env python3
"""Compares MeTTa engines, and Prolog with the same algorithms, on the programs beside this file.

    benches/peers/run.py --chimera target/release/chimera
    benches/peers/run.py --chimera target/release/examples/run --only fib,tak --runs 5
    benches/peers/run.py --peer 'petta=sh /opt/petta/run.sh {file}' --hyperon venv/bin/metta-py

Every engine runs every program at growing sizes; each answer is checked. Printed are, per engine and
size, CPU seconds (user and system) less the engine's start-up (the median of the runs), nanoseconds a
unit of work, the highest resident memory, and how many times longer it took than the first engine for
a unit of work; then the exponent of growth, fitted over the sizes. An exponent much above that of
the reference is a defect. The exit status is 1 when an answer was wrong, or an engine of `--require` failed.
"""

import argparse
import datetime
import math
import os
import platform
import resource
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from families import FAMILIES, Family
from rendering import plain, render, render_facts

# Below this a difference of CPU times is noise.
TICK = 0.002


class Engine:
    """An engine, by the command that runs one file."""

    def __init__(self, name: str, command: list[str], *, suffix: str = ".metta", small: bool = False):
        self.name = name
        self.command = command
        self.suffix = suffix
        self.small = small
        self.startup = 0.0

    def argv(self, file: Path) -> list[str]:
        return [word.replace("{file}", str(file)) for word in self.command]


class Run:
    """What one run cost, or why it has no answer."""

    def __init__(self, cpu: float, rss_mib: float, answer: str, trouble: str | None):
        self.cpu, self.rss_mib, self.answer, self.trouble = cpu, rss_mib, answer, trouble


def engines(arguments: argparse.Namespace) -> list[Engine]:
    found = []
    chimera = arguments.chimera or next(
        (str(path) for path in (Path("target/release/chimera"), Path("target/release/examples/run")) if path.exists()),
        shutil.which("chimera"),
    )
    if chimera:
        runs = ["run"] if Path(chimera).name == "chimera" else []
        found.append(Engine("chimera", [chimera, *runs, "{file}"]))
    swipl = shutil.which("swipl")
    if swipl:
        command = [swipl, "-O", "-q", "--stack_limit=4g", "-g", "main", "-t", "halt", "{file}"]
        found.append(Engine("swipl", command, suffix=".pl"))
    hyperon = arguments.hyperon or shutil.which("metta-py")
    if hyperon:
        found.append(Engine("hyperon", [hyperon, "{file}"], small=True))
    for peer in arguments.peer:
        name, _, command = peer.partition("=")
        if "{file}" not in command:
            sys.exit(f"--peer {peer}: write NAME=COMMAND with {{file}} where the program goes")
        found.append(Engine(name, shlex.split(command)))
    for peer in arguments.small_peer:
        name, _, command = peer.partition("=")
        found.append(Engine(name, shlex.split(command), small=True))
    return [engine for engine in found if not arguments.engines or engine.name in arguments.engines.split(",")]


def run(engine: Engine, file: Path, arguments: argparse.Namespace) -> Run:
    """Runs one file once.

    The resident memory is asked of GNU time where that is installed: a process that this one
    starts would else count at least this one's own memory.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (arguments.timeout, arguments.timeout + 1))
        resource.setrlimit(resource.RLIMIT_AS, (arguments.memory << 20, arguments.memory << 20))

    with tempfile.TemporaryDirectory() as folder:
        out, err, note = (Path(folder) / name for name in ("out", "err", "note"))
        argv = engine.argv(file)
        timer = shutil.which("time")
        if timer:
            argv = [timer, "-q", "-f", "%M", "-o", str(note), *argv]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, preexec_fn=limit, start_new_session=True
            )
            # A run that waits instead of working uses no CPU time: the clock ends it.
            alarm = threading.Timer(10 * arguments.timeout, os.killpg, (child.pid, signal.SIGKILL))
            alarm.start()
            _, status, usage = os.wait4(child.pid, 0)
            alarm.cancel()
            child.returncode = os.waitstatus_to_exitcode(status)
        rss_kib = usage.ru_maxrss
        if timer and note.exists() and (words := note.read_text().split()):
            rss_kib = int(words[-1])
        lines = out.read_text(errors="replace").split("\n")
        lines = [line for line in lines if line.strip()]
        trouble = None
        cpu = usage.ru_utime + usage.ru_stime
        killed = (signal.SIGXCPU, signal.SIGKILL)
        if cpu >= arguments.timeout - 0.5 or child.returncode in {*(-n for n in killed), *(128 + n for n in killed)}:
            trouble = f"over {arguments.timeout} s"
        elif child.returncode != 0:
            last = err.read_text(errors="replace").strip().split("\n")[-1][:90]
            trouble = f"status {child.returncode}: {last}"
        return Run(cpu, rss_kib / 1024, lines[-1] if lines else "", trouble)


def measure(engine: Engine, family: Family, n: int, arguments: argparse.Namespace, folder: Path) -> Run:
    """The median run of one size, its CPU time less what preparing costs."""
    file = folder / f"{family.name}-{n}{engine.suffix}"
    file.write_text(render(family, engine.suffix, n, {}))
    runs = []
    for _ in range(arguments.runs):
        one = run(engine, file, arguments)
        if one.trouble:
            return one
        if plain(one.answer) != family.answer(n):
            one.trouble = f"WRONG: {one.answer[:60]!r}, expected {family.answer(n)}"
            return one
        runs.append(one)
    base = engine.startup
    if family.idle is not None or family.facts_apart:
        if family.facts_apart:
            file.write_text(render_facts(family, engine.suffix, n))
        else:
            file.write_text(render(family, engine.suffix, n, family.idle or {}))
        idle = [run(engine, file, arguments) for _ in range(arguments.runs)]
        base = statistics.median(one.cpu for one in idle)
    file.unlink()
    cpu = statistics.median(one.cpu for one in runs) - base
    return Run(cpu, max(one.rss_mib for one in runs), runs[0].answer, None)


def exponent(points: list[tuple[float, float]]) -> float | None:
    """The slope of log cost over log size, by least squares; needs two costs above the noise."""
    points = [(math.log(size), math.log(cost)) for size, cost in points if cost > TICK and size > 0]
    if len(points) < 2:
        return None
    x, y = (statistics.mean(values) for values in zip(*points, strict=True))
    spread = sum((a - x) ** 2 for a, _ in points)
    return sum((a - x) * (b - y) for a, b in points) / spread if spread else None


def compare(family: Family, found: list[Engine], arguments: argparse.Namespace, folder: Path) -> bool:
    """Runs one family on every engine; returns whether no answer was wrong."""
    right = True
    first: float | None = None
    print(f"\n### {family.name}\n")
    print("| engine | size | CPU s | ns a " + family.unit + " | MiB | × " + found[0].name + " | exponent |")
    print("|---|---|---|---|---|---|---|")
    for engine in found:
        sizes = family.small if engine.small else family.sizes
        if arguments.smallest:
            sizes = (family.small or family.sizes)[:1]
        points = []
        for n in sizes:
            one = measure(engine, family, n, arguments, folder)
            if one.trouble:
                right &= not one.trouble.startswith("WRONG") and engine.name != arguments.require
                print(f"| {engine.name} | {n} | {one.trouble} | | {one.rss_mib:.0f} | | |", flush=True)
                break
            each = max(one.cpu, TICK) / family.work(n) * 1e9
            points.append(((family.growth or family.work)(n), one.cpu))
            less = "" if one.cpu > TICK else "≤ "
            if engine is found[0]:
                first = each
            ratio = f"{each / first:.3g}" if first else ""
            slope = ""
            if n == sizes[-1] and (fitted := exponent(points)) is not None:
                slope = f"{fitted:.2f}"
            cells = (engine.name, n, f"{less}{max(one.cpu, TICK):.3f}", f"{less}{each:.3g}", f"{one.rss_mib:.0f}", ratio, slope)
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    return right


def version(engine: Engine) -> str:
    if engine.name == "hyperon":
        python = Path(engine.command[0]).with_name("python")
        code = "from importlib.metadata import version; print(version('hyperon'))"
        asked = [str(python if python.exists() else sys.executable), "-c", code]
    else:
        asked = [engine.command[0], "--version"]
    answered = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    return (answered.stdout.strip().split("\n")[0] if answered.returncode == 0 else "") or "version not told"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chimera", help="path of `chimera`, or of the example runner `run`")
    parser.add_argument("--hyperon", help="path of `metta-py` (of the hyperon package)")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="a further engine; {file} is the program")
    parser.add_argument("--small-peer", action="append", default=[], metavar="NAME=COMMAND", help="a further engine, at the small sizes")
    parser.add_argument("--engines", help="only these, by name, comma between")
    parser.add_argument("--only", help="only these families, comma between")
    parser.add_argument("--smallest", action="store_true", help="only the smallest size of each family: whether all of them run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--timeout", type=int, default=60, help="CPU seconds for one run")
    parser.add_argument("--memory", type=int, default=8192, help="MiB of address space for one run")
    parser.add_argument("--require", default="chimera", help="the engine that has to finish every size")
    arguments = parser.parse_args()
    found = engines(arguments)
    if not found:
        sys.exit("no engine found: give --chimera PATH, or install SWI-Prolog")
    names = set(arguments.only.split(",")) if arguments.only else {family.name for family in FAMILIES}
    if unknown := names - {family.name for family in FAMILIES}:
        sys.exit(f"no such family: {', '.join(sorted(unknown))}; there are {', '.join(f.name for f in FAMILIES)}")
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"{now}, {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {arguments.runs} runs each")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for engine in found:
            empty = folder / f"empty{engine.suffix}"
            empty.write_text("main.\n" if engine.suffix == ".pl" else "")
            runs = [run(engine, empty, arguments) for _ in range(max(5, arguments.runs))]
            engine.startup = statistics.median(one.cpu for one in runs)
            print(f"- {engine.name} ({version(engine)}): starts in {engine.startup * 1000:.0f} ms of CPU, {runs[0].rss_mib:.1f} MiB")
        right = [compare(family, found, arguments, folder) for family in FAMILIES if family.name in names]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
