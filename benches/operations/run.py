#!/usr/bin/env python3
"""Cost of one call of each standard operation and library function, by CPU time.

    benches/operations/run.py [--command 'target/release/chimera run'] [--only TEXT] [--over MICROSECONDS]

Each call stands in a loop of its own; what an empty loop takes is taken off. Prints
microseconds a call, the dearest first. `--growth` runs operations on lists, sets, maps
and texts at two sizes and prints microseconds an element, so that what grows faster than
its input is seen.
"""

import argparse
import os
import resource
import subprocess
import tempfile

LOOP = "(= (loop $n) (if (== $n 0) done (let $q {call} (loop (- $n 1)))))\n"

# What is defined before, and the call. `$n` is the number of the round.
CALLS = {
    # numbers and truth values
    "+": ("", "(+ $n 1)"),
    "/ by 7": ("", "(/ $n 7)"),
    "+ on doubles": ("", "(+ 1.5 $n)"),
    "%": ("", "(% $n 7)"),
    "<": ("", "(< $n 7)"),
    "== on numbers": ("", "(== $n 7)"),
    "== on lists": ("", "(== (a $n) (a 7))"),
    "and": ("", "(and (< $n 7) True)"),
    "min-atom": ("", "(min-atom (3 1 2))"),
    "max-atom": ("", "(max-atom (3 1 2))"),
    "sqrt-math": ("", "(sqrt-math $n)"),
    "pow-math": ("", "(pow-math $n 2)"),
    "abs-math": ("", "(abs-math $n)"),
    "floor-math": ("", "(floor-math 2.5)"),
    "log-math": ("", "(log-math 2 $n)"),
    "sin-math": ("", "(sin-math $n)"),
    "isnan-math": ("", "(isnan-math 2.5)"),
    # control
    "if": ("", "(if (< $n 7) 1 2)"),
    "let*": ("", "(let* (($a $n) ($b $a)) $b)"),
    "case": ("", "(case (% $n 3) ((0 a) (1 b) ($_ c)))"),
    "switch": ("", "(switch (% $n 3) ((0 a) (1 b) ($_ c)))"),
    "unify": ("", "(unify (a $n) (a $y) $y no)"),
    "chain": ("", "(chain (+ $n 1) $y $y)"),
    "eval": ("", "(eval (+ $n 1))"),
    "function": ("", "(function (return $n))"),
    "quote": ("", "(quote (a $n))"),
    "unquote": ("", "(unquote (quote (+ $n 1)))"),
    "id": ("", "(id $n)"),
    "noeval": ("", "(noeval (+ $n 1))"),
    "collapse": ("", "(collapse (superpose (1 2 3)))"),
    "superpose of one": ("", "(superpose ($n))"),
    "nop": ("", "(nop (+ $n 1))"),
    "if-equal": ("", "(if-equal $n 7 1 2)"),
    "if-error": ("", "(if-error $n 1 2)"),
    "return-on-error": ("", "(return-on-error $n 2)"),
    "is-function": ("", "(is-function (-> Number Number))"),
    "type-cast": ("", "(type-cast $n Number &self)"),
    "match-types": ("", "(match-types Number Number 1 2)"),
    "metta": ("", "(metta (+ $n 1) Number &self)"),
    "context-space": ("", "(context-space)"),
    "sealed": ("", "(sealed ($x) (a $x $n))"),
    "atom-subst": ("", "(atom-subst $n $x (a $x))"),
    "capture": ("", "(capture (+ $n 1))"),
    "assert": ("", "(assert (< 1 2))"),
    "assertEqual": ("", "(assertEqual (+ $n 1) (+ 1 $n))"),
    "assertEqualToResult": ("", "(assertEqualToResult (+ 1 2) (3))"),
    "empty in collapse": ("", "(collapse (empty))"),
    # lists
    "car-atom": ("", "(car-atom (1 2 3))"),
    "cdr-atom": ("", "(cdr-atom (1 2 3))"),
    "cons-atom": ("", "(cons-atom $n (1 2))"),
    "decons-atom": ("", "(decons-atom (1 2 3))"),
    "size-atom": ("", "(size-atom (1 2 3))"),
    "index-atom": ("", "(index-atom (1 2 3) 1)"),
    "unique-atom": ("", "(unique-atom (1 2 1))"),
    "union-atom": ("", "(union-atom (1 2) (2 3))"),
    "intersection-atom": ("", "(intersection-atom (1 2) (2 3))"),
    "subtraction-atom": ("", "(subtraction-atom (1 2) (2 3))"),
    "map-atom of 3": ("", "(map-atom (1 2 3) $x (+ $x 1))"),
    "filter-atom of 3": ("", "(filter-atom (1 2 3) $x (< $x 2))"),
    "foldl-atom of 3": ("", "(foldl-atom (1 2 3) 0 $a $x (+ $a $x))"),
    "for-each-in-atom of 3": ("(= (f $x) ())\n", "(for-each-in-atom (1 2 3) f)"),
    "sort-strings": ("", '(sort-strings ("b" "a"))'),
    "unique": ("", "(collapse (unique (superpose (1 2 1))))"),
    "union": ("", "(collapse (union (superpose (1 2)) (superpose (2 3))))"),
    # types
    "get-type": ("(: a A)\n", "(get-type a)"),
    "get-type of a term": ("(: Z N)\n(: S (-> N N))\n", "(get-type (S (S Z)))"),
    "get-metatype": ("", "(get-metatype $n)"),
    "get-type-space": ("(: a A)\n", "(get-type-space &self a)"),
    # functions
    "a rule": ("(= (f $x) $x)\n", "(f $n)"),
    "typed rule": ("(: f (-> Number Number))\n(= (f $x) $x)\n", "(f $n)"),
    "polymorphic rule": ("(: f (-> $t $t))\n(= (f $x) $x)\n", "(f $n)"),
    "rule of (List $t)": (
        "(: Nil (List $t))\n(: Cons (-> $t (List $t) (List $t)))\n(: f (-> (List $t) Number))\n"
        "(= (f Nil) 0)\n(= (f (Cons $h $t)) 1)\n",
        "(f (Cons $n Nil))",
    ),
    "rule of (Maybe $t)": (
        "(: None (Maybe $t))\n(: Just (-> $t (Maybe $t)))\n(: f (-> (Maybe $t) $t $t))\n"
        "(= (f None $d) $d)\n(= (f (Just $x) $d) $x)\n",
        "(f (Just $n) 0)",
    ),
    "two types": ("(: f (-> Number Number))\n(: f (-> String String))\n(= (f $x) $x)\n", "(f $n)"),
    "function as value": ("(= (ap $f $x) ($f $x))\n(= (g $x) $x)\n", "(ap g $n)"),
    "typed function as value": (
        "(: ap (-> (-> $a $b) $a $b))\n(= (ap $f $x) ($f $x))\n(: g (-> Number Number))\n(= (g $x) $x)\n",
        "(ap g $n)",
    ),
    "partial application": ("(= ((plus $x) $y) (+ $x $y))\n", "((plus 1) $n)"),
    "operation as value": ("(= (ap $f $x $y) ($f $x $y))\n", "(ap + $n 1)"),
    "|->": ("!(import! &self control)\n", "((|-> ($x) (+ $x 1)) $n)"),
    "|-> as value": ("!(import! &self control)\n(= (ap $f $x) ($f $x))\n", "(ap (|-> ($x) (+ $x 1)) $n)"),
    "|-> with closure": ("!(import! &self control)\n(= (ap $f $x) ($f $x))\n", "(ap (|-> ($x) (+ $x $n)) 1)"),
    # spaces and states
    "add and remove": ("!(bind! &s (new-space))\n", "(let $w (add-atom &s (a $n)) (remove-atom &s (a $n)))"),
    "match exact": ("!(bind! &s (new-space))\n!(add-atom &s (a 1))\n", "(match &s (a 1) ok)"),
    "get-atoms": ("!(bind! &s (new-space))\n!(add-atom &s (a 1))\n", "(get-atoms &s)"),
    "new-space": ("", "(new-space)"),
    "new-state": ("", "(new-state $n)"),
    "get-state": ("!(bind! &s (new-state 0))\n", "(get-state &s)"),
    "change-state!": ("!(bind! &s (new-state 0))\n", "(change-state! &s $n)"),
    "add-reduct": ("!(bind! &s (new-space))\n", "(add-reduct &s (a b))"),
    # texts
    "format-args": ("", '(format-args "{} {}" ($n x))'),
    "repr": ("", "(repr (a $n))"),
    "parse": ("", '(parse "(a 1)")'),
    "stringToChars": ("", '(stringToChars "abc")'),
    "charsToString": ("", "(charsToString ('a' 'b'))"),
    # modules
    "concat": ("!(import! &self strings)\n", '(concat "a" "b")'),
    "string-length": ("!(import! &self strings)\n", '(string-length "abc")'),
    "substring": ("!(import! &self strings)\n", '(substring "abcdef" 1 3)'),
    "split": ("!(import! &self strings)\n", '(split "a,b,c" ",")'),
    "join": ("!(import! &self strings)\n", '(join ("a" "b") ",")'),
    "replace": ("!(import! &self strings)\n", '(replace "abc" "b" "x")'),
    "regex-match": ("!(import! &self strings)\n", '(regex-match "a+" "aaa")'),
    "to-string": ("!(import! &self strings)\n", "(to-string $n)"),
    "upper": ("!(import! &self strings)\n", '(to-upper "abc")'),
    "sort": ("!(import! &self lists)\n", "(sort (3 1 2))"),
    "sort-by": ("!(import! &self lists)\n(= (neg $x) (- 0 $x))\n", "(sort-by neg (3 1 2))"),
    "reverse": ("!(import! &self lists)\n", "(reverse (3 1 2))"),
    "append": ("!(import! &self lists)\n", "(append (3 1) (2))"),
    "range": ("!(import! &self lists)\n", "(range 0 3)"),
    "take": ("!(import! &self lists)\n", "(take 2 (3 1 2))"),
    "member": ("!(import! &self lists)\n", "(member 2 (3 1 2))"),
    "zip": ("!(import! &self lists)\n", "(zip (1 2) (a b))"),
    "set-of": ("!(import! &self sets)\n", "(set-of (1 2 1))"),
    "set-has": ("!(import! &self sets)\n!(bind! &s (set-of (1 2)))\n", "(set-has &s $n)"),
    "set-add": ("!(import! &self sets)\n!(bind! &s (set-of (1 2)))\n", "(set-add &s $n)"),
    "map-get": ("!(import! &self maps)\n!(bind! &s (map-of ((1 2))))\n", "(map-get &s 1)"),
    "map-get-or": ("!(import! &self maps)\n!(bind! &s (map-of ((1 2))))\n", "(map-get-or &s $n 0)"),
    "map-put": ("!(import! &self maps)\n!(bind! &s (map-of ((1 2))))\n", "(map-put &s $n 0)"),
    "once": ("!(import! &self control)\n", "(once (superpose (1 2)))"),
    "limit": ("!(import! &self control)\n", "(collapse (limit 1 (superpose (1 2))))"),
    "progn": ("!(import! &self control)\n", "(progn 1 2)"),
    "foldall": ("!(import! &self control)\n(= (gen) (superpose (1 2 3)))\n", "(foldall + (gen) 0)"),
    "forall": ("!(import! &self control)\n(= (gen) (superpose (1 2 3)))\n(= (small $x) (< $x 9))\n", "(forall (gen) small)"),
    "random-int": ("!(import! &self random)\n", "(random-int &rng 0 10)"),
    "json-encode": ("!(import! &self json)\n", "(json-encode (1 2))"),
    "json-decode": ("!(import! &self json)\n", '(json-decode "[1,2]")'),
    "a tabled call": ("!(import! &self tabling)\n!(table! f)\n(= (f $x) (+ $x 1))\n", "(f 1)"),
    "parse-duration": ("!(import! &self time)\n", '(parse-duration "5s")'),
}

