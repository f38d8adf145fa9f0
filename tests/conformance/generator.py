"""Random well-formed programs, one for each seed.

A program declares data, types and subtypes, gives facts and rules with overlapping heads, some of them recursive on
a structure that gets smaller, and then asks. Expressions are mostly of the kind that their place wants, so that
evaluation goes deep; sometimes they are of any kind, so that it goes wrong.
"""

import random

SYMBOLS = ["a", "b", "c", "A", "B", "Nil"]
NUMBERS = ["0", "1", "2", "3", "-1", "2.5", "10"]
TEXTS = ['"s"', '"t u"', '""']
TYPES = ["Number", "Bool", "String", "T", "U", "Atom", "Expression", "%Undefined%", "Symbol", "Variable"]
POLYMORPHIC = [
    "(-> $t $t)",
    "(-> $t $u $t)",
    "(-> $t $t $t)",
    "(-> $t (L $t))",
    "(-> (L $t) $t)",
    "(-> (-> $a $b) $a $b)",
    "(-> Number $t $t)",
    "(-> $t Bool)",
    "(-> Atom $t)",
    "(-> (L $t) (L $t) (L $t))",
]
KINDS = ["number", "bool", "list", "text", "data", "any"]


class Generator:
    """One random program. Functions only call functions of a higher number, or themselves on a part of their
    argument, so that every program ends."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.functions = [
            (f"f{number}", self.random.randint(0, 3), self.random.choice(KINDS))
            for number in range(self.random.randint(1, 5))
        ]
        self.facts = [("p", 1), ("q", 2), ("r", 2)]
        self.named = 0
        self.has_space = self.chance(0.25)
        self.has_state = self.chance(0.2)
        # Asking with unbound variables would keep recursive functions going for ever.
        self.is_open = self.chance(0.35)

    def chance(self, share):
        return self.random.random() < share

    def pick(self, *ways):
        return self.random.choice(ways)

    # Small things.

    def constant(self, kind="any"):
        if kind == "number":
            return self.random.choice(NUMBERS)
        if kind == "bool":
            return self.pick("True", "False")
        if kind == "text":
            return self.random.choice(TEXTS)
        if kind == "list":
            return self.tuple_of([self.constant() for _ in range(self.random.randint(0, 3))])
        if kind == "data":
            return self.pick("Z", "(S Z)", "(S (S Z))", "Nil", "(Cons 1 Nil)", "(Cons a (Cons b Nil))", "(P a)")
        return self.random.choice(SYMBOLS + NUMBERS + TEXTS + ["True", "False"])

    def tuple_of(self, members):
        return "(" + " ".join(members) + ")"

    def leaf(self, variables, kind):
        if variables and self.chance(0.6):
            return self.random.choice(variables)
        return self.constant(kind)

    def fresh(self):
        return self.pick("$u", "$v", "$w", "$x")

    def own(self):
        """A variable that nothing else is named by: as the variable of `chain`, one that is bound by then is no
        variable any more."""
        self.named += 1
        return f"$n{self.named}"

    def pattern(self, variables, depth=2):
        roll = self.random.random()
        if roll < 0.5:
            name = self.pick("$x", "$y", "$z")
            variables.append(name)
            return name
        if roll < 0.75 or depth == 0:
            return self.constant()
        head, arity = self.pick(("S", 1), ("Cons", 2), ("P", 1), ("P", 2), ("", 2), ("", 3))
        inner = [self.pattern(variables, depth - 1) for _ in range(arity)]
        return self.tuple_of(([head] if head else []) + inner)

    def fact(self, variables):
        name, arity = self.random.choice(self.facts)
        return self.tuple_of([name] + [self.pattern(variables, 1) for _ in range(arity)])

    # Expressions.

    def expression(self, variables, above, depth, kind="any"):
        if depth <= 0 or self.chance(0.12):
            return self.leaf(variables, kind)
        if self.chance(0.08):
            kind = self.random.choice(KINDS)

        def sub(kind="any", more=()):
            return self.expression(list(variables) + list(more), above, depth - 1, kind)

        callable_ = [one for one in self.functions[above:] if kind == "any" or one[2] in (kind, "any")]
        if callable_ and self.chance(0.3):
            name, arity, _ = self.random.choice(callable_)
            if self.chance(0.04):
                arity += 1
            return self.tuple_of([name] + [sub() for _ in range(arity)])
        if self.chance(0.45):
            return self.steering(sub, kind)
        return getattr(self, f"{kind}_expression")(sub)

    def is_step(self, asked):
        """Whether one step of it may be asked for. `(eval $q)` asks for every rule, the library's included, and one
        step of what the library defines by others shows how it does that."""
        return asked.startswith("(") and not asked.startswith(("(assert", "(is-function", "(noreduce-eq"))

    def steering(self, sub, kind):
        """A form that may be of every kind."""
        way = self.pick("if", "let", "let*", "case", "switch", "match", "superpose", "unify", "chain", "id", "head",
                        "error", "nested-let", "unique", "quote", "eval")
        if way == "if":
            return f"(if {sub('bool')} {sub(kind)} {sub(kind)})"
        if way == "let":
            names = []
            pattern = self.pattern(names) if self.chance(0.5) else self.fresh()
            names += [pattern] if pattern[0] == "$" else []
            return f"(let {pattern} {sub()} {sub(kind, names)})"
        if way == "nested-let":
            name = self.fresh()
            return f"(let {name} {sub('number')} (let ({name} $y) ({sub()} {sub()}) {sub(kind, [name, '$y'])}))"
        if way == "let*":
            one, two = self.fresh(), self.fresh()
            return f"(let* (({one} {sub()}) ({two} {sub('any', [one])})) {sub(kind, [one, two])})"
        if way == "case":
            names = []
            pattern = self.pattern(names)
            last = self.pick(f"($_ {sub(kind)})", f"(Empty {sub(kind)})", f"((Error $e $m) {sub(kind)})")
            return f"(case {sub()} (({pattern} {sub(kind, names)}) ({self.constant()} {sub(kind)}) {last}))"
        if way == "switch":
            names = []
            pattern = self.pattern(names)
            return f"(switch {sub()} (({pattern} {sub(kind, names)}) ($_ {sub(kind)})))"
        if way == "match":
            names = []
            asked = self.fact(names)
            if self.chance(0.3):
                asked = f"(, {asked} {self.fact(names)})"
            space = "&kb" if self.has_space and self.chance(0.4) else "&self"
            return f"(match {space} {asked} {sub(kind, names)})"
        if way == "superpose":
            return f"(superpose {self.tuple_of([sub(kind) for _ in range(self.random.randint(0, 3))])})"
        if way == "unify":
            names = []
            pattern = self.pattern(names)
            return f"(unify {sub()} {pattern} {sub(kind, names)} {sub(kind)})"
        if way == "chain":
            name, asked = self.own(), sub()
            nested = self.pick(f"(eval {asked})", asked) if self.is_step(asked) else asked
            return f"(chain {nested} {name} {sub(kind, [name])})"
        if way == "head":
            return self.pick(f"((inc {sub('number')}) {sub('number')})", f"((pair {sub()}) {sub()})",
                             f"((superpose (S P)) {sub()})", f"(ap {self.pick('S', 'not', 'f0', 'inc')} {sub()})")
        if way == "error":
            return self.pick(f"(Error {self.constant()} oops)", "Empty", f"(if-error {sub()} {sub(kind)} {sub(kind)})",
                             f"(return-on-error {sub()} {sub(kind)})", "(empty)")
        if way == "unique":
            return self.pick(f"(unique {sub(kind)})", f"(union {sub(kind)} {sub(kind)})",
                             f"(intersection {sub(kind)} {sub(kind)})", f"(subtraction {sub(kind)} {sub(kind)})")
        if way == "quote":
            return self.pick(f"(unquote (quote {sub(kind)}))", f"(noeval {sub(kind)})", f"(capture {sub(kind)})")
        if way == "eval":
            asked = sub(kind)
            return self.pick(f"(metta {asked} %Undefined% &self)", f"(metta {asked} {self.random.choice(TYPES)} &self)",
                             f"(evalc {asked} &self)" if self.is_step(asked) else asked)
        return f"(id {sub(kind)})"

    def recursive(self, *ways):
        return self.constant("data") if self.is_open else self.random.choice(ways)

    def number_expression(self, sub):
        return self.pick(
            f"({self.pick('+', '-', '*')} {sub('number')} {sub('number')})",
            f"({self.pick('+', '-', '*')} {sub('number')} {sub('number')})",
            f"(size-atom {sub('list')})",
            self.recursive(f"(len {sub('data')})"),
            f"(foldl-atom {sub('list')} 0 $acc $e {sub('number', ['$acc', '$e'])})",
            f"(abs-math {sub('number')})",
            "(get-state &st)" if self.has_state else f"(get-state (new-state {sub('number')}))",
            f"(/ {sub('number')} {self.pick('1', '2', '0')})",
        )

    def bool_expression(self, sub):
        return self.pick(
            f"({self.pick('<', '>', '<=', '>=')} {sub('number')} {sub('number')})",
            f"(== {sub()} {sub()})",
            f"(== {sub('data')} {sub('data')})",
            f"({self.pick('and', 'or')} {sub('bool')} {sub('bool')})",
            f"(not {sub('bool')})",
            f"(xor {sub('bool')} {sub('bool')})",
            f"(is-function {self.pick('(-> A B)', 'A', '(A B)')})",
            f"(noreduce-eq {sub()} {sub()})",
            f"(=alpha {sub()} {sub()})",
            self.recursive(f"(has {sub()} {sub('data')})"),
        )

    def list_expression(self, sub):
        return self.pick(
            f"(cdr-atom {sub('list')})",
            f"(cons-atom {sub()} {sub('list')})",
            f"(decons-atom {sub('list')})",
            f"(map-atom {sub('list')} $e {sub('any', ['$e'])})",
            f"(filter-atom {sub('list')} $e {self.pick('True', 'False')})",
            f"(collapse {sub()})",
            f"(collapse {sub()})",
            f"(unique-atom {sub('list')})",
            f"({self.pick('union', 'intersection', 'subtraction')}-atom {sub('list')} {sub('list')})",
            self.tuple_of([sub() for _ in range(self.random.randint(1, 3))]),
            self.recursive(f"(tolist {sub('data')})"),
        )

    def text_expression(self, sub):
        return self.pick(
            f'(format-args "{{}}-{{}}" ({sub()} {sub()}))',
            f"(repr {sub()})",
            self.constant("text"),
        )

    def data_expression(self, sub):
        return self.pick(
            f"(S {sub('data')})",
            f"(Cons {sub()} {sub('data')})",
            f"(P {sub()})",
            self.recursive(
                f"(plus {sub('data')} {sub('data')})",
                f"(app {sub('data')} {sub('data')})",
                f"(mp inc1 {sub('data')})",
            ),
        )

    def any_expression(self, sub):
        return self.pick(
            sub("number"), sub("bool"), sub("list"), sub("data"), sub("data"), sub("text"),
            f"(get-type {sub()})",
            f"(get-type-space &self {sub()})",
            f"(get-metatype {sub()})",
            f"(quote {sub()})",
            f"(car-atom {sub('list')})",
            f"(index-atom {sub('list')} {self.pick('0', '1', '5')})",
            f"(atom-subst {sub()} $s ($s $s))",
            f"(sealed ($s) ($s {sub()}))",
            f"(if-equal {sub()} {sub()} {sub()} {sub()})",
            f"(if-decons-expr {sub('list')} $h $t ($h $t) no)",
            f"(assertEqual {sub()} {sub()})",
            f"(assertEqualToResult {sub()} {sub('list')})",
            f"(match-types {self.random.choice(TYPES)} {self.random.choice(TYPES)} {sub()} {sub()})",
            f"(type-cast {sub()} {self.random.choice(TYPES)} &self)",
            f"(first-from-pair {sub('list')})",
            f"(max-atom {sub('list')})",
            f"(add-atom &self (p {sub()}))" if self.chance(0.3) else sub(),
            f"(change-state! &st {self.constant('number')})" if self.has_state else sub(),
            f"(nop {sub()})",
        )

    # Programs.

    def declarations(self):
        lines = []
        for name in SYMBOLS + ["Z"]:
            if self.chance(0.12):
                lines.append(f"(: {name} {self.random.choice(TYPES)})")
        if self.chance(0.3):
            lines += ["(: Nil (L $t))", "(: Cons (-> $t (L $t) (L $t)))"]
        if self.chance(0.3):
            lines += ["(: Z Nat)", "(: S (-> Nat Nat))"]
        if self.chance(0.15):
            lines += [self.pick("(:< T U)", "(:< Nat Number)", "(:< U T)"), "(: a T)"]
        if self.chance(0.1):
            lines.append(f"(: P {self.random.choice(POLYMORPHIC)})")
        if self.chance(0.15):
            lines += [f"(: P (-> {self.random.choice(TYPES)} {self.random.choice(TYPES)}))"]
        return lines

    def library(self):
        """Recursive functions that end on every finite argument, typed or not."""
        lines = []
        typed = self.chance(0.4)
        if typed:
            lines += ["(: plus (-> $t $t $t))", "(: len (-> $t Number))", "(: ap (-> (-> $a $b) $a $b))"]
        lines += [
            "(= (plus Z $y) $y)", "(= (plus (S $x) $y) (S (plus $x $y)))",
            "(= (len Nil) 0)", "(= (len (Cons $h $t)) (+ 1 (len $t)))",
            "(= (app Nil $y) $y)", "(= (app (Cons $h $t) $y) (Cons $h (app $t $y)))",
            "(= (has $x (Cons $x $t)) True)", "(= (has $x (Cons $y $t)) (has $x $t))", "(= (has $x Nil) False)",
            "(= (tolist Nil) ())", "(= (tolist (Cons $h $t)) (cons-atom $h (tolist $t)))",
            "(= (mp $f Nil) Nil)", "(= (mp $f (Cons $h $t)) (Cons ($f $h) (mp $f $t)))",
            "(= ((inc $x) $y) (+ $x $y))", "(= (inc1 $x) (+ 1 $x))", "(= ((pair $x) $y) ($x $y))", "(= (ap $f $x) ($f $x))",
        ]
        return lines

    def rules(self):
        lines = []
        for index, (name, arity, kind) in enumerate(self.functions):
            if self.chance(0.25):
                types = [self.random.choice(TYPES) for _ in range(arity + 1)]
                lines.append(f"(: {name} (-> {' '.join(types)}))")
            elif self.chance(0.1):
                lines.append(f"(: {name} {self.random.choice(POLYMORPHIC)})")
            for _ in range(self.random.randint(1, 3)):
                variables = []
                patterns = [self.pattern(variables) for _ in range(arity)]
                body = self.expression(variables, index + 1, 3, kind)
                lines.append(f"(= ({' '.join([name] + patterns)}) {body})")
        return lines

    def asked(self):
        variables = ["$q"] if self.is_open and self.chance(0.7) else []
        # `!word` is a symbol to the reference, so only expressions are asked for.
        asked = self.expression(variables, 0, 4)
        return f"!{asked}" if asked.startswith("(") else f"!(d {asked})"

    def program(self):
        lines = self.declarations()
        for _ in range(self.random.randint(0, 6)):
            variables = []
            fact = self.fact(variables)
            lines.append(fact if self.chance(0.2) or not variables else self.tuple_of(["p", self.constant()]))
        if self.has_space:
            lines += ["!(bind! &kb (new-space))"]
            lines += [f"!(add-atom &kb {self.fact([])})" for _ in range(self.random.randint(1, 4))]
        if self.has_state:
            lines += [f"!(bind! &st (new-state {self.constant('number')}))"]
        lines += self.library() + self.rules()
        for _ in range(self.random.randint(1, 4)):
            if self.chance(0.12):
                fact = f"(p {self.constant()})"
                lines.append(self.pick(f"!(add-atom &self {fact})", f"!(remove-atom &self {fact})"))
            if self.chance(0.05):
                name, arity, _ = self.random.choice(self.functions)
                rule = f"(= ({' '.join([name] + [self.pattern([]) for _ in range(arity)])}) {self.constant()})"
                lines.append(f"!({self.pick('add', 'remove')}-atom &self {rule})")
            lines.append(self.asked())
        return "\n".join(lines) + "\n"
