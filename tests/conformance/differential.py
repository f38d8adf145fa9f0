#!/usr/bin/env python3
"""Random well-formed programs through the reference engine and through ours.

    tests/conformance/differential.py --programs 10000 --seed 7 [--chimera PATH]
    tests/conformance/differential.py --kind spaces --programs 1000 --seed 7    (`kinds.py` has more)
    tests/conformance/differential.py FILE.metta …
    tests/conformance/differential.py --evaluators target/release/examples/run --programs 10000 --seed 7

Needs `pip install hyperon==0.2.10` and a built `chimera`. Each program is counted
under one heading:

- `same`: the results of each directive are the same multiset, up to the names of variables.
- `order inside of results`: but for the order inside of expressions and texts, as `collapse` gathered it.
- `order of alternatives`: ours gives the reference's answers to the same program with its rules and facts, and what
  `superpose` and `union` are given, in another order; where a program makes something of the order, as of the head of what
  `collapse` gathered, answers differ.
- `bindings as printed`: what bindings between `collapse-bind` and `superpose-bind` look like.
- `Error as a member`: the reference takes what is left of a tuple from `Error` on for an error (`divergences.md`).
- `reference varies`: run again, the reference gives our answers too.
- `any type as a value`: what `get-type` gives for any type matches everything in the reference, also heads of rules. Where
  functions ask for the types, with the same signatures, answers differ still; they are the same once these functions
  write and read the types, so that they are symbols.
- `NotReducible as a value`: the reference's answer has that symbol in it, as one step of what is not reducible gave it.
- `Empty as a value`: the reference's answer has results more that are that symbol, each of them a variable that was bound to it
  (`divergences.md`).
- `bound variable as an argument`: of a variable that is wanted, and bound meanwhile, the reference says that the argument's
  type is wrong (`BadType`), ours may say so of the call (`BadArgType`). All else is the same.
- `only NaN`: of numbers that are all NaN the reference's greatest and least are infinities.
- `condition of filter-atom`: the reference's own answers that a condition does not return (`divergences.md`).
- `members with variables`: what the reference's `intersection-atom` and `subtraction-atom` make of those, and of texts
  of `repr` (`divergences.md`), also in `intersection` and `subtraction`. Its answers are ours where both are asked the same program with rules in the place of these operations.
- `characters without a type`: those that the reference's `stringToChars` gives. Its answers are ours where both are asked the
  same program with symbols in the place of characters.
- `variable of a variable`: what the reference's `first-from-pair` takes from a variable is no longer bound with it. Its
  answers are ours where both are asked the same program with `let` in its place.
- `variable of a walk`: one that evaluating the list of `foldl-atom`, `map-atom` or `filter-atom` binds is no variable any more in
  the reference, which then has no result. Its answers are ours where both are asked the same program with other variables there.
- `space inside of an atom`: the reference asks it for itself (`divergences.md`). Its answers are ours where both are asked the
  same program with functions that ask spaces, so that these are not inside of atoms.
- `variable in a value`: what a rule's head makes a caller's variable, an expression with variables of the rule, keeps them in
  ours; the reference forgets what they are bound to later (`matching/equal-variables`). Its answers are those that both give to
  the same program with heads that take apart what is a variable by other variables than the rule's, all of them or those of one name.
- `variable forgotten`: as the one before, where not all calls of a rule are alike in it: each of ours is one of the reference's
  with values for variables of it.
- `type told by another argument`: ours keeps it, the reference forgets it (`divergences.md`), so that ours has errors more. Its
  answers are ours where both are asked the same program with a function without types in the place of `==`.
- `reference died`, `reference did not finish`: there is nothing to compare with; it died also if it does when asked again.
- `unexplained`: everything else. These programs are printed with both answers, and the exit status says whether
  there was one.

With files, says too where ours takes more than three times the reference's CPU.
`--evaluators` holds the compiled evaluator against the plain one instead, without
the reference; `cargo build --release --example run` builds the program that it names.
"""
import argparse
import multiprocessing
import os
import random
import re
import sys
from pathlib import Path

