"""The program families: sizes, the work each size means, the answer it must give, and its facts.

The programs themselves stand in `programs/`; `@N@`, `@N2@`, `@N3@`, `@Q@`, `@W@` and `@LAST@` are
filled in from here.
"""

import dataclasses
import functools
import math
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Family:
    """One program at growing sizes."""

    name: str
    # Three or more growing sizes, for engines that compile.
    sizes: tuple[int, ...]
    # Sizes for engines that walk the tree; each is tried until one runs out of time.
    small: tuple[int, ...]
    # What the program has to do at a size, in the unit that is printed.
    work: Callable[[int], float]
    unit: str
    # The last line that a right engine prints at a size.
    answer: Callable[[int], str]
    # Further words to fill in.
    fill: Callable[[int], dict[str, int]] = lambda n: {}
    # What the exponent is fitted over, if not the work.
    growth: Callable[[int], float] | None = None
    # Facts or rules that go before the program: pairs of MeTTa and Prolog lines.
    facts: Callable[[int], tuple[str, str]] = lambda n: ("", "")
    # With these words instead, the program only prepares: the cost is the difference.
    idle: dict[str, int] | None = None
    # Preparing is reading the facts: the cost is what the program takes beyond that.
    facts_apart: bool = False
    # The family whose program it is, at other sizes, if it has none of its own.
    program_of: str | None = None


@functools.cache
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def fib_calls(n: int) -> int:
    return 2 * fib(n + 1) - 1


@functools.cache
def tak(x: int, y: int, z: int) -> tuple[int, int]:
    """The value of tak, and the calls it takes."""
    if y >= x:
        return z, 1
    parts = (tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))
    value, calls = tak(*(value for value, _ in parts))
    return value, 1 + calls + sum(calls for _, calls in parts)


