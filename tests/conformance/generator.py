"""Random well-formed programs, one for each seed."""

import random

CONSTANTS = ["a", "b", "c", "A", "B", "Nil", "True", "False", "0", "1", "2", "3", "-1", "2.5", '"s"']
TYPES = ["Number", "Bool", "String", "T", "U", "Atom", "Expression", "%Undefined%", "Symbol", "Variable"]


class Generator:
    """One random program. Functions only call functions of a higher number, so
    that every program ends."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.functions = [(f"f{n}", self.random.randint(0, 2)) for n in range(self.random.randint(1, 4))]
        self.facts = [("p", 1), ("q", 2)]

    def pick(self, *ways):
        return self.random.choice(ways)

    def constant(self):
        return self.random.choice(CONSTANTS)

    def leaf(self, variables):
        if variables and self.random.random() < 0.5:
            return self.random.choice(variables)
        return self.constant()

    def pattern(self, variables, depth=1):
        roll = self.random.random()
        if roll < 0.45:
            name = self.random.choice(["$x", "$y", "$z"])
            variables.append(name)
            return name
        if roll < 0.75 or depth == 0:
            return self.constant()
        inner = " ".join(self.pattern(variables, depth - 1) for _ in range(self.random.randint(1, 2)))
        return f"({self.random.choice(['S', 'Cons', 'P'])} {inner})"

    def fresh(self):
        return self.random.choice(["$u", "$v", "$w"])

    def expression(self, variables, above, depth):
        if depth == 0 or self.random.random() < 0.15:
            return self.leaf(variables)
        sub = lambda more=(): self.expression(list(variables) + list(more), above, depth - 1)
        callable_ = [f for f in self.functions[above:]]
        ways = ["arith", "compare", "if", "let", "letstar", "case", "match", "superpose", "collapse",
                "tuple", "list", "quote", "logic", "unify", "type", "equal", "chain", "state", "metatype",
                "switch", "nested", "id", "set"]
        if callable_:
            ways += ["call"] * 6
        way = self.random.choice(ways)
        if way == "call":
            name, arity = self.random.choice(callable_)
            if self.random.random() < 0.05:
                arity += 1
            return "(" + " ".join([name] + [sub() for _ in range(arity)]) + ")"
        if way == "arith":
            return f"({self.pick('+', '-', '*')} {sub()} {sub()})"
        if way == "compare":
            return f"({self.pick('<', '>', '<=', '>=')} {sub()} {sub()})"
        if way == "equal":
            return f"(== {sub()} {sub()})"
        if way == "logic":
            return self.pick(f"(and {sub()} {sub()})", f"(or {sub()} {sub()})", f"(not {sub()})")
        if way == "if":
            condition = self.pick(f"(== {sub()} {sub()})", f"(> {sub()} {sub()})", "True", "False", sub())
            return f"(if {condition} {sub()} {sub()})"
        if way == "let":
            names = []
            pattern = self.pattern(names) if self.random.random() < 0.4 else self.fresh()
            return f"(let {pattern} {sub()} {sub(names + [pattern] if pattern[0] == '$' else names)})"
        if way == "letstar":
            one, two = self.fresh(), self.fresh()
            return f"(let* (({one} {sub()}) ({two} {sub([one])})) {sub([one, two])})"
        if way == "case":
            names = []
            pattern = self.pattern(names)
            return f"(case {sub()} (({pattern} {sub(names)}) ({self.constant()} {sub()}) ($_ {sub()})))"
        if way == "switch":
            names = []
            pattern = self.pattern(names)
            return f"(switch {sub()} (({pattern} {sub(names)}) ($_ {sub()})))"
        if way == "match":
            name, arity = self.random.choice(self.facts)
            names = []
            fact = "(" + " ".join([name] + [self.pattern(names) for _ in range(arity)]) + ")"
            if self.random.random() < 0.3:
                other, arity = self.random.choice(self.facts)
                more = "(" + " ".join([other] + [self.pattern(names) for _ in range(arity)]) + ")"
                fact = f"(, {fact} {more})"
            return f"(match &self {fact} {sub(names)})"
        if way == "superpose":
            return "(superpose (" + " ".join(sub() for _ in range(self.random.randint(0, 3))) + "))"
        if way == "collapse":
            return f"(collapse {sub()})"
        if way == "tuple":
            return "(" + " ".join([self.pick("S", "Cons", "P", "d")] + [sub() for _ in range(self.random.randint(0, 2))]) + ")"
        if way == "nested":
            return "(" + " ".join(sub() for _ in range(self.random.randint(0, 3))) + ")"
        if way == "list":
            tuple_ = "(" + " ".join(self.leaf(variables) for _ in range(self.random.randint(0, 3))) + ")"
            return self.pick(f"(car-atom {tuple_})", f"(cdr-atom {tuple_})", f"(cons-atom {self.leaf(variables)} {tuple_})",
                             f"(size-atom {tuple_})", f"(decons-atom {tuple_})", f"(index-atom {tuple_} {self.pick('0', '1', '5')})",
                             f"(map-atom {tuple_} $e {sub(['$e'])})", f"(filter-atom {tuple_} $e {self.pick('True', 'False')})",
                             f"(foldl-atom {tuple_} 0 $acc $e {sub(['$acc', '$e'])})")
        if way == "set":
            one = "(" + " ".join(self.constant() for _ in range(self.random.randint(0, 3))) + ")"
            two = "(" + " ".join(self.constant() for _ in range(self.random.randint(0, 3))) + ")"
            return self.pick(f"(unique-atom {one})", f"(union-atom {one} {two})", f"(intersection-atom {one} {two})",
                             f"(subtraction-atom {one} {two})")
        if way == "quote":
            return self.pick(f"(quote {sub()})", f"(unquote (quote {sub()}))", f"(noeval {sub()})")
        if way == "unify":
            names = []
            pattern = self.pattern(names)
            return f"(unify {sub()} {pattern} {sub(names)} {sub()})"
        if way == "type":
            return f"(get-type {sub()})"
        if way == "metatype":
            return f"(get-metatype {sub()})"
        if way == "chain":
            name = self.fresh()
            asked = sub()
            # `(eval $q)` asks for every rule, the library's included.
            nested = asked if asked[0] == "$" else self.pick(f"(eval {asked})", asked)
            return f"(chain {nested} {name} {sub([name])})"
        if way == "state":
            return f"(get-state (new-state {sub()}))"
        return f"(id {sub()})"

    def program(self):
        lines = []
        for name in ["a", "b", "c", "Nil"]:
            if self.random.random() < 0.15:
                lines.append(f"(: {name} {self.random.choice(TYPES)})")
        for name, arity in [("S", 1), ("Cons", 2), ("P", 1)]:
            if self.random.random() < 0.1:
                types = [self.random.choice(TYPES) for _ in range(arity + 1)]
                lines.append(f"(: {name} (-> {' '.join(types)}))")
        for _ in range(self.random.randint(0, 5)):
            name, arity = self.random.choice(self.facts)
            lines.append("(" + " ".join([name] + [self.pattern([], 1) if self.random.random() < 0.15 else self.constant() for _ in range(arity)]) + ")")
        for index, (name, arity) in enumerate(self.functions):
            if self.random.random() < 0.3:
                types = [self.random.choice(TYPES) for _ in range(arity + 1)]
                lines.append(f"(: {name} (-> {' '.join(types)}))")
            for _ in range(self.random.randint(1, 3)):
                variables = []
                patterns = [self.pattern(variables) for _ in range(arity)]
                body = self.expression(variables, index + 1, 3)
                lines.append(f"(= ({' '.join([name] + patterns)}) {body})")
        for _ in range(self.random.randint(1, 3)):
            roll = self.random.random()
            if roll < 0.15:
                fact = f"(p {self.constant()})"
                lines.append(self.pick(f"!(add-atom &self {fact})", f"!(remove-atom &self {fact})"))
            variables = ["$q"] if self.random.random() < 0.3 else []
            # `!word` is a symbol to the reference, so only expressions are asked for.
            asked = self.expression(variables, 0, 3)
            lines.append(f"!{asked}" if asked.startswith("(") else f"!(d {asked})")
        return "\n".join(lines) + "\n"
