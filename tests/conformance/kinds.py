"""Random programs of narrower kinds than those of `generator.py` and `wide.py`, each about one part of the language:

- `minimal`: minimal instructions nested in each other, in rules and by themselves;
- `typed`: symbols and functions with several types, subtypes, applied and dependent types;
- `spaces`: spaces and states as values, changed in the midst of queries;
- `numbers`: arithmetic at the edges of what floats can say, comparison, printing, text;
- `everyday`: programs as people write them.
"""

import random

from generator import Generator
from wide import WideGenerator


class Kind:
    """What all of them have."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.named = 0

    def chance(self, share):
        return self.random.random() < share

    def pick(self, *ways):
        return self.random.choice(ways)

    def own(self):
        """A variable that nothing else is named by."""
        self.named += 1
        return f"$n{self.named}"

    def some(self, make, least, most):
        return [make() for _ in range(self.random.randint(least, most))]

    def of(self, members):
        return "(" + " ".join(members) + ")"

    def asked(self, expression):
        """As a directive: the reference takes `!word` for a symbol."""
        return f"!{expression}" if expression.startswith("(") else f"!(d {expression})"


class Minimal(Kind):
    """Functions are only called by those of a lower number, so that every program ends."""

    def data(self, variables, depth=2):
        if variables and self.chance(0.45):
            return self.random.choice(variables)
        if depth == 0 or self.chance(0.4):
            return self.pick("a", "b", "1", "2", '"s"', "()", "(a b)", "(a (b 1))", "(P a)", "(P Empty)", "(Error a oops)", "True")
        head = [self.pick("P", "Q", "a")] if self.chance(0.6) else []
        return self.of(head + self.some(lambda: self.data(variables, depth - 1), 1, 2))

    def pattern(self, names, depth=2):
        if self.chance(0.4):
            names.append(self.pick("$x", "$y", "$z"))
            return names[-1]
        if depth == 0 or self.chance(0.3):
            return self.pick("a", "b", "1", '"s"', "()")
        head = [self.pick("P", "Q", "a")] if self.chance(0.6) else []
        return self.of(head + self.some(lambda: self.pattern(names, depth - 1), 1, 2))

    def call(self, variables, above):
        def data(*more):
            return self.data([*variables, *more])

        functions = self.functions[above:]
        if functions and self.chance(0.5):
            name, arity = self.random.choice(functions)
            return self.of([name] + [data() for _ in range(arity)])
        return self.pick(
            f"(+ {data()} {data()})", f"(+ 1 {self.pick('1', '2', 'a')})", f"(superpose ({data()} {data()}))", f"(== {data()} {data()})",
            f"(id {data()})", f"(get-type {data()})", f"(get-metatype {data()})", f"(match &self (p $m) {data('$m')})",
            f"(car-atom {data()})", "(nosuch a)", f"(if {self.pick('True', 'False')} {data()} {data()})", f"(quote {data()})",
            "(empty)", f"(let $l {data()} {data('$l')})", f"(size-atom {data()})", f"(collapse {data()})", f"(noeval {data()})",
        )

    def instruction(self, variables, above, depth, returns=False):
        """`returns`: in a `function`, which it ends with `return`."""
        if depth <= 0:
            return f"(return {self.data(variables)})" if returns else self.data(variables)

        def last(*more):
            return self.instruction([*variables, *more], above, depth - 1, returns)

        def inner(*more):
            return self.instruction([*variables, *more], above, depth - 1)

        way = self.pick("chain", "chain", "unify", "return" if returns else "eval", "other")
        if way == "chain" or (returns and way == "other"):
            name = self.own()
            return f"(chain {inner()} {name} {last(name)})"
        if way == "unify":
            names = []
            pattern = self.pattern(names)
            what = f"&self (p {pattern})" if self.chance(0.15) else f"{self.data(variables)} {pattern}"
            return f"(unify {what} {last(*names)} {last()})"
        if way == "return":
            return f"(return {self.data(variables)})"
        call, name, other = self.call(variables, above), self.own(), self.own()
        if way == "eval":
            # `(eval $q)` asks for every rule, the library's included.
            nested = inner()
            stepped = f"(eval {nested})" if nested.startswith("(") else nested
            return self.pick(f"(eval {call})", f"(evalc {call} &self)", stepped)
        wanted = self.pick("%Undefined%", "%Undefined%", "Number", "Atom", "Expression", "Symbol", "$t")
        return self.pick(
            f"(function {self.instruction(variables, above, depth - 1, True)})",
            f"(chain (collapse-bind {inner()}) {name} (superpose-bind {name}))",
            f"(chain (collapse-bind {inner()}) {name} (chain (superpose-bind {name}) {other} {inner(other)}))",
            f"(metta {self.pick(call, self.data(variables), inner())} {wanted} &self)",
            f"(cons-atom {self.data(variables, 1)} {self.data(variables)})",
            f"(decons-atom {self.data(variables)})",
            f"(chain (context-space) {name} (metta {call} %Undefined% {name}))",
        )

    def program(self):
        self.functions = [(f"m{number}", self.random.randint(0, 2)) for number in range(self.random.randint(1, 4))]
        lines = self.some(lambda: f"(p {self.pick('a', 'b', '1', '(P a)', '$f')})", 0, 3)
        for index, (name, arity) in enumerate(self.functions):
            if self.chance(0.2):
                types = [self.pick("Atom", "Number", "%Undefined%", "Expression", "$t") for _ in range(arity + 1)]
                lines.append(f"(: {name} (-> {' '.join(types)}))")
            for _ in range(self.random.randint(1, 2)):
                names = []
                head = self.of([name] + [self.pattern(names) for _ in range(arity)])
                body = f"(function {self.instruction(names, index + 1, 3, True)})"
                lines.append(f"(= {head} {self.pick(body, self.instruction(names, index + 1, 2))})")
        if self.chance(0.15):
            lines.append("!(pragma! interpreter bare-minimal)")
        lines += self.some(lambda: self.asked(self.instruction(["$q"] if self.chance(0.2) else [], 0, 4)), 1, 4)
        return "\n".join(lines) + "\n"


class Typed(Kind):
    TYPES = ["A", "B", "C", "D"]
    SYMBOLS = ["a", "b", "c", "d", "e"]
    FUNCTIONS = ["f", "g", "h", "k"]

    def type(self, depth=1):
        roll = self.random.random()
        if roll < 0.45 or depth == 0:
            return self.random.choice(self.TYPES)
        if roll < 0.65:
            return self.pick("Number", "String", "Bool", "Number")
        if roll < 0.75:
            return self.pick("$t", "$u")
        if roll < 0.85:
            return self.pick("Atom", "Expression", "%Undefined%", "Symbol", "Type", "Grounded", "Variable")
        inner = self.type(depth - 1)
        return self.pick(f"(L {inner})", f"(-> {inner} {self.type(depth - 1)})", f"(V {inner} {self.pick('Z', '(S Z)', '$n')})")

    def expression(self, variables, above, depth):
        if depth <= 0 or self.chance(0.2):
            if variables and self.chance(0.5):
                return self.random.choice(variables)
            return self.pick(*self.SYMBOLS, "1", "2", '"s"', "True", "Nil", "Z", "f", "g", "()", "(a b)", "VNil")

        def sub(*more):
            return self.expression([*variables, *more], above, depth - 1)

        functions = self.FUNCTIONS[above:]
        if functions and self.chance(0.5):
            name = self.random.choice(functions)
            arity = self.random.randint(0, 3) if self.chance(0.3) else self.arities[name]
            return self.of([name] + [sub() for _ in range(arity)])
        return self.pick(
            f"(Cons {sub()} {sub()})", f"(VCons {sub()} {sub()})", f"(+ {sub()} {sub()})", f"(== {sub()} {sub()})", f"(S {sub()})",
            f"(get-type {sub()})", f"(let $l {sub()} {sub('$l')})", f"(type-cast {sub()} {self.type()} &self)",
            f"(match-types {self.type()} {self.type()} {sub()} {sub()})", f"(metta {sub()} {self.type()} &self)",
            f"(if {sub()} {sub()} {sub()})", f"({sub()} {sub()})", f"({sub()} {sub()} {sub()})", f"(get-type-space &self {sub()})",
            f"(is-function {self.type()})", f"(case {sub()} (($c {sub('$c')})))", f"(id {sub()})", f"(collapse {sub()})",
            f"(quote {sub()})", f"(match-type-or {self.pick('True', 'False')} {self.type()} {self.type()})", f"(noeval {sub()})",
            f"(superpose ({sub()} {sub()}))",
        )

    def program(self):
        self.arities = {name: self.random.randint(0, 2) for name in self.FUNCTIONS}
        lines = []
        for name in self.TYPES:
            lines += [f"(: {name} Type)"] if self.chance(0.3) else []
            lines += [f"(:< {name} {self.pick(*self.TYPES, 'Number')})"] if self.chance(0.25) else []
        for name in self.SYMBOLS:
            lines += [f"(: {name} {self.type()})" for _ in range(self.pick(0, 1, 1, 2, 3))]
        for name in self.FUNCTIONS:
            for _ in range(self.pick(0, 1, 1, 2, 3)):
                arity = self.arities[name] if self.chance(0.85) else self.random.randint(0, 3)
                lines.append(f"(: {name} (-> {' '.join(self.type() for _ in range(arity + 1))}))")
        if self.chance(0.5):
            lines += ["(: Nil (L $t))", "(: Cons (-> $t (L $t) (L $t)))"]
        if self.chance(0.5):
            lines += ["(: VNil (V $t Z))", "(: VCons (-> $t (V $t $n) (V $t (S $n))))", "(: Z Nat)", "(: S (-> Nat Nat))"]
        self.random.shuffle(lines)
        for index, name in enumerate(self.FUNCTIONS):
            for _ in range(self.pick(0, 1, 1, 2)):
                names = [f"$x{number}" for number in range(self.arities[name])]
                head = [name] + [one if self.chance(0.6) else self.pick("a", "1", "Nil", "(Cons $x0 $r)", '"s"') for one in names]
                lines.append(f"(= {self.of(head)} {self.expression(names, index + 1, 2)})")
        if self.chance(0.15):
            lines.append("!(pragma! type-check auto)")
        for _ in range(self.random.randint(2, 5)):
            asked = self.expression(["$q"] if self.chance(0.2) else [], 0, 3)
            lines.append(f"!{asked}" if asked.startswith("(") else f"!(get-type {asked})")
        return "\n".join(lines) + "\n"


class Spaces(Kind):
    def constant(self):
        return self.pick("a", "b", "c", "1", "2", '"s"', "(P a)")

    def fact(self, names=None):
        """A pattern whose variables are added to `names`; without them, a fact."""
        def part():
            if names is not None and self.chance(0.55):
                names.append(self.pick("$x", "$y", "$z"))
                return names[-1]
            return self.constant()

        return self.pick(f"(p {part()})", f"(q {part()} {part()})", f"(r {part()} {part()})", f"(p {part()})")

    def atom(self, variables):
        def part():
            return self.random.choice(variables) if variables and self.chance(0.6) else self.constant()

        return self.pick(f"(p {part()})", f"(q {part()} {part()})", f"(r {part()} {part()})", f"({part()} {part()})")

    def change(self, variables):
        way = self.pick("add-atom", "remove-atom", "add-reduct", "add-atom")
        return f"({way} {self.space()} {self.atom(variables)})"

    def space(self):
        return self.random.choice(self.spaces)

    def expression(self, variables, depth):
        if depth <= 0:
            return self.atom(variables) if self.chance(0.5) or not variables else self.random.choice(variables)

        def sub(*more):
            return self.expression([*variables, *more], depth - 1)

        names, name, space = [], self.own(), self.space()
        pattern = self.fact(names)
        joined = f"(, {pattern} {self.fact(names)})" if self.chance(0.3) else pattern
        found = self.atom(names)
        if self.chance(0.45):
            return f"(match {space} {joined} {self.pick(sub(*names), self.change([*names, *variables]))})"
        new = f"(add-atom {name} {self.atom(variables)})"
        return self.pick(
            f"(let {name} {self.change(variables)} {sub()})", f"(let {name} (collapse {sub()}) {sub(name)})", f"(collapse {sub()})",
            f"(unify {space} {pattern} {found} {sub()})",
            f"(let* (({name} (new-space)) ($_1 {new}) ($_2 {new})) (match {name} {pattern} {found}))",
            f"(case (match {space} {pattern} {found}) ((Empty {sub()}) ({name} {sub(name)})))", f"(collapse (get-atoms {space}))",
            f"(f {sub()})", f"(g {space} {sub()})", f"(make {sub()})", "(get-state &st)", f"(change-state! &st {sub()})",
            f"(let {name} (get-state &st) (let $_ (change-state! &st {self.constant()}) ({name} {sub()})))",
            f"(let {name} (new-state {sub()}) (let $_ (change-state! {name} {self.constant()}) (get-state {name})))",
            f"(evalc {sub()} {space})", f"(metta {sub()} %Undefined% {space})", f"(get-type-space {space} {sub()})",
            f"(unique (match {space} {pattern} {found}))", f"(if (== {sub()} {sub()}) {sub()} {sub()})",
            f"(add-atoms {space} ({self.atom(variables)} {self.atom(variables)}))",
            f"(chain (eval (match {space} {pattern} {found})) {name} {sub(name)})",
        )

    def program(self):
        self.spaces = ["&self", "&kb"]
        lines = ["!(bind! &kb (new-space))", "!(bind! &st (new-state 0))"]
        for _ in range(self.random.randint(2, 6)):
            fact = self.fact([] if self.chance(0.2) else None)
            lines.append(self.pick(fact, f"!(add-atom {self.space()} {fact})"))
        if self.chance(0.3):
            lines.append(f"!(add-atom &kb (= (f $x) {self.expression(['$x'], 1)}))")
        if self.chance(0.3):
            lines.append(f"!(add-atom &kb (: {self.pick('a', 'b', 'f')} {self.pick('A', 'Number', '(-> Atom Number)')}))")
        if self.chance(0.6):
            lines.append(f"(= (f $x) {self.expression(['$x'], 2).replace('(f ', '(h ')})")
        if self.chance(0.6):
            self.spaces.append("$s")
            lines.append(f"(= (g $s $x) {self.expression(['$x'], 2).replace('(g ', '(h ')})")
            self.spaces.pop()
        lines.append("(= (make $x) (let $s (new-space) (let $_ (add-atom $s (p $x)) $s)))")
        lines += self.some(lambda: self.asked(self.expression([], 3)), 2, 4)
        lines.append("!(collapse (get-atoms &kb))")
        return "\n".join(lines) + "\n"


class Numbers(Kind):
    """Whole numbers stay so small that no result is beyond 63 bits, where the reference's wrap around."""

    EDGES = ["1e22", "1e21", "1e16", "1e15", "123456789012345680.0", "1e-5", "1e-7", "1e-4", "0.0001", "5e-324", "1e300", "1E5",
             "1.7976931348623157e308", "2.2250738585072014e-308", "1.5e3", "9007199254740993.0", "1e100", "0.30000000000000004"]

    def number(self):
        roll = self.random.random()
        if roll < 0.5:
            return self.pick("0", "1", "-1", "2", "3", "7", "-7", "10", "-3", "100", "+5", "007")
        if roll < 0.65:
            return self.pick("0.0", "-0.0", "1.0", "2.5", "-2.5", "0.5", "1.5", "3.5", "-0.5", "0.1", "0.2", "0.3")
        if roll < 0.85:
            return self.random.choice(self.EDGES)
        return repr(round(self.random.uniform(-100, 100), self.random.randint(1, 5)))

    def text(self):
        return self.pick('"a"', '""', '"b c"', '"12"', '"{}"', '"(x y)"', '"$x"', '"\\""')

    def value(self, depth, kind="number"):
        if depth <= 0:
            return {"number": self.number, "text": self.text, "bool": lambda: self.pick("True", "False")}[kind]()

        def sub(kind):
            return self.value(depth - 1, kind)

        number, text, truth = sub("number"), sub("text"), sub("bool")
        other, one = sub("number"), self.pick(number, text, truth)
        if kind == "number":
            way = self.pick("arithmetic", "arithmetic", "other")
            if way == "arithmetic":
                return f"({self.pick('+', '-', '*', '/', '%')} {number} {other})"
            return self.pick(
                f"(pow-math {number} {self.pick('2', '3', '0', '-1', '0.5', '10', '-2')})",
                f"({self.pick('trunc', 'ceil', 'floor', 'round', 'abs', 'sqrt', 'sin', 'cos', 'atan')}-math {number})",
                f"(log-math {self.pick('2', '10', '2.5', '1', '0')} {number})", f"({self.pick('max', 'min')}-atom ({number} {other}))",
                f"(max-atom ({number} {self.pick(self.text(), 'a')}))",
                f"(index-atom ({number} {other}) {self.pick('0', '1', '-1', '1.0')})",
                f"(foldl-atom ({number} {other}) 1 $a $b ({self.pick('+', '-')} $a $b))", f"(if {truth} {number} {other})",
                self.pick("PI", "EXP"), f"(let $x {number} ({self.pick('+', '-')} $x $x))",
            )
        if kind == "text":
            return self.pick(
                f"(repr {one})", f"(repr ({one} {number}))", f'(format-args "{{}} and {{}}" ({one} {number}))',
                f'(format-args "none" ({one}))', '(parse "(+ 1 2)")', '(parse "1.50")', '(parse "1e5")',
                f"(sort-strings ({self.text()} {self.text()} {self.text()}))", '(stringToChars "a b")',
            )
        return self.pick(
            f"({self.pick('<', '>', '<=', '>=', '==')} {number} {other})", f"(== {one} {one})", f"(== {text} {self.text()})",
            f"({self.pick('isnan', 'isinf')}-math {number})", f"({self.pick('and', 'or', 'xor')} {truth} {sub('bool')})",
            f"(not {truth})", f"(=alpha {one} {number})", f"(noreduce-eq {one} {number})", f"(if-equal {one} {number} {truth} False)",
        )

    def program(self):
        lines = self.some(lambda: f"(fact {self.number()} {self.number()})", 1, 3)
        if self.chance(0.5):
            lines += [f"(= (f {self.number()}) {self.value(1)})", f"(= (f $x) (- $x {self.number()}))"]
        for _ in range(4):
            lines.append(self.asked(self.pick(
                self.value(3), self.value(2, "text"), self.value(2, "bool"), f"(match &self (fact {self.number()} $x) $x)",
                f"(f {self.value(1)})", f"(unify {self.number()} {self.number()} yes no)", f"(get-type {self.value(2)})",
                f"(case {self.value(1)} (({self.number()} one) ({self.number()} two) ($x $x)))",
                f"({self.pick('union', 'intersection', 'subtraction')}-atom ({self.number()} {self.number()}) ({self.number()}))",
                f"(unique-atom ({self.number()} {self.number()} {self.number()}))", f"(x {self.value(1)} {self.value(1, 'text')})",
            )))
        return "\n".join(lines) + "\n"