from engines import Answers, Ours, Reference, without_order
from kinds import KINDS

CHIMERA = Path(__file__).resolve().parents[2] / "target" / "release" / "chimera"
BATCH = 50
SECONDS = 4
# What starting takes, beside the evaluation.
START_SECONDS = 0.1
# How many other orders of a program's rules are looked at.
ORDERS = 24
HEADINGS = ["same", "order inside of results", "order of alternatives", "bindings as printed", "Error as a member",
            "any type as a value", "NotReducible as a value", "Empty as a value", "bound variable as an argument",
            "only NaN", "condition of filter-atom", "members with variables", "characters without a type",
            "variable of a variable", "variable of a walk", "space inside of an atom", "type told by another argument", "variable in a value",
            "variable forgotten", "reference varies", "reference died", "reference did not finish", "unexplained"]
# What ours and the reference's say otherwise: with this word for what the pattern finds they are the same.
ALIKE = [
    ("bound variable as an argument", r"\(Error .* \(Bad(?:ArgType \d+|Type) Variable (.*)\)\)", r"(Variable \1)"),
    ("only NaN", r"-?\binf\b|NaN", "NaN"),
]
# What asks for types, by functions with the signatures of those that the language has: as they are, and with what they give
# written and read again.
TYPES = """
(: type-of (-> Atom %Undefined%))
(: type-of-space (-> SpaceType Atom Atom))
(= (type-of $x) (function (chain (eval (get-type $x)) $type (return $type))))
(= (type-of-space $space $x) (function (chain (eval (get-type-space $space $x)) $type (return $type))))
"""
READ_AGAIN = ("$type (return $type)", "$type (chain (eval (repr $type)) $text (chain (eval (parse $text)) $symbol (return $symbol)))")
# Rules for the two operations on members.
MEMBERS = """
(: subtraction-of (-> Expression Expression Expression))
(= (subtraction-of $a $b) (function (chain (eval (members-of False $a $b ())) $all (return $all))))
(: intersection-of (-> Expression Expression Expression))
(= (intersection-of $a $b) (function (chain (eval (members-of True $a $b ())) $all (return $all))))
(: subtraction-in (-> Atom Atom %Undefined%))
(= (subtraction-in $a $b) (let $c (collapse $a) (let $d (collapse $b) (let $all (subtraction-of $c $d) (superpose $all)))))
(: intersection-in (-> Atom Atom %Undefined%))
(= (intersection-in $a $b) (let $c (collapse $a) (let $d (collapse $b) (let $all (intersection-of $c $d) (superpose $all)))))
(= (members-of $wanted $a $b $kept) (function (chain (eval (== $a ())) $none (unify $none True (return $kept)
  (chain (decons-atom $a) $parts (unify ($member $others) $parts
    (chain (eval (without-member $member $b ())) $taken (unify ($is $left) $taken
      (unify $is $wanted
        (chain (eval (union-atom $kept ($member))) $more (chain (eval (members-of $wanted $others $left $more)) $all (return $all)))
        (chain (eval (members-of $wanted $others $left $kept)) $all (return $all)))
      (return wrong))) (return wrong)))))))
(= (without-member $member $list $before) (function (chain (eval (== $list ())) $none (unify $none True (return (False $before))
  (chain (decons-atom $list) $parts (unify ($first $others) $parts
    (chain (eval (== $member $first)) $is (unify $is True
      (chain (eval (union-atom $before $others)) $left (return (True $left)))
      (chain (eval (union-atom $before ($first))) $more (chain (eval (without-member $member $others $more)) $all (return $all)))))
    (return wrong)))))))
"""
# The same program but for what a heading is about: by heading, what is written instead of what, first of all what it is
# about, and rules for that.
INSTEAD = [
    ("members with variables", [
        (r"\((subtraction|intersection)(-atom)? ", lambda found: f"({found[1]}-{'of' if found[2] else 'in'} "),
    ], MEMBERS),
    ("characters without a type", [(r"\(stringToChars ", "(characters-of ")], "(= (characters-of $text) (c1 c2 c3))\n"),
    ("variable of a variable", [(r"\(first-from-pair (\$\w+)\)", r"(let ($first-of $second-of) \1 $first-of)")], ""),
    ("space inside of an atom", [
        (r"\(match &(kb|self) ", r"(match-\1 "),
        (r"(!\(bind! &kb .*\n)", r"\1(= (match-kb $pattern $template) (match &kb $pattern $template))\n"),
    ], "(: match-kb (-> Atom Atom %Undefined%))\n(: match-self (-> Atom Atom %Undefined%))\n"
       "(= (match-self $pattern $template) (match &self $pattern $template))\n"),
    ("type told by another argument", [(r"\(== ", "(equal-of ")], "(= (equal-of $a $b) (== $a $b))\n"),
]
# What takes apart what a rule is given: a variable by `$other`, which shares no variable with the body.
TAKEN = """
(: taken (-> Atom Atom Atom Atom %Undefined%))
(= (taken $given $pattern $other $body) (function (chain (eval (get-metatype $given)) $kind (unify $kind Variable
  (unify $given $other (return $body) (return Empty))
  (unify $given $pattern (return $body) (return Empty))))))
"""
# A bracket, a text or a word of a program.
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[()]|[^\s()"]+')
# Of so many programs under one heading the seeds are told.
SEEDS_TOLD = 20
# How often the reference is asked again, each time by a process of its own.
AGAIN = 6


def program_of(seed, kind=None):
    """Without a kind, every other program is of `rules` and of `wide`."""
    return KINDS[kind or ("rules", "wide")[seed % 2]](seed).program()


def parts_of(text):
    """The parts of an expression as it is written, with its head."""
    parts, depth = [], 0
    for found in TOKEN.finditer(text[1:-1]):
        if depth == 0:
            parts.append("")
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
        start = " " if parts[-1] and not parts[-1].endswith("(") and found.group() != ")" else ""
        parts[-1] += start + found.group()
    return parts


def with_alternatives_reordered(line, orders):
    """The line with what `superpose` and `union` are given, where they are, in another order."""
    at = 0
    while found := re.compile(r"\((superpose|union) ").search(line, at):
        end = end_of(line, found.start())
        parts = parts_of(line[found.start():end])
        if parts[0] == "union":
            given = parts[1:]
            orders.shuffle(given)
            parts[1:] = given
        elif len(parts) == 2 and parts[1].startswith("("):
            given = parts_of(parts[1])
            orders.shuffle(given)
            parts[1] = f"({' '.join(given)})"
        line = line[:found.start()] + f"({' '.join(parts)})" + line[end:]
        at = found.end()
    return line


def end_of(text, start):
    """Behind the expression that begins there."""
    depth = 0
    for found in re.compile(r'"(?:\\.|[^"\\])*"|[()]').finditer(text, start):
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
        if depth == 0:
            return found.end()
    return len(text)


def reordered(program, orders):
    """The program with the lines between directives in another order, and those that only add a fact, and alternatives."""
    parts, run = [], []
    program = "\n".join(with_alternatives_reordered(line, orders) for line in program.splitlines())
    for line in [*program.splitlines(), "!"]:
        if not line.startswith("!") or line.startswith("!(add-atom &"):
            run.append(line)
            continue
        orders.shuffle(run)
        parts += [*run, line]
        run = []
    return "\n".join(parts[:-1]) + "\n"


def with_arguments_taken(program, forgotten):
    """The program with rules whose bodies take apart what their heads do; what the pattern finds are other variables in a variable.

    One rule more tells that a call is for none of the others.
    """
    lines, heads, taken = [], {}, set()
    for line in program.splitlines():
        if line.startswith("(= ("):
            _, head, body = parts_of(line)[:3]
            name, *given = parts_of(head)
            heads.setdefault((name, len(given)), []).append(f"({' '.join(given)})")
            for at, pattern in enumerate(given):
                if pattern.startswith("(") and "$" in pattern:
                    other = re.sub(rf"({forgotten})(?=[\s()])", r"\1-other", pattern)
                    given[at] = f"$given-{at}"
                    body = f"(taken $given-{at} {pattern} {other} {body})"
                    taken.add((name, len(given)))
            line = f"(= ({' '.join([name, *given])}) {body})"
        lines.append(line)
    for name, count in sorted(taken):
        given = " ".join(f"$given-{at}" for at in range(count))
        left = "(return NotReducible)"
        for head in heads[name, count]:
            left = f"(unify ({given}) {head} (return Empty) {left})"
        if not name.startswith("("):
            lines.insert(0, f"(= ({name} {given}) (function {left}))")
    return TAKEN + "\n".join(lines) + "\n"


def with_own_walked(program):
    """The program with variables of `foldl-atom`, `map-atom` and `filter-atom` that nothing else has."""
    at = 0
    while found := re.compile(r"\((foldl|map|filter)-atom ").search(program, at):
        end = end_of(program, found.start())
        head, *parts = parts_of(program[found.start():end])
        at = found.end()
        for place, variable in enumerate(parts[:-1]):
            if place > 0 and variable.startswith("$"):
                own = f"{variable}-{found.start()}"
                parts[place] = own
                parts[-1] = re.sub(rf"{re.escape(variable)}(?=[\s()]|$)", own, parts[-1])
        program = program[:found.start()] + f"({' '.join([head, *parts])})" + program[end:]
    return program


def without_bindings(answers):
    """The results without order, and bindings without what they bind."""
    if isinstance(answers.directives, str):
        return answers.directives
    bare = [[numbered_anew(without_innermost(result)) for result in results] for results in answers.directives]
    return Answers(bare).without_order()


def without_innermost(result):
    """A result with a word for bindings, the innermost first: they may be bound to what has such in it."""
    while (bare := re.sub(r"\{ [^{}]*\}", "bindings", result)) != result:
        result = bare
    return result


def numbered_anew(result):
    """A result with the numbers of variables in the order in which they occur."""
    numbers = {}
    return re.sub(r"\$\d+", lambda found: f"${numbers.setdefault(found[0], len(numbers))}", result)


def with_replaced(answers, pattern, word):
    """The results without order, with a word for what the pattern finds."""
    if isinstance(answers.directives, str):
        return answers.directives
    return Answers([[re.sub(pattern, word, result) for result in results] for results in answers.directives]).without_order()


def agree_where(differ, theirs, found):
    """Whether the directives to which the reference answered otherwise than ours are answered as it did."""
    if any(isinstance(answers.directives, str) for answers in (differ, theirs, found)):
        return found.without_order() == theirs.without_order()
    ours, wanted, found = (answers.without_order() for answers in (differ, theirs, found))
    if not len(ours) == len(wanted) == len(found):
        return False
    return all(one == other or again == other for one, other, again in zip(ours, wanted, found))


def has_values(general, special):
    """Whether a text's atom is another's with the same value in each place of a variable."""
    left, right = TOKEN.findall(general), TOKEN.findall(special)
    at, values = 0, {}
    for token in left:
        if at == len(right):
            return False
        end = at + 1
        if token.startswith("$"):
            depth = 0
            for end in range(at + 1, len(right) + 1):
                depth += {"(": 1, ")": -1}.get(right[end - 1], 0)
                if depth <= 0:
                    break
            if depth or values.setdefault(token, right[at:end]) != right[at:end]:
                return False
        elif token != right[at]:
            return False
        at = end
    return at == len(right)


def have_values(general, special):
    """Whether each of the results is another of these with values for variables of it."""
    if len(general) != len(special):
        return False
    if not general:
        return True
    first, *others = general
    return any(has_values(first, result) and have_values(others, special[:at] + special[at + 1:])
               for at, result in enumerate(special))


def rest_of_tuple(text):
    """What comes before the parenthesis that closes the tuple which a text goes on with."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return text[:place]
    return text


def is_from_a_member(theirs, ours, program):
    """Whether the reference's answers to a directive have what is left of a tuple from `Error` on, an error by its form."""
    tails = (rest_of_tuple(ours[found.start() + 1:]) for found in re.finditer(r" Error ", ours))
    if any(f"({tail})" in theirs for tail in tails):
        return True
    members = re.search(r"[^(]\bError\b", ours) or "(Error" in program
    return bool(members and re.search(r"\(Error( [^ ()]+)?\)", theirs))


def explanation(seed, program, theirs, answers, engine, ask):
    """The heading that a difference is counted under."""
    wanted = theirs.without_order()
    if wanted == answers.without_order():
        return "order inside of results"
    if "collapse-bind" in program and without_bindings(theirs) == without_bindings(answers):
        return "bindings as printed"
    # An accident of one directive does not explain what differs in another.
    if isinstance(answers.directives, list) and len(answers.directives) == len(theirs.directives):
        pairs = list(zip(theirs.directives, answers.directives))
        pairs = [(str(left), str(right)) for left, right in pairs if sorted(map(without_order, left)) != sorted(map(without_order, right))]
        if all(is_from_a_member(left, right, program) for left, right in pairs):
            return "Error as a member"
        if "filter-atom" in program and all("NoReturn" in left for left, _ in pairs):
            return "condition of filter-atom"
        if all(re.search(r"\bNotReducible\b", left) for left, _ in pairs):
            return "NotReducible as a value"
        differ = [(left, right) for left, right in zip(theirs.directives, answers.directives) if sorted(left) != sorted(right)]
        if "Empty" in program and all([result for result in left if result != "Empty"] == right for left, right in differ):
            return "Empty as a value"
    for heading, pattern, word in ALIKE:
        if with_replaced(theirs, pattern, word) == with_replaced(answers, pattern, word):
            return heading
    if "(get-type" in program:
        named = re.sub(r"\(get-type(-space)? ", r"(type-of\1 ", program)
        as_they_are, as_symbols = TYPES + named, TYPES.replace(*READ_AGAIN) + named
        differ = [ask(other).without_order() != engine.ask_all([other])[0].without_order() for other in (as_they_are, as_symbols)]
        if differ == [True, False]:
            return "any type as a value"
    for heading, changes, rules in INSTEAD:
        if not re.search(changes[0][0], program):
            continue
        if heading == "type told by another argument":
            # Only that is one: an error in ours, about the type of a value, that the reference does not have.
            if str(answers.directives).count("(BadType ") <= str(theirs.directives).count("(BadType "):
                continue
        other = program
        for pattern, instead in changes:
            other = re.sub(pattern, instead, other)
        other = rules + other
        again, expected = ask(other).without_order(), engine.ask_all([other])[0].without_order()
        if again == expected and not isinstance(again, str):
            return heading
    for forgotten in [r"\$[^\s()]+", *(re.escape(name) for name in sorted(set(re.findall(r"\$[^\s()]+", program))))]:
        other = with_arguments_taken(program, forgotten)
        again, expected = ask(other), engine.ask_all([other])[0]
        if all(agree_where(answers, theirs, found) for found in (again, expected)):
            return "variable in a value"
    if isinstance(answers.directives, list) and len(answers.directives) == len(theirs.directives):
        pairs = [(left, right) for left, right in zip(theirs.directives, answers.directives) if left != right]
        if "$" in program and all(any("$" in result for result in left) and have_values(left, right) for left, right in pairs):
            return "variable forgotten"
    if "-atom " in program:
        other = with_own_walked(program)
        again, expected = ask(other).without_order(), engine.ask_all([other])[0].without_order()
        if again == expected and not isinstance(again, str):
            return "variable of a walk"
    orders = random.Random(seed)
    if any(other.without_order() == wanted for other in engine.ask_all([reordered(program, orders) for _ in range(ORDERS)])):
        return "order of alternatives"
    return "unexplained"


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
    """One report for each seed of a batch: (seed, heading, program, what differs)."""
    seeds, kind, binary = task
    global reference
    if "reference" not in globals():
        reference = Reference(SECONDS)
    engine = Ours(binary, SECONDS)
    programs = [program_of(seed, kind) for seed in seeds]
    theirs = [reference.ask(program) for program in programs]
    # What the reference does not finish, ours may not finish either.
    answered = [program for program, answers in zip(programs, theirs) if not isinstance(answers.directives, str)]
    ours = iter(engine.ask_all(answered))
    reports = []
    for seed, program, theirs in zip(seeds, programs, theirs):
        if isinstance(theirs.directives, str):
            heading = "reference died" if theirs.directives == "dies" else "reference did not finish"
            reports.append((seed, heading, program, theirs.directives))
            continue
        answers = next(ours)
        shown = differences(theirs, answers)
        heading = explanation(seed, program, theirs, answers, engine, reference.ask) if shown else "same"
        if heading == "unexplained":
            again = [reference.ask_anew(program).without_order() for _ in range(AGAIN)]
            if answers.without_order() in again:
                heading = "reference varies"
            elif "dies" in again:
                heading = "reference died"
        reports.append((seed, heading, program, shown))
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


def check_evaluators(first, count, kind, example, again, show):
    """Compares our evaluators with each other on random programs; the number on which they differ."""
    plain, compiled = (Ours(example, SECONDS, [*flags, "--json"]) for flags in (["--plain"], [] if again else ["--compiled"]))
    different = 0
    for at in range(first, first + count, BATCH):
        seeds = range(at, min(at + BATCH, first + count))
        programs = [program_of(seed, kind) for seed in seeds]
        for seed, program, wanted, found in zip(seeds, programs, plain.ask_all(programs), compiled.ask_all(programs)):
            shown = differences(wanted, found).replace("reference", "plain    ")
            different += bool(shown)
            if shown and different <= show:
                print(f"---- program {seed}\n{program}{shown}", flush=True)
    print(f"{different} of {count} different")
    return different


def check_seeds(first, count, kind, binary, show):
    """Compares random programs; the number of unexplained differences."""
    found = {heading: [] for heading in HEADINGS}
    seeds = list(range(first, first + count))
    batches = [(seeds[at:at + BATCH], kind, binary) for at in range(0, count, BATCH)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for reports in pool.imap(check_batch, batches):
            for seed, heading, program, shown in reports:
                found[heading].append(seed)
                if heading == "unexplained" and len(found[heading]) <= show:
                    print(f"---- program {seed}\n{program}{shown}", flush=True)
    for heading, seeds in found.items():
        which = " ".join(map(str, seeds)) if len(seeds) <= SEEDS_TOLD else ""
        print(f"{len(seeds):7} {heading}{':' if which else ''} {which}".rstrip())
    return len(found["unexplained"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, help="only programs of this kind; else every other of rules and of wide")
    parser.add_argument("--chimera", default=str(CHIMERA))
    parser.add_argument("--evaluators", metavar="PATH", help="compare our evaluators; PATH is the built examples/run")
    parser.add_argument("--again", action="store_true", help="with what compiled code is unsure of looked at again")
    parser.add_argument("--show", type=int, default=20, help="differences printed")
    parser.add_argument("files", nargs="*", type=Path, help="programs to compare instead of random ones")
    arguments = parser.parse_args()
    first = arguments.seed * 1_000_000
    if arguments.files:
        different = check_files(arguments.files, arguments.chimera)
    elif arguments.evaluators:
        different = check_evaluators(first, arguments.programs, arguments.kind, arguments.evaluators, arguments.again, arguments.show)
    else:
        different = check_seeds(first, arguments.programs, arguments.kind, arguments.chimera, arguments.show)
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
