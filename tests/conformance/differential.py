#!/usr/bin/env python3
"""Runs random programs on the reference engine and on ours, and reports every difference.

    pip install hyperon==0.2.10
    cargo build -p chimera-server
    tests/conformance/differential.py --programs 1000 --seed 7 [--chimera target/debug/chimera]

Programs have overlapping rules, types, nondeterminism, let, case, match, collapse, changes of the space, and errors.
Rules call only rules before them, or themselves on a smaller argument, so that most programs end; those that do not
within the time are counted and left out. Each program is named by seed and number: `--only N` runs one again and
prints it. Results are compared per directive as multisets up to the names of variables and the order of elements in
what `collapse` gave.
"""

import argparse
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import record  # noqa: E402

SECONDS_MAX = 5


class Program:
    """Generates one program."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.variables = ["$x", "$y", "$z"]
        self.functions = []  # (name, arity), callable from what comes later

    def pick(self, *choices):
        return self.random.choice(choices)

    def atom(self):
        return self.pick("a", "b", "c", "1", "2", "0", "True", '"s"', "A")

    def pattern(self, depth=2):
        roll = self.random.random()
        if roll < 0.45:
            return self.pick(*self.variables)
        if roll < 0.8 or depth == 0:
            return self.atom()
        head = self.pick("S", "p", "q", "Cons")
        return f"({head} {' '.join(self.pattern(depth - 1) for _ in range(self.random.randint(1, 2)))})"

    def number(self, depth):
        roll = self.random.random()
        if depth == 0 or roll < 0.4:
            return self.pick("0", "1", "2", "3", "-1", "1.5", *self.variables)
        return f"({self.pick('+', '-', '*', '+', '/', '%')} {self.term(depth - 1)} {self.number(depth - 1)})"

    def condition(self, depth):
        return self.pick(
            f"(== {self.term(depth - 1)} {self.term(depth - 1)})",
            f"({self.pick('<', '>', '<=')} {self.number(depth - 1)} {self.number(depth - 1)})",
            "True",
            self.term(depth - 1),
        )

    def call(self, depth):
        if not self.functions:
            return self.atom()
        name, arity = self.pick(*self.functions)
        if self.random.random() < 0.05:
            arity += self.pick(-1, 1)
        return f"({' '.join([name, *(self.term(depth - 1) for _ in range(arity))])})"

    def term(self, depth=3):
        if depth <= 0:
            return self.pick(self.atom(), *self.variables)
        inner = depth - 1
        kind = self.random.randrange(30)
        if kind < 4:
            return self.atom()
        if kind < 7:
            return self.pick(*self.variables)
        if kind < 13:
            return self.call(depth)
        if kind < 16:
            return self.number(depth)
        if kind < 18:
            head = self.pick("S", "p", "q", "Cons", "a")
            return f"({head} {' '.join(self.term(inner) for _ in range(self.random.randint(1, 2)))})"
        if kind == 18:
            return f"(if {self.condition(depth)} {self.term(inner)} {self.term(inner)})"
        if kind == 19:
            return f"(let {self.pattern(1)} {self.term(inner)} {self.term(inner)})"
        if kind == 20:
            cases = " ".join(f"({self.pattern(1)} {self.term(inner)})" for _ in range(self.random.randint(1, 3)))
            return f"({self.pick('case', 'switch')} {self.term(inner)} ({cases}))"
        if kind == 21:
            return f"(superpose ({' '.join(self.term(inner) for _ in range(self.random.randint(0, 3)))}))"
        if kind == 22:
            return f"(collapse {self.term(inner)})"
        if kind == 23:
            return f"(match &self (fact {self.pattern(1)} {self.pattern(1)}) {self.term(inner)})"
        if kind == 24:
            return f"(unify {self.term(inner)} {self.pattern(2)} {self.term(inner)} {self.term(inner)})"
        if kind == 25:
            return f"(let* (({self.pattern(1)} {self.term(inner)}) ({self.pattern(1)} {self.term(inner)})) {self.term(inner)})"
        if kind == 26:
            return self.pick(
                f"(car-atom {self.term(inner)})",
                f"(cdr-atom {self.term(inner)})",
                f"(cons-atom {self.term(inner)} (a {self.term(inner)}))",
                f"(decons-atom ({self.term(inner)} b))",
                f"(size-atom ({self.term(inner)} b))",
                f"(index-atom ({self.term(inner)} b) {self.number(0)})",
            )
        if kind == 27:
            return self.pick(
                f"(quote {self.term(inner)})",
                f"(id {self.term(inner)})",
                f"(empty)",
                f"(Error {self.term(inner)} e)",
                f"(get-type {self.term(inner)})",
                f"(get-metatype {self.term(inner)})",
                f"(noeval {self.term(inner)})",
                f"(unquote (quote {self.term(inner)}))",
            )
        if kind == 28:
            return self.pick(
                f"(map-atom ({self.term(inner)} b) $m {self.term(inner)})",
                f"(map-atom (1 2) $m (+ $m {self.number(inner)}))",
                f"(foldl-atom (1 {self.term(inner)}) {self.term(0)} $m $n ({self.pick('p', '+', 'q')} $m $n))",
                f"(eval {self.call(depth)})",
                f"(chain {self.term(inner)} $m (p $m {self.term(inner)}))",
                f"(function (return {self.term(inner)}))",
            )
        return self.pick(
            f"(and {self.condition(inner)} {self.condition(inner)})",
            f"(not {self.condition(inner)})",
            f"(== {self.term(inner)} {self.term(inner)})",
            f"(if-equal {self.term(inner)} {self.term(inner)} {self.term(inner)} {self.term(inner)})",
            f"(unique-atom ({self.term(inner)} {self.term(inner)}))",
            f"(union-atom ({self.term(inner)}) ({self.term(inner)}))",
        )

    def type_atom(self):
        return self.pick("Number", "A", "B", "Atom", "%Undefined%", "$t", "Expression", "Bool", "(L $t)", "Symbol")

    def forms(self):
        for place in range(self.random.randint(1, 5)):
            name, arity = f"{self.pick('f', 'g', 'h')}{place if self.random.random() < 0.7 else ''}", self.random.randint(0, 2)
            if self.random.random() < 0.35:
                yield f"(: {name} (-> {' '.join(self.type_atom() for _ in range(arity + 1))}))"
            if self.random.random() < 0.15:
                yield f"(: {name} {self.type_atom()})"
            recursive = (name, arity) in self.functions or any(name == known for known, _ in self.functions)
            if recursive:
                self.functions = [known for known in self.functions if known[0] != name]
            for _ in range(self.random.randint(1, 3)):
                head = f"({' '.join([name, *(self.pattern() for _ in range(arity))])})"
                yield f"(= {head} {self.term()})"
            self.functions.append((name, arity))
            if self.random.random() < 0.3:
                yield f"(: {self.atom()} {self.pick('A', 'B', 'Number', '(L A)')})"
            if self.random.random() < 0.5:
                yield f"(fact {self.pattern(1)} {self.pattern(1)})"
        for _ in range(self.random.randint(1, 4)):
            roll = self.random.random()
            if roll < 0.1:
                yield f"! (add-atom &self (fact {self.term(1)} {self.atom()}))"
            elif roll < 0.15:
                yield f"! (remove-atom &self (fact {self.atom()} {self.atom()}))"
            else:
                yield f"! {self.call(4) if roll < 0.6 else self.term(4)}"

    def text(self):
        return "\n".join(self.forms()) + "\n"


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    os.setpgid(0, 0)


def reference(text):
    """Per directive, its results; None where the reference died or took too long."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        limit()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        from hyperon import Environment, MeTTa

        engine = MeTTa(env_builder=Environment.test_env())
        answers = []
        for line, source, directive in record.forms(text):
            results = engine.run(("! " if directive else "") + source)
            if directive:
                answers.append([record.printed(atom) for atom in results[0]])
        with os.fdopen(send, "w") as out:
            json.dump(answers, out)
        os._exit(0)
    os.close(send)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.alarm(2 * SECONDS_MAX)
    with os.fdopen(receive) as answers:
        found = answers.read()
    os.waitpid(child, 0)
    signal.alarm(0)
    return json.loads(found) if found else None