BUILD = (
    "(= (up $n $l) (if (== $n 0) $l (let $x (% (* $n 7919) 1000003)\n"
    "  (let $more (cons-atom $x $l) (up (- $n 1) $more)))))\n"
)
FILL = "(= (fill $n $s) (if (== $n 0) $s (fill (- $n 1) {step})))\n"

# Programs of size N; their cost is told an element.
GROWTH = {
    "list by cons-atom": (BUILD, "(size (up N ()))", "(= (size $l) (size-atom $l))\n"),
    "unique-atom": (BUILD, "(let $l (up N ()) (let $u (unique-atom $l) (size-atom $u)))", ""),
    "intersection-atom": (BUILD, "(let $l (up N ()) (let $u (intersection-atom $l $l) (size-atom $u)))", ""),
    "subtraction-atom": (BUILD, "(let $l (up N ()) (let $u (subtraction-atom $l $l) (size-atom $u)))", ""),
    "union-atom": (BUILD, "(let $l (up N ()) (let $u (union-atom $l $l) (size-atom $u)))", ""),
    "max-atom": (BUILD, "(let $l (up N ()) (max-atom $l))", ""),
    "sort": (BUILD, "(let $l (up N ()) (let $u (sort $l) (size-atom $u)))", "!(import! &self lists)\n"),
    "reverse": (BUILD, "(let $l (up N ()) (let $u (reverse $l) (size-atom $u)))", "!(import! &self lists)\n"),
    "range": ("", "(let $u (range 0 N) (size-atom $u))", "!(import! &self lists)\n"),
    "sort-by": (
        BUILD,
        "(let $l (up N ()) (let $u (sort-by neg $l) (size-atom $u)))",
        "!(import! &self lists)\n(= (neg $x) (- 0 $x))\n",
    ),
    "set-of": (BUILD, "(let $l (up N ()) (set-size (set-of $l)))", "!(import! &self sets)\n"),
    "set-add": (FILL.format(step="(set-add $s $n)"), "(set-size (fill N (set-of ())))", "!(import! &self sets)\n"),
    "map-put": (FILL.format(step="(map-put $s $n 1)"), "(map-size (fill N (map-of ())))", "!(import! &self maps)\n"),
    "map-get": (
        FILL.format(step="(map-put $s $n 1)")
        + "(= (ask $n $m) (if (== $n 0) done (let $v (map-get $m $n) (ask (- $n 1) $m))))\n",
        "(ask N (fill N (map-of ())))",
        "!(import! &self maps)\n",
    ),
    "text by concat": (
        FILL.format(step='(concat $s "x")'),
        '(string-length (fill N ""))',
        "!(import! &self strings)\n",
    ),
    "join": (BUILD, '(let $l (up N ()) (let $s (strs $l) (string-length (join $s ","))))',
             "!(import! &self strings)\n(= (strs $l) (map-atom $l $x (to-string $x)))\n"),
    "split": (
        "(= (text $n $s) (if (== $n 0) $s (text (- $n 1) (concat $s $s))))\n",
        '(let $t (text LOG "a,") (let $l (split $t ",") (size-atom $l)))',
        "!(import! &self strings)\n",
    ),
    "stringToChars": (
        "(= (text $n $s) (if (== $n 0) $s (text (- $n 1) (concat $s $s))))\n",
        '(let $t (text LOG "a") (let $l (stringToChars $t) (size-atom $l)))',
        "!(import! &self strings)\n",
    ),
    "collapse of superpose": (BUILD, "(let $l (up N ()) (let $c (collapse (superpose $l)) (size-atom $c)))", ""),
    "tabled path, N edges": (
        "(= (fill $n) (if (== $n 0) done (let $q (add-atom &e (edge $n (- $n 1))) (fill (- $n 1)))))\n"
        "(= (path $x) (match &e (edge $x $y) $y))\n"
        "(= (path $x) (let $y (path $x) (match &e (edge $y $z) $z)))\n",
        "(let $q (fill N) (let $c (collapse (path N)) (size-atom $c)))",
        "!(import! &self tabling)\n!(table! path)\n!(bind! &e (new-space))\n",
    ),
}