class Everyday(Kind):
    """Programs as people write them: facts and questions over them, recursion on lists and numbers, chains of `let*`, cases that fall
    through, functions that get expressions as they stand or other functions, and errors that come from deep below."""

    PEOPLE = ["Ann", "Bob", "Cid", "Dan"]

    def facts(self):
        person = lambda: self.random.choice(self.PEOPLE)  # noqa: E731
        lines = self.some(lambda: f"(parent {person()} {person()})", 2, 5)
        lines += self.some(lambda: f"(age {person()} {self.random.randint(1, 60)})", 1, 4)
        lines += self.some(lambda: f"({self.pick('female', 'male')} {person()})", 0, 3)
        return lines

    def library(self):
        typed = self.chance(0.5)
        lines = [
            "(= (sum ()) 0)", "(= (sum $l) (let* (($h (car-atom $l)) ($t (cdr-atom $l))) (+ $h (sum $t))))",
            "(= (count Nil) 0)", "(= (count (Cons $h $t)) (+ 1 (count $t)))",
            "(= (total Nil) 0)", "(= (total (Cons $h $t)) (+ $h (total $t)))",
            "(= (each $f Nil) Nil)", "(= (each $f (Cons $h $t)) (Cons ($f $h) (each $f $t)))",
            "(= (keep $p Nil) Nil)", "(= (keep $p (Cons $h $t)) (if ($p $h) (Cons $h (keep $p $t)) (keep $p $t)))",
            "(= (fold $f $z Nil) $z)", "(= (fold $f $z (Cons $h $t)) ($f $h (fold $f $z $t)))",
            "(= (list ()) Nil)", "(= (list $l) (if (== $l ()) Nil (let ($h $t) (decons-atom $l) (Cons $h (list $t)))))",
            "(= (upto $n) (if (> $n 0) (Cons $n (upto (- $n 1))) Nil))", "(= (fact $n) (if (< $n 1) 1 (* $n (fact (- $n 1)))))",
            "(= ((adder $x) $y) (+ $x $y))", "(= (double $x) (* 2 $x))", "(= (big $x) (> $x 10))",
            "(= (grandparent $x $z) (match &self (, (parent $x $y) (parent $y $z)) True))",
            "(= (ancestor $n $x) (if (> $n 0) (match &self (parent $y $x) (superpose ($y (ancestor (- $n 1) $y)))) (empty)))",
            "(= (grade $x) (case $x ((1 one) (2 two) ($y (if (> $y 10) many few)))))",
            "(= (safe $a $b) (if (== $b 0) (Error (safe $a $b) by-zero) (/ $a $b)))",
            "(= (all $list $v $cond) (let $found (collapse (let $v (superpose $list) (if $cond yes (empty)))) (== (size-atom $found) (size-atom $list))))",
            "(= (some $list $v $cond) (let $found (collapse (let $v (superpose $list) (if $cond yes (empty)))) (> (size-atom $found) 0)))",
            "(= (swap-args ($f $x $y)) ($f $y $x))", "(= (lazy $x) (quote $x))", "(= (when $c $then) (if $c $then ()))",
        ]
        if typed:
            lines += ["(: all (-> Expression Variable Atom Bool))", "(: some (-> Expression Variable Atom Bool))",
                "(: swap-args (-> Expression %Undefined%))",
                      "(: lazy (-> Atom Atom))", "(: when (-> Bool Atom %Undefined%))", "(: sum (-> Expression Number))",
                      "(: double (-> Number Number))",
                      "(: each (-> (-> $a $b) (List $a) (List $b)))", "(: Nil (List $t))", "(: Cons (-> $t (List $t) (List $t)))",
                      "(: fact (-> Number Number))"]
            lines = [line for line in lines if self.chance(0.9) or not line.startswith("(: ")]
        return lines

    def number(self, names, depth):
        if depth <= 0:
            return self.random.choice([*names, "0", "1", "2", "12", "3.5"]) if self.chance(0.9) else self.pick('"text"', "Ann", "True")
        sub = lambda *more: self.number([*names, *more], depth - 1)  # noqa: E731
        name = self.own()
        return self.pick(
            f"(+ {sub()} {sub()})", f"(* {sub()} {sub()})", f"(- {sub()} {sub()})", f"(safe {sub()} {sub()})",
            f"(sum {self.tuple(names, depth - 1)})",
            f"(count {self.list(names, depth - 1)})", f"(total {self.list(names, depth - 1)})", f"(fact {self.pick('3', '5', '0', 'a')})",
            f"((adder {sub()}) {sub()})", f"(double {sub()})", f"(fold + {sub()} {self.list(names, depth - 1)})",
            f"(swap-args (- {sub()} {sub()}))",
            f"(let {name} {sub()} {sub(name)})",
            f"(let* (({name} {sub()}) ($y (+ {name} 1)) ($z (* $y {name}))) (- $z {sub(name, '$y')}))",
            f"(if {self.truth(names, depth - 1)} {sub()} {sub()})", f"(match &self (age {self.pick('$p', *self.PEOPLE)} $a) {sub('$a')})",
            f"(foldl-atom {self.tuple(names, depth - 1)} {sub()} $acc $e (+ $acc $e))", f"(max-atom {self.tuple(names, depth - 1)})",
        )

    def tuple(self, names, depth):
        return self.pick(
            self.of(self.some(lambda: self.number(names, 0), 0, 4)),
            f"(map-atom ({self.number(names, 0)} 2) $e {self.number([*names, '$e'], depth - 1)})",
            f"(collapse {self.number(names, depth - 1)})", "(collapse (match &self (age $p $a) $a))",
            f"(unique-atom (1 20 {self.number(names, 0)}))",
        )

    def list(self, names, depth):
        if depth <= 0:
            return self.pick("Nil", "(Cons 1 Nil)", "(Cons 2 (Cons 12 Nil))", "(Cons 1 (Cons \"a\" Nil))")
        inner = self.list(names, depth - 1)
        function = self.pick("double", "(adder 1)", "grade", "fact", "(adder a)", "not")
        return self.pick(f"(each {function} {inner})", f"(keep big {inner})", f"(Cons {self.number(names, depth - 1)} {inner})",
            f"(upto {self.pick('3', '1', '0')})",
                         f"(list {self.tuple(names, 0)})", f"(fold Cons Nil {inner})")

    def truth(self, names, depth):
        if depth <= 0:
            return self.pick("True", "False", "(big 3)")
        number, person = (lambda: self.number(names, depth - 1)), self.random.choice(self.PEOPLE)
        name = self.own()
        return self.pick(
            f"(> {number()} {number()})", f"(== {number()} {number()})", f"(big {number()})",
            f"(and {self.truth(names, depth - 1)} {self.truth(names, depth - 1)})",
            f"(grandparent {person} {self.pick('$w', *self.PEOPLE)})", f"(all {self.tuple(names, 0)} {name} (> {name} {number()}))",
            f"(some (Ann Bob Cid) {name} (grandparent {name} {person}))", f"(some {self.tuple(names, 0)} {name} (== {name} {number()}))",
            f"(not {self.truth(names, depth - 1)})", f"(== (collapse (match &self (parent {person} {name}) {name})) ())",
        )

    def question(self):
        person, depth = self.random.choice(self.PEOPLE), self.pick(1, 1, 2)
        return self.pick(
            self.number([], depth), self.number([], depth), self.truth([], depth), self.list([], depth), self.tuple([], depth),
            f"(grade {self.number([], depth)})",
            f"(case {self.number([], depth)} ((1 one) ((Error $e $m) (failed $m)) ($x (other $x))))", f"(ancestor 3 {person})",
            f"(collapse (ancestor 2 {person}))",
            f"(let* (($x {self.number([], depth)}) ($l {self.list(['$x'], depth - 1)})) ($x (count $l)))",
            f"(match &self (, (parent $x {person}) (age $x $a)) (when (> $a {self.number([], 0)}) ($x is $a)))",
            f"(lazy {self.number([], depth)})",
            f"(assertEqual {self.number([], depth)} {self.number([], depth)})", f"(get-type {self.number([], depth)})",
            f"(grandparent $x {person})",
            f"(let ($x $y) ({self.number([], 1)} {self.number([], 1)}) (if (> $x $y) (gt $x $y) (le $x $y)))",
            f"(unify (age {person} $a) (age $p 12) ($p $a) no)",
            f"(case (match &self (age {person} $a) $a) (($a (aged $a)) (Empty unknown)))",
            f"(if-error {self.number([], depth)} failed fine)",
        )

    def program(self):
        lines = [*self.facts(), *self.library()]
        self.random.shuffle(lines) if self.chance(0.3) else None
        return "\n".join([*lines, *self.some(lambda: self.asked(self.question()), 3, 6)]) + "\n"


KINDS = {"rules": Generator, "wide": WideGenerator, "minimal": Minimal, "typed": Typed, "spaces": Spaces, "numbers": Numbers,
         "everyday": Everyday}