def ours(chimera, text):
    with tempfile.NamedTemporaryFile("w", suffix=".metta") as file:
        file.write(text)
        file.flush()
        try:
            done = subprocess.run(
                [chimera, "run", "--json", "--keep-going", file.name],
                capture_output=True,
                preexec_fn=limit,
                timeout=2 * SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    if done.returncode not in (0, 1):
        return [[f"exit status {done.returncode}: {done.stderr.decode()[-300:]}"]]
    return [json.loads(line)["results"] for line in done.stdout.decode().splitlines()]


def normal(results):
    """Results as a sorted list, names of variables and order within lists of results aside."""
    return sorted(record.canonical(text) for text in results)


def unordered(results):
    """As `normal`, comparing each result as a bag of words: for values whose order the reference does not fix."""
    return sorted(" ".join(sorted(re.findall(r"[^\s()]+", re.sub(r"\$[^\s()]+", "$", text)))) for text in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one program, printed with both answers")
    parser.add_argument("--chimera", default="target/debug/chimera")
    parser.add_argument("--show", type=int, default=10, help="how many differences to print")
    arguments = parser.parse_args()
    import hyperon

    if hyperon.__version__ != record.VERSION:
        sys.exit(f"the reference is hyperon {record.VERSION}, this is {hyperon.__version__}")
    numbers = range(arguments.programs) if arguments.only is None else [arguments.only]
    differing, left_out = [], 0
    for number in numbers:
        text = Program(f"{arguments.seed}/{number}").text()
        theirs, found = reference(text), ours(arguments.chimera, text)
        if arguments.only is not None:
            print(text, f"reference {theirs}", f"ours      {found}", sep="\n")
        if theirs is None or found is None:
            left_out += 1
            continue
        same = len(theirs) == len(found) and all(
            normal(a) == normal(b) or ("collapse" in text and unordered(a) == unordered(b))
            for a, b in zip(theirs, found)
        )
        if not same:
            differing.append(number)
            if len(differing) <= arguments.show:
                print(f"--- {arguments.seed}/{number}", text, f"reference {theirs}", f"ours      {found}", sep="\n")
    print(f"{len(numbers)} programs, {len(differing)} differ, {left_out} left out: {differing[:100]}")
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())