def cpu(command, text):
    """CPU seconds of a program, and what it printed."""
    with tempfile.NamedTemporaryFile("w", suffix=".metta", delete=False) as file:
        file.write(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(command + [file.name], capture_output=True, text=True, timeout=120)
        out = done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        out = "no end in 120 s"
    finally:
        os.unlink(file.name)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out


def per_call(command, before, call):
    """Microseconds a call."""
    rounds = 1_000
    while True:
        text = before + LOOP.format(call=call) + f"!(loop {rounds})\n"
        taken, out = cpu(command, text)
        if not out.rstrip().endswith("[done]"):
            return None, out.strip()[-70:]
        empty = cpu(command, before + LOOP.format(call="$n") + f"!(loop {rounds})\n")[0]
        if taken - empty > 0.1 or rounds > 500_000:
            return (taken - empty) / rounds * 1e6, ""
        rounds *= 8


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--command", default="target/release/chimera run")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--over", type=float, default=0.0)
    arguments.add_argument("--growth", action="store_true")
    chosen = arguments.parse_args()
    command = chosen.command.split()
    if chosen.growth:
        print(f"{'microseconds an element':24} {'at 2,000':>10} {'at 16,000':>10} {'at 128,000':>10}")
        for name, (rules, call, before) in GROWTH.items():
            if chosen.only not in name:
                continue
            figures = []
            base = cpu(command, before)[0]
            for size, log in ((2_000, 11), (16_000, 14), (128_000, 17)):
                filled = call.replace("LOG", str(log)).replace("N", str(size))
                taken, out = cpu(command, before + rules + f"!{filled}\n")
                last = out.strip().splitlines()[-1] if out.strip() else ""
                failed = not last.startswith("[") or "Error" in last or "no end" in last
                figures.append(last[:60] if failed else f"{(taken - base) / size * 1e6:10.2f}")
                if failed or taken > 20:
                    break
            print(f"{name:24} " + " ".join(figures), flush=True)
        return
    found = []
    for name, (before, call) in CALLS.items():
        if chosen.only in name:
            cost, wrong = per_call(command, before, call)
            found.append((cost if cost is not None else float("inf"), name, wrong))
    for cost, name, wrong in sorted(found, reverse=True):
        if cost >= chosen.over:
            print(f"{cost:10.3f}  {name}  {wrong}")


if __name__ == "__main__":
    main()