def tak_of(n: int) -> tuple[int, int]:
    return tak(n, n * 2 // 3, n // 3)


def ack_calls(n: int) -> int:
    return (128 * 4**n - 120 * 2**n + 9 * n + 37) // 3


@functools.cache
def queens(n: int) -> tuple[int, int]:
    """How many boards of n queens there are, and how many candidates are looked at."""

    def place(board: tuple[int, ...]) -> tuple[int, int]:
        if len(board) == n:
            return 1, 0
        boards = tried = 0
        for q in range(n):
            if q in board:
                continue
            tried += 1
            if all(abs(q - p) != d for d, p in enumerate(reversed(board), 1)):
                more, deeper = place((*board, q))
                boards += more
                tried += deeper
        return boards, tried

    return place(())


def triples(n: int) -> int:
    squares = {z * z for z in range(1, n + 1)}
    return sum(x * x + y * y in squares for x in range(1, n + 1) for y in range(x, n + 1))


def kept_sum(n: int) -> int:
    return sum(2 * x for x in range(1, n + 1) if 2 * x % 3 == 0)


def next_edge(i: int, n: int) -> int:
    return (i * 7 + 3) % n


def edges(n: int) -> tuple[str, str]:
    pairs = [(i, next_edge(i, n)) for i in range(n)]
    return (
        "".join(f"(edge {a} {b})\n" for a, b in pairs),
        "".join(f"edge({a}, {b}).\n" for a, b in pairs),
    )


def walk(n: int, steps: int) -> int:
    at = 0
    for _ in range(steps):
        at = next_edge(at, n)
    return at


def loops(n: int) -> int:
    return sum(next_edge(i, n) == i for i in range(n))


def grid(n: int) -> tuple[str, str]:
    steps = [((x, y), (x + 1, y)) for x in range(n) for y in range(n + 1)]
    steps += [((x, y), (x, y + 1)) for x in range(n + 1) for y in range(n)]
    return (
        "".join(f"(axiom step{i} (Edge (At {a} {b}) (At {c} {d})))\n" for i, ((a, b), (c, d)) in enumerate(steps)),
        "".join(f"axiom(step{i}, edge(at({a}, {b}), at({c}, {d}))).\n" for i, ((a, b), (c, d)) in enumerate(steps)),
    )


def parents(n: int) -> dict[int, int]:
    """Each person's parent: eight children each, as far as there are so many people."""
    return {i: (i - 2) // 8 + 1 for i in range(2, n + 1)}


def family_tree(n: int) -> tuple[str, str]:
    pairs = [(parent, child) for child, parent in parents(n).items()]
    return (
        "".join(f"(parent {a} {b})\n" for a, b in pairs),
        "".join(f"parent({a}, {b}).\n" for a, b in pairs),
    )


@functools.cache
def relatives(n: int) -> int:
    """How many pairs of cousins there are, and how many descendants the first has."""
    of = parents(n)
    children: dict[int, list[int]] = {}
    for child, parent in of.items():
        children.setdefault(parent, []).append(child)
    cousins = sum(
        len(children.get(uncle, ())) for parent in of.values() if parent in of for uncle in children[of[parent]] if uncle != parent
    )
    return cousins + len(of)


@functools.cache
def subsets(n: int) -> int:
    """How many sets of numbers up to n add up to 2 n."""
    sums = [1] + [0] * (2 * n)
    for number in range(1, n + 1):
        for total in range(2 * n, number - 1, -1):
            sums[total] += sums[total - number]
    return sums[2 * n]


def answers(n: int) -> tuple[str, str]:
    return (
        "".join(f"(= (answer key{i}) {i})\n" for i in range(n)),
        "".join(f"answer(key{i}, {i}).\n" for i in range(n)),
    )


def churned(steps: int, window: int) -> int:
    return sum((i + window) * 7 % 1000 for i in range(steps))


def turned(n: int) -> int:
    a = b = 0
    for left in range(n, 0, -1):
        a, b = b, left - a
    return a + b


def primes(n: int) -> int:
    return sum(all(k % d for d in range(2, math.isqrt(k) + 1)) for k in range(2, n + 1))


def sieved(n: int) -> float:
    """How many numbers are divided by how many primes, in all."""
    left, tests = list(range(2, n + 1)), 0
    while left:
        p, *rest = left
        tests += len(rest)
        left = [k for k in rest if k % p]
    return tests


@functools.cache
def rewritten(n: int) -> tuple[int, int]:
    """How often the word is rewritten, and how many letters are passed over on the way."""
    word = list("cba" * n)
    steps = passed = 0
    while True:
        at = next((i for i in range(len(word) - 1) if word[i] > word[i + 1]), None)
        if at is None:
            return steps, passed
        word[at], word[at + 1] = word[at + 1], word[at]
        steps += 1
        passed += at + 1


@functools.cache
def collatz(n: int) -> int:
    at, steps = 2**n - 1, 0
    while at != 1:
        at = at // 2 if at % 2 == 0 else 3 * at + 1
        steps += 1
    return steps


@functools.cache
def knapsack(n: int) -> tuple[int, int]:
    """The best value, and the calls it takes to try all."""
    items = [(1 + i * 7 % 11, 1 + i * 13 % 17) for i in range(n, 0, -1)]

    @functools.cache
    def best(at: int, room: int) -> tuple[int, int]:
        if at == len(items):
            return 0, 1
        weight, value = items[at]
        without, calls = best(at + 1, room)
        if weight > room:
            return without, calls + 1
        taken, more = best(at + 1, room - weight)
        return max(without, value + taken), calls + more + 1

    return best(0, 3 * n)


def simple_paths(n: int) -> int:
    """Paths from one to another node of a complete graph that visit none twice."""
    return sum(math.perm(n - 2, k) for k in range(n - 1))


@functools.cache
def played(n: int) -> tuple[int, int]:
    """The worth of a started game of noughts and crosses, and how many positions follow it."""
    start = {9: "nnnnnnnnn", 8: "nnnnxnnnn", 7: "onnnxnnnn", 6: "oxnnxnnnn", 5: "oxnnxnnon"}[n]
    lines = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]

    @functools.cache
    def value(board: str, player: str) -> tuple[int, int]:
        other = "o" if player == "x" else "x"
        if any(all(board[i] == other for i in line) for line in lines):
            return -1, 1
        worth, positions = (-2, 1) if "n" in board else (0, 1)
        for i, mark in enumerate(board):
            if mark == "n":
                of, more = value(board[:i] + player + board[i + 1 :], other)
                worth, positions = max(worth, -of), positions + more
        return worth, positions

    return value(start, "x" if n % 2 else "o")


MODULUS = 1_000_007


@functools.cache
def fib_modulo(n: int) -> int:
    before, at = 0, 1
    for _ in range(n):
        before, at = at, (before + at) % MODULUS
    return before


@functools.cache
def grid_ways(n: int) -> int:
    row = [1] * (n + 1)
    for _ in range(n):
        for y in range(1, n + 1):
            row[y] = (row[y] + row[y - 1]) % MODULUS
    return row[n]


@functools.cache
def in_common(n: int) -> int:
    left = [i * i % 7 for i in range(1, n + 1)]
    right = [i * (i + 3) % 11 for i in range(1, n + 1)]
    row = [0] * (n + 1)
    for a in left:
        before = row
        row = [0]
        for j, b in enumerate(right):
            row.append(before[j] + 1 if a == b else max(before[j + 1], row[j]))
    return row[n]


def twice_and_thrice(n: int) -> list[tuple[int, int]]:
    """Two edges from each node."""
    return [(i, to) for i in range(n) for to in (2 * i % n, (3 * i + 1) % n)]


def edges_in_circles(n: int) -> tuple[str, str]:
    found = twice_and_thrice(n)
    metta = "".join(f"(edge {a} {b})\n" for a, b in found)
    return metta, "".join(f"edge({a}, {b}).\n" for a, b in found)


@functools.cache
def reached(n: int, start: int) -> int:
    """How many nodes can be reached by one edge or more."""
    after: dict[int, list[int]] = {}
    for a, b in twice_and_thrice(n):
        after.setdefault(a, []).append(b)
    seen: set[int] = set()
    left = list(after[start])
    while left:
        at = left.pop()
        if at not in seen:
            seen.add(at)
            left.extend(after[at])
    return len(seen)


def closed(n: int) -> int:
    return sum(reached(n, start) for start in range(n))


def halved_tree(n: int) -> tuple[str, str]:
    """A tree in which everybody has two children."""
    pairs = [(i, i // 2) for i in range(2, n + 1)]
    metta = "".join(f"(parent {a} {b})\n" for a, b in pairs)
    return metta, "".join(f"parent({a}, {b}).\n" for a, b in pairs)


ASKED = 100_000
KEYS = (10_000, 100_000, 1_000_000)
LARGE_WINDOW = 1_000_000


def steady(name: str, steps: int) -> Family:
    """Queries from a key, as many at every number of facts."""
    return Family(
        name=name,
        sizes=KEYS,
        small=(100, 500),
        work=lambda n: ASKED if n >= KEYS[0] else 20,
        unit="query",
        answer=lambda n: str(walk(n, steps * (ASKED if n >= KEYS[0] else 20))),
        fill=lambda n: {"Q": ASKED if n >= KEYS[0] else 20},
        growth=lambda n: n,
        facts=edges,
        idle={"Q": 1},
    )


FAMILIES = [
    Family("fib", (24, 27, 30), (8, 11, 14), fib_calls, "call", lambda n: str(fib(n))),
    Family("typed", (24, 27, 30), (8, 11, 14), fib_calls, "call", lambda n: str(fib(n))),
    Family(
        "tak", (18, 21, 24), (6, 9), lambda n: tak_of(n)[1], "call", lambda n: str(tak_of(n)[0]),
        fill=lambda n: {"N2": n * 2 // 3, "N3": n // 3},
    ),
    Family("ackermann", (6, 7, 8), (1, 2), ack_calls, "call", lambda n: str(2 ** (n + 3) - 3)),
    Family("peano", (250, 500, 1000), (5, 10, 20), lambda n: n * n, "addition", lambda n: str(n * n)),
    Family("queens", (8, 9, 10), (4, 5), lambda n: queens(n)[1], "candidate", lambda n: str(queens(n)[0])),
    Family(
        "permutations", (7, 8, 9), (3, 4, 5), lambda n: math.factorial(n), "permutation",
        lambda n: str(math.factorial(n)),
    ),
    Family(
        "triples", (60, 90, 135), (5, 8, 12), lambda n: n * (n + 1) * (n + 2) / 6, "candidate",
        lambda n: str(triples(n)),
    ),
    Family(
        "chaining", (6, 7, 8), (1, 2, 3), lambda n: math.comb(2 * n + 2, n + 1) - 1, "goal",
        lambda n: str(math.comb(2 * n, n)), facts=grid,
    ),
    steady("match-key", 1),
    steady("match-join2", 2),
    steady("match-join3", 3),
    Family("match-all", (100_000, 300_000, 1_000_000), (100, 300), lambda n: n, "solution", str, facts=edges, facts_apart=True),
    Family("scan", (100_000, 300_000, 1_000_000), (100, 300), lambda n: 5 * n, "atom", lambda n: str(loops(n)), facts=edges, facts_apart=True),
    Family("load", (100_000, 300_000, 1_000_000), (100, 1000), lambda n: n, "fact", lambda n: str(next_edge(7, n)), facts=edges),
    Family("add", (100_000, 300_000, 1_000_000), (50, 100), lambda n: n, "fact", lambda n: "8"),
    Family(
        "churn", (10_000, 30_000, 100_000), (5, 10), lambda n: n, "step",
        lambda n: str(churned(n, 1000 if n > 99 else 20)),
        fill=lambda n: {"Q": n, "W": 1000 if n > 99 else 20}, idle={"Q": 0},
    ),
    Family(
        "churn-large", (10_000, 30_000, 100_000), (), lambda n: n, "step",
        lambda n: str(churned(n, LARGE_WINDOW)),
        fill=lambda n: {"Q": n, "W": LARGE_WINDOW}, idle={"Q": 0}, program_of="churn",
    ),
    Family(
        "rules", (10, 1_000, 100_000), (), lambda n: ASKED, "call",
        lambda n: str(n - 1), fill=lambda n: {"Q": ASKED, "LAST": n - 1}, growth=lambda n: n, facts=answers, idle={"Q": 1},
    ),
    Family("deep", (100_000, 300_000, 1_000_000), (20, 60), lambda n: n, "level", str),
    Family("tail", (1_000_000, 3_000_000, 10_000_000), (20, 60), lambda n: n, "turn", str),
    Family(
        "garbage", (1_000_000, 3_000_000, 10_000_000), (20, 60), lambda n: n, "turn",
        lambda n: str(turned(n)),
    ),
    Family("lists", (10_000, 100_000, 1_000_000), (20, 60), lambda n: n, "element", lambda n: str(kept_sum(n))),
    Family("lists-cons", (10_000, 100_000, 1_000_000), (20, 60), lambda n: n, "element", lambda n: str(kept_sum(n))),
    Family("get-type", (1_000, 10_000, 100_000), (10, 20), lambda n: n, "level", lambda n: "nat"),
    Family("strings", (10_000, 100_000, 1_000_000), (10, 30), lambda n: n, "string", lambda n: str(n + 999)),
    Family(
        "permute-test", (6, 7, 8), (3, 4), lambda n: math.factorial(n), "permutation", lambda n: str(queens(n)[0]),
    ),
    Family("sieve", (500, 1000, 2000), (10, 20), sieved, "test", lambda n: str(primes(n))),
    Family("hanoi", (14, 16, 18), (3, 5), lambda n: 2**n, "move", lambda n: str(2**n - 1)),
    Family("even-odd", (1_000_000, 3_000_000, 10_000_000), (20, 60), lambda n: n, "turn", lambda n: str(n % 2 == 0).lower()),
    Family("rewriting", (10, 20, 40), (2, 3), lambda n: rewritten(n)[1], "letter", lambda n: str(rewritten(n)[0])),
    Family("collatz", (400, 800, 1600), (10, 20), collatz, "step", lambda n: str(collatz(n))),
    Family("knapsack", (14, 16, 18), (3, 5), lambda n: knapsack(n)[1], "call", lambda n: str(knapsack(n)[0])),
    Family("paths", (7, 8, 9), (3, 4), simple_paths, "path", lambda n: str(simple_paths(n))),
    Family("sudoku", (1, 3, 9), (), lambda n: n, "grid", lambda n: str(288 * n)),
    Family("minimax", (7, 8, 9), (), lambda n: played(n)[1], "position", lambda n: str(played(n)[0])),
    Family("church", (100, 300, 1000), (), lambda n: 200 * n, "application", lambda n: str(200 * n)),
    Family("zebra", (10, 30, 100), (), lambda n: n, "puzzle", str),
    Family("subsets", (10, 12, 14), (3, 5), lambda n: 2**n, "subset", lambda n: str(subsets(n))),
    Family(
        "splits", (30, 100, 300), (3, 6), lambda n: math.comb(n + 3, 3), "element", lambda n: str((n + 1) * (n + 2) // 2),
    ),
    Family("inference", (30, 100, 300), (), lambda n: n, "term", str),
    Family("colouring", (10, 30, 100), (), lambda n: 768 * n, "map", lambda n: str(768 * n)),
    Family("letters", (1, 3, 9), (), lambda n: n, "puzzle", str),
    Family("combinators", (50, 100, 200), (5, 8), lambda n: n * n, "level", str),
    Family(
        "relatives", (585, 1_500, 4_681), (9, 20), relatives, "pair", lambda n: str(relatives(n)), facts=family_tree, facts_apart=True,
    ),
    Family("superpose", (10, 13, 16), (3, 5), lambda n: 2**n, "walk", lambda n: str(2**n)),
    Family("interpreter", (14, 17, 20), (3, 5), fib_calls, "call", lambda n: str(fib(n))),
    Family("tabled-fib", (10_000, 30_000, 100_000), (), lambda n: n, "state", lambda n: str(fib_modulo(n))),
    Family("tabled-grid", (100, 200, 400), (), lambda n: n * n, "state", lambda n: str(grid_ways(n))),
    Family("tabled-lcs", (100, 200, 400), (), lambda n: n * n, "state", lambda n: str(in_common(n))),
    Family(
        "tabled-path", (1_000, 10_000, 100_000), (), lambda n: 2 * n, "edge", lambda n: str(reached(n, 1)),
        facts=edges_in_circles, facts_apart=True,
    ),
    Family(
        "tabled-closure", (50, 100, 200), (), lambda n: 2 * n * n, "edge", lambda n: str(closed(n)),
        facts=edges_in_circles, facts_apart=True,
    ),
    Family(
        "tabled-generation", (1_023, 8_191, 65_535), (), lambda n: n, "person", lambda n: str((n + 1) // 2),
        facts=halved_tree, facts_apart=True,
    ),
    Family("tabled-grammar", (10_001, 30_001, 100_001), (), lambda n: n, "token", lambda n: str((n + 1) // 2)),
]

