"""Random programs about what `generator.py` leaves out: spaces and states as values, minimal instructions in rules,
types of types, alternatives with their bindings, text, documentation, errors as data.
"""

from generator import TYPES, Generator

STRINGS = '("b" "a")'
OPERATIONS = ["f0", "inc1", "not", "S", "twice", "id", "g"]
NESTED_TYPES = [
    "(Maybe Number)",
    "(Maybe $t)",
    "(L (L Number))",
    "(-> Number Number)",
    "(-> $t $t)",
    "(Pair $t $u)",
    "(Pair Number String)",
    "Nat",
    "Number",
    "$t",
    "%Undefined%",
    "Atom",
]


class WideGenerator(Generator):
    """As its base, with other forms beside those."""

    def __init__(self, seed):
        super().__init__(seed)
        self.has_space = self.chance(0.5)
        self.has_maybe = self.chance(0.4)
        self.named = 0

    def constant(self, kind="any"):
        if kind == "number" and self.chance(0.15):
            return self.pick("1000000007", "-123456789", "1e3", "0.5", "7")
        if kind == "text" and self.chance(0.2):
            return self.pick('"b"', '"(+ 1 2)"', '"a b c"', '"12"')
        if kind == "data" and self.chance(0.3):
            return self.pick("(Just 1)", "Nothing", "(Just (Just a))", "(MkPair 1 \"s\")", "(MkPair a Nil)", "(Just (S Z))",
                             "(Leaf 1)", "(Node (Leaf 1) (Leaf a))", "(Just (+ 1 2))")
        return super().constant(kind)

    def pattern(self, variables, depth=2):
        if depth and self.chance(0.12):
            head, arity = self.pick(("Just", 1), ("MkPair", 2), ("Node", 2), ("Leaf", 1))
            return self.tuple_of([head] + [self.pattern(variables, depth - 1) for _ in range(arity)])
        return super().pattern(variables, depth)

    def space(self):
        return self.pick("&self", "&kb", "(mk)") if self.has_space else self.pick("&self", "(mk)")

    def steering(self, sub, kind):
        if self.chance(0.55):
            return super().steering(sub, kind)
        name, other = self.own(), self.own()
        names = []
        pattern = self.pattern(names)
        return self.pick(
            # Alternatives with what they bind.
            f"(superpose-bind (collapse-bind {sub(kind)}))" if self.chance(0.5) else f"(id {sub(kind)})",
            f"(collapse-bind {sub(kind)})" if kind == "any" and self.chance(0.3) else sub(kind),
            # Minimal instructions.
            f"(chain (cons-atom {self.constant()} {self.constant('list')}) {name} {sub(kind, [name])})",
            f"(chain (decons-atom {self.constant('list')}) {name} {sub(kind, [name])})",
            f"(chain {self.once(sub)} {name} (eval (id {name})))",
            f"(chain (metta {sub()} %Undefined% &self) {name} {sub(kind, [name])})",
            f"(chain (context-space) {name} (metta {sub(kind)} %Undefined% {name}))",
            # Conditions and cases.
            f"(if (== {sub('number')} {sub('number')}) {sub(kind)} {sub(kind)})",
            f"(if {sub('bool')} {sub(kind)})" if self.chance(0.2) else f"(if (> {sub('number')} 1) {sub(kind)} {sub(kind)})",
            f"(case {sub()} ((Empty {sub(kind)}) ({pattern} {sub(kind, names)})))",
            f"(case {sub()} (((Error $e (BadArgType $n $t1 $t2)) ($n $t1 $t2)) ((Error $e $m) $m) ($_ {sub(kind)})))",
            f"(case (superpose ({sub()} {sub()})) (({pattern} {sub(kind, names)}) ({other} {sub(kind, [other])})))",
            f"(let {pattern} {sub('data')} {sub(kind, names)})",
            f"(let ({name} {other}) ({sub()} {sub()}) {sub(kind, [name, other])})",
            f"(let* ((({name} {other}) ({sub()} {sub('number')})) ({pattern} {sub('data')})) {sub(kind, names + [name, other])})",
            # Spaces and states.
            f"(let {name} (mk) (let $_ (add-atom {name} {self.fact([])}) (match {name} {self.fact(names)} {sub(kind, names)})))",
            f"(match {self.space()} (, {self.fact(names)} {self.fact(names)}) {sub(kind, names)})",
            f"(match {self.space()} (= {self.call_pattern(names)} {other}) {sub(kind, [other])})",
            f"(let {name} (new-state {sub('number')}) (let $_ (change-state! {name} {self.single()}) (get-state {name})))",
            f"(unify {self.space()} {self.fact(names)} {sub(kind, names)} {sub(kind)})",
            # Functions as values.
            f"(let {name} {self.random.choice(OPERATIONS)} ({name} {sub()}))",
            f"(twice {self.random.choice(OPERATIONS)} {sub()})",
            f"((compose {self.random.choice(OPERATIONS)} {self.random.choice(OPERATIONS)}) {sub()})",
            # Errors.
            f"(if-error {sub()} caught {sub(kind)})",
            f"(id (Error {sub()} {self.pick('oops', '(Why a)', sub('text'))}))",
            f"(g (Error {self.constant()} oops))",
        )

    def own(self):
        """A variable that nothing else is named by: as the variable of `chain`, one that is bound by then is no
        variable any more."""
        self.named += 1
        return f"$n{self.named}"

    def once(self, sub, more=()):
        """An instruction whose results may be gone on with."""
        asked = sub("any", more)
        return f"(eval {asked})" if self.is_step(asked) else asked

    def single(self):
        """Something to put into a state: of several, the reference has put in all before it goes on."""
        number, one = self.constant("number"), self.constant()
        return self.pick(number, one, f"(+ {number} {one})", f"(id {self.constant('list')})",
                         f"(car-atom {self.constant('list')})", f"(if (== {self.constant()} {self.constant()}) 1 {self.constant()})")

    def call_pattern(self, names):
        name, arity, _ = self.random.choice(self.functions)
        return self.tuple_of([name] + [self.pattern(names, 1) for _ in range(arity)])

    def number_expression(self, sub):
        if self.chance(0.65):
            return super().number_expression(sub)
        return self.pick(
            f"(% {sub('number')} {self.pick('2', '3')})",
            f"(min-atom {sub('list')})",
            f"(pow-math {sub('number')} {self.pick('2', '0')})",
            f"({self.pick('trunc', 'ceil', 'floor', 'round')}-math {sub('number')})",
            f"(sqrt-math {self.pick('4', '9.0', '16')})",
            f"(foldl-atom {sub('list')} {sub('number')} $acc $e (+ $acc $e))",
            f"(foldl-atom (1 2 3) {sub('number')} $acc $e {sub('number', ['$acc', '$e'])})",
            f"(foldl-atom {sub('list')} Nil $acc $e (Cons $e $acc))",
            f"(depth {sub('data')})",
            f"(from-just {sub('data')})",
            f"(inc1 {sub('number')})",
        )

    def bool_expression(self, sub):
        if self.chance(0.7):
            return super().bool_expression(sub)
        return self.pick(
            f"(isnan-math {sub('number')})",
            f"(== {sub('text')} {sub('text')})",
            f"(== {sub('list')} {sub('list')})",
            f"(and (> {sub('number')} 0) {sub('bool')})",
            f"(or (== {sub()} {self.constant()}) {sub('bool')})",
            f"(is-zero {sub('data')})",
        )

    def list_expression(self, sub):
        if self.chance(0.6):
            return super().list_expression(sub)
        return self.pick(
            f"(map-atom {self.constant('list')} $e ($e {sub('any', ['$e'])}))",
            f"(map-atom (1 2 3) $n (* $n {sub('number')}))",
            f"(collapse (match {self.space()} {self.fact([])} {sub()}))",
            f"(collapse (get-atoms {self.space() if self.chance(0.3) else '(mk)'}))" if self.has_space else "(collapse (get-atoms (mk)))",
            f"(collapse (superpose {sub('list')}))",
            f"(stringToChars {self.constant('text')})",
            f"(sort-strings {self.pick(STRINGS, sub('list'))})",
            f"(cons-atom {self.constant()} (cdr-atom {sub('list')}))",
            f"(collapse (id {sub()}))",
        )

    def text_expression(self, sub):
        if self.chance(0.6):
            return super().text_expression(sub)
        return self.pick(
            f'(format-args "{{}}" ({sub()}))',
            f"(repr ({sub()} {sub()}))",
        )

    def data_expression(self, sub):
        if self.chance(0.6):
            return super().data_expression(sub)
        return self.pick(
            f"(Just {sub()})",
            f"(MkPair {sub()} {sub()})",
            f"(Node {sub('data')} {sub('data')})",
            f"(Leaf {sub()})",
            f"(fmap {self.random.choice(OPERATIONS)} {sub('data')})",
            f"(swap {sub('data')})",
            f"(mirror {sub('data')})",
        )

    def rules(self):
        """As its base, and some rules whose body is written in minimal instructions."""
        lines = super().rules()
        for index, (name, arity, kind) in enumerate(self.functions):
            if self.chance(0.25):
                variables = []
                patterns = [self.pattern(variables) for _ in range(arity)]
                body = self.minimal(variables, index + 1, kind)
                lines.append(f"(= ({' '.join([name] + patterns)}) {body})")
        return lines

    def minimal(self, variables, above, kind):
        def sub(kind="any", more=()):
            return self.expression(list(variables) + list(more), above, 2, kind)

        name, other, names = self.own(), self.own(), []
        pattern = self.pattern(names)
        return self.pick(
            f"(function (return {sub(kind)}))",
            f"(function (chain {self.once(sub)} {name} (return {sub(kind, [name])})))",
            f"(function (chain {self.once(sub)} {name} (unify {name} {pattern} (return {sub(kind, names)}) (return {sub(kind)}))))",
            f"(function (chain {self.once(sub)} {name} (chain {self.once(sub, [name])} {other} (return ({name} {other})))))",
            f"(function (unify {sub()} {pattern} (return {sub(kind, names)}) (chain {self.once(sub)} {name} (return {name}))))",
            f"(function (eval (twice-stepped {sub()})))",
        )

    def any_expression(self, sub):
        if self.chance(0.6):
            return super().any_expression(sub)
        return self.pick(
            f"(get-type {sub('data')})",
            f"(get-type ({sub()} {sub()}))",
            f"(get-metatype {sub('text')})",
            f"(noeval {sub()})",
            f"(quote ({sub()} {sub()}))",
            f"(g {sub()})",
            f"(g {sub()} {sub()})",
            f"(sealed ($s $u) ($s $u {sub()}))",
            f"(assertAlphaEqual {sub()} {sub()})",
            f"(assertIncludes {sub()} {sub('list')})",
            f"(assertEqualMsg {sub()} {sub()} {self.constant('text')})",
            f"(add-reduct &self (p {sub()}))" if self.chance(0.3) else sub(),
            f"(atom-subst {self.constant()} $s {sub('any', ['$s'])})",
            f"(metta {sub()} {self.random.choice(NESTED_TYPES)} &self)",
            f"(type-cast {sub('data')} {self.random.choice(NESTED_TYPES)} &self)",
            f"(unique-atom (collapse {sub()}))",
            f"(get-doc {self.pick('f0', 'documented')})" if self.chance(0.2) else sub(),
            f"(let (Error $e $m) {sub()} ($m))",
            f"(return-on-error {sub()} {sub()})",
            f"(first-from-pair ({sub()} {sub()}))",
            f"(capture {sub()})",
        )

    def declarations(self):
        lines = super().declarations()
        if self.has_maybe:
            lines += ["(: Just (-> $t (Maybe $t)))", "(: Nothing (Maybe $t))"]
        if self.chance(0.3):
            lines += ["(: MkPair (-> $a $b (Pair $a $b)))"]
        if self.chance(0.3):
            lines += ["(: Leaf (-> $t (Tree $t)))", "(: Node (-> (Tree $t) (Tree $t) (Tree $t)))"]
        if self.chance(0.2):
            lines.append(f"(: g (-> {self.random.choice(NESTED_TYPES)} {self.random.choice(NESTED_TYPES)}))")
        if self.chance(0.1):
            lines.append(f"(: g (-> {self.random.choice(TYPES)} {self.random.choice(NESTED_TYPES)}))")
        if self.chance(0.1):
            lines.append(f"(: {self.pick('a', 'b', 'Nil', 'g')} {self.random.choice(NESTED_TYPES)})")
        return lines

    def library(self):
        lines = super().library()
        if self.chance(0.4):
            lines += ["(: fmap (-> (-> $a $b) (Maybe $a) (Maybe $b)))", "(: swap (-> (Pair $a $b) (Pair $b $a)))",
                      "(: mirror (-> (Tree $t) (Tree $t)))", "(: depth (-> (Tree $t) Number))",
                      "(: from-just (-> (Maybe $t) $t))", "(: twice (-> (-> $t $t) $t $t))", "(: is-zero (-> Nat Bool))"]
        lines += [
            "(= (fmap $f Nothing) Nothing)", "(= (fmap $f (Just $x)) (Just ($f $x)))", "(= (swap (MkPair $x $y)) (MkPair $y $x))",
            "(= (mirror (Leaf $x)) (Leaf $x))", "(= (mirror (Node $l $r)) (Node (mirror $r) (mirror $l)))",
            "(= (depth (Leaf $x)) 0)", "(= (depth (Node $l $r)) (+ 1 (max-of (depth $l) (depth $r))))",
            "(= (max-of $x $y) (if (> $x $y) $x $y))", "(= (from-just (Just $x)) $x)", "(= (twice $f $x) ($f ($f $x)))",
            "(= ((compose $f $g) $x) ($f ($g $x)))", "(= (is-zero Z) True)", "(= (is-zero (S $x)) False)", "(= (mk) (new-space))",
            "(= (twice-stepped $x) (chain (eval (id $x)) $y (return $y)))",
            '(@doc documented (@desc "Says nothing") (@params ((@param "What"))) (@return "Nothing"))',
        ]
        if self.chance(0.5):
            lines.append(f"(= (g $x) {self.pick('$x', '($x $x)', '(P $x)', '1', '(quote $x)')})")
        if self.chance(0.2):
            lines.append("(= (g (Error $x $y)) (seen $y))")
        if self.chance(0.15):
            lines.append("(= (g a) b)")
        return lines
