//! Mistakes seen before a text runs, and none where there is none.

use std::fs;
use std::path::{Path, PathBuf};

use chimera::{DirectoryFiles, Engine, Grants};
use chimera_grammar::{Diagnostic, Severity};

fn findings(source: &str, directory: &Path) -> Vec<Diagnostic> {
    let engine = Engine::builder()
        .files(DirectoryFiles::from(directory))
        .grants(Grants {
            read_files: true,
            ..Grants::default()
        })
        .build();
    engine.check(source, "test.metta")
}

/// Each finding as `line:column code`, with a part of its message.
#[track_caller]
fn check(source: &str, expected: &[(&str, &str)]) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/modules/include");
    let found = findings(source, &directory);
    let shown: Vec<String> = found
        .iter()
        .map(|finding| {
            let place = finding.position;
            format!("{}:{} {}", place.line, place.column, finding.code)
        })
        .collect();
    let places: Vec<&str> = expected.iter().map(|(place, _)| *place).collect();
    assert_eq!(shown, places, "{found:#?}");
    for (finding, (_, part)) in found.iter().zip(expected) {
        assert!(finding.message.contains(part), "{finding:?}");
        assert!(!finding.help.is_empty());
    }
}

#[test]
fn every_syntax_error_is_told() {
    check(
        "(a b))\n(c \"\\q\")\n(d\n",
        &[
            ("1:6 E0002", "unexpected"),
            ("2:4 E0004", "escape"),
            ("3:1 E0001", "unclosed"),
        ],
    );
}

#[test]
fn operations_of_the_reference_only_are_told() {
    check(
        "!(bind! random (py-atom random.random))\n(= (nap) ((py-dot time sleep) 1))\n(py-atom data)",
        &[("1:17 W0206", "`py-atom`"), ("2:12 W0206", "`py-dot`")],
    );
    check("(= (py-list $x) $x)\n!(py-list 1)", &[]);
}

#[test]
fn calls_are_held_against_signatures() {
    check(
        "!(+ 1)\n!(+ 1 \"a\")\n!(if (> 1 \"b\") (+ 1) ok)",
        &[
            ("1:2 E0101", "1 argument,"),
            ("2:7 E0102", "argument 2 of `+` is a String"),
            ("3:11 E0102", "argument 2 of `>`"),
            ("3:16 E0101", "`+`"),
        ],
    );
    check(
        "(: f (-> Number Number))\n(= (f $x) (+ $x 1))\n(= (g $x) (f $x $x))\n(= (h) (f \"a\"))",
        &[("3:11 E0101", "`f`"), ("4:11 E0102", "Number")],
    );
    check(
        "(: f (-> Number Number))\n(= (f 1) \"one\")\n(= (f 2) (concat-all))\n(: s (-> String))\n(= (f 3) (s))",
        &[("2:10 E0103", "a String"), ("5:10 E0103", "a String")],
    );
    // What the signature says of a parameter holds in the body.
    check(
        "(: shout (-> String Number))\n(= (shout $s) (+ $s 1))\n(: ok (-> Number String Number))\n(= (ok $n $s) (if (> $n 0) (+ $n 1) (ok 1 $s)))\n(= (ok $n $s) $s)",
        &[
            ("2:18 E0102", "argument 1 of `+` is a String"),
            ("5:15 E0103", "a String"),
        ],
    );
    check(
        "(:< Dog Animal)\n(: bark (-> Dog Atom))\n(: voice (-> Animal Atom))\n(= (voice $a) (bark $a))",
        &[],
    );
    check(
        "(: fac (-> Atom (-> Int Int)))\n(= ((fac $f) $x) (if (> $x 0) (* $x ($f (- $x 1))) one))",
        &[],
    );
    // Directives see what stands above them only.
    check("!(f 1 2)\n(: f (-> Number Number))", &[]);
    // Not evaluated, or not known.
    check(
        "!(quote (+ 1))\n(: k Kind)\n!(k 1 2)\n(data (+ 1))\n!(map-atom (1 2) $x (+ $x 1))",
        &[],
    );
}

/// An assertion may want the error; what it says of a call that is none stays an error.
#[test]
fn errors_that_an_assertion_may_want_are_notes() {
    let found = findings(
        "(: f (-> Number Number))\n!(assertEqualToResult (f \"a\") ((Error (f \"a\") (BadArgType 1 Number String))))\n!(assertEqual (f 1) (f))\n!(f)",
        Path::new("."),
    );
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.code, finding.severity))
        .collect();
    assert_eq!(
        told,
        [
            ("E0102", Severity::Note),
            ("E0101", Severity::Note),
            ("E0101", Severity::Error)
        ]
    );
}

#[test]
fn what_variables_stand_for_is_not_guessed() {
    check(
        "(: tail (-> List List))\n(= (tail $l) (cdr-atom $l))\n(= (best $f $a $b) (if (> ($f $a) ($f $b)) $a $b))",
        &[],
    );
}

#[test]
fn modules_are_looked_for() {
    check(
        "!(import! &self jsno)\n!(import! &self json)\n!(json-encode 1 2)\n!(include part)\n!(include parts)",
        &[
            ("1:17 E0104", "did you mean `json`"),
            ("3:2 E0101", "`json-encode`"),
            ("5:11 E0104", "no module `parts`"),
        ],
    );
}

#[test]
fn names_near_a_known_one_are_told() {
    check(
        "(= (double-it $x) (* $x 2))\n!(duoble-it 4)\n!(mathc &self $x $x)\n!(match &slef $x $x)\n!(println \"a\")",
        &[
            ("2:3 W0201", "did you mean `double-it`"),
            ("3:3 W0201", "`match`"),
            ("4:9 W0201", "`&self`"),
            ("5:3 W0201", "`println!`"),
        ],
    );
    check(
        "(= (all) (match &kb $x $x))\n!(bind! &kb (new-space))\n!(add-atom &kb (p 1))\n!(get-atoms &given-by-the-host)\n!(data &kb)",
        &[
            ("1:17 W0201", "`&kb` is bound further below only"),
            ("4:13 W0201", "`&given-by-the-host` is bound nowhere"),
        ],
    );
    check(
        "(= (bind-it) (bind! &kb (new-space)))\n(= (all) (match &kb $x $x))\n!(bind-it)",
        &[],
    );
    check(
        "(= (path $x) (paths $x))\n(paths a)\n!(step2 (step1 x))\n(= (step1 $x) $x)\n!(bind! &elf (new-space))\n!(match &elf $x $x)",
        &[],
    );
}

#[test]
fn variables_that_occur_once_are_told() {
    check(
        "(= (double $x) (* 2 $y))\n(= (area $width $height) (* $width $heigth))\n(= (f $a $b) $a)\n(= (g $a $_b) $a)",
        &[
            ("1:12 W0202", "`$x`"),
            ("1:21 W0202", "`$y`"),
            ("2:17 W0202", "`$height`"),
            ("2:36 W0202", "are they the same"),
            ("3:10 W0202", "`$b`"),
        ],
    );
    check(
        "(= (k 0 $x) none)\n(= (k $n $x) $x)\n(= (q) (match &self (p $x $y) $x))\n(= (gp $x) (parent (parent $x)))",
        &[],
    );
    check(
        "(p 1 2)\n(= (q) (match &self (p $x $y) $z))\n(= (any) $t)\n!(match &self (p $x $y) $z)\n!(let $a (q) (+ $b 1))\n!(q $v)\n!(let ($l $r) (q) $r)",
        &[
            ("2:31 W0202", "`$z`"),
            ("3:10 W0202", "`$t`"),
            ("4:25 W0202", "`$z`"),
            ("5:17 W0202", "`$b`"),
            ("6:2 W0217", "`q` is called with 1 argument"),
        ],
    );
}

#[test]
fn covered_rules_and_cases_are_told() {
    check(
        "(= (f $x) 1)\n(= (f 0) 2)\n(= (g $x) (h $x))\n(= (g $y) (h $y))\n(= (c) heads)\n(= (c) tails)\n(= (k 0) 1)\n(= (k $n) $n)",
        &[("2:4 W0203", "line 1"), ("4:1 W0203", "same rule")],
    );
    check(
        "(= (f $x) (case $x (($other a) (1 b))))\n(= (g $x $y) (case $x (($y a) (1 b) ($_ c))))\n(= (h $x) (switch $x (((p $a) 1) ((p 2) 2) ($_ 3))))",
        &[("1:33 W0204", "line 1"), ("3:35 W0204", "line 3")],
    );
}

#[test]
fn recursions_that_count_past_their_base_case_are_told() {
    check(
        "(= (fact 0) 1)\n(= (fact $n) (* $n (fact (- $n 1))))\n(= (sum $n) (let $m (- $n 1) (+ $n (sum (- $n 1)))))\n(= (sum 0) 0)",
        &[
            ("2:20 W0205", "`(fact 0)`"),
            ("3:36 W0205", "the rule on line 4"),
            ("4:4 W0203", "line 3"),
        ],
    );
    check(
        "(= (a 0) 1)\n(= (a $n) (if (> $n 0) (* $n (a (- $n 1))) (empty)))\n(= (b 0 $x) $x)\n(= (b $n $x) (case (> $n 0) ((True (b (- $n 1) $x)))))",
        &[],
    );
    check(
        "(= (c Z) 0)\n(= (c $n) (+ 1 (c (less $n))))\n(= (less (S $n)) $n)\n(= (d 1) one)\n(= (d $n) (superpose ($n (d (+ $n 1)))))\n(= (e 0) 0)\n(= (e $n) (quote (e (- $n 1))))",
        &[],
    );
}

fn metta_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("its entries are readable").path();
        if path.is_dir() {
            metta_files(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "metta")
        {
            files.push(path);
        }
    }
}

#[test]
fn shipped_rules_have_no_mistakes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("metta");
    let mut files = Vec::new();
    metta_files(&root, &mut files);
    assert!(files.len() > 10);
    let mut wrong = String::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("shipped files are readable");
        let name = file.display().to_string();
        let mut found = findings(&source, file.parent().expect("it is in a folder"));
        // The standard library is checked over itself. What operations mean is told by rules for them.
        found.retain(|finding| {
            let is_meaning = finding.code == "W0213" && name.ends_with("stdlib-meanings.metta");
            !is_meaning && finding.severity != Severity::Note && !name.ends_with("stdlib.metta")
        });
        wrong += &chimera_grammar::draw(&found, &name, &source, chimera_grammar::Style::Plain);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Programs of the corpus do wrong things on purpose: then an answer that is
/// recorded says so. What is meant to overlap there is no mistake.
#[test]
fn the_corpus_gives_no_false_alarm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut files = Vec::new();
    metta_files(&root, &mut files);
    // A module beside a case is seen from the case, not by itself.
    files.retain(|file| {
        let folder = file.parent().expect("it is in a folder");
        file.ends_with("main.metta") || folder.parent() == Some(&root)
    });
    assert!(files.len() > 100);
    let mut wrong = String::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("cases are readable");
        let name = file.display().to_string();
        let directory = file.parent().expect("it is in a folder");
        let told = |text: &str| source.contains(text);
        let mut found = findings(&source, directory);
        found.retain(|finding| match finding.code {
            "E0101" => !told("IncorrectNumberOfArguments"),
            "E0102" => !told("BadArgType"),
            "E0103" => !told("BadType"),
            "E0104" => !told("Failed to resolve module") && !told("!raises"),
            "E0107" => !directory.starts_with(root.join("modules")),
            _ if finding.severity == Severity::Note => false,
            "W0203" => !told("; The same rule stands twice on purpose."),
            // Elsewhere calls stand as lists on purpose, to see what becomes of them.
            "W0207" => directory.ends_with("programs"),
            "W0209" => !file.ends_with("symbols-are-not-rewritten.metta"),
            "W0212" => !told("BadArgType") && !told("IncorrectNumberOfArguments"),
            "W0213" => {
                !told("; An operation carries its calls out itself")
                    && !told("IncorrectNumberOfArguments")
            }
            _ => true,
        });
        wrong += &chimera_grammar::draw(&found, &name, &source, chimera_grammar::Style::Plain);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..Default::default()
    })]

    /// Whatever stands in a text, it is checked to the end, and findings stand in it.
    #[test]
    fn any_text_can_be_checked(words in proptest::collection::vec(proptest::sample::select(vec![
        "(", "(", "(", ")", ")", ")", "!", "= ", ": ", "-> ", "case ", "let* ", "let ", "match ",
        "import! ", "&self ", "json ", "superpose ", "if ", "$x ", "$y ", "$_ ", "f ", "(f $x) ", "1 ",
        "\"a\" ", "Number ", "bind! ", "&kb ", "unify ", "|-> ", "foldl-atom ", "Error ", "Empty ",
        "pragma! ", "interpreter ", "bare-minimal ", "\n",
    ]), 0..60)) {
        let source: String = words.concat();
        for finding in findings(&source, Path::new("")) {
            proptest::prop_assert!(finding.span.start <= finding.span.end);
            proptest::prop_assert!(source.get(finding.span.start..finding.span.end).is_some());
        }
    }
}

#[test]
fn calls_that_are_taken_as_they_are_written_are_told() {
    check(
        "(= (squares) (superpose (1 4 9)))
!(size-atom (collapse (squares)))
(= (upto $n) (if (== $n 0) () (cons-atom $n (upto (- $n 1)))))
(= (odd $l) (filter-atom (cdr-atom $l) $x (== 1 (% $x 2))))
!(superpose (upto 3))",
        &[
            ("2:13 W0207", "argument 1 of `size-atom`"),
            ("3:45 W0207", "argument 2 of `cons-atom`"),
            ("4:26 W0207", "argument 1 of `filter-atom`"),
            ("5:13 W0207", "argument 1 of `superpose`"),
        ],
    );
    check(
        "!(add-atom &self (age Sam (+ 40 2)))
(= (note $n) (add-atom &self (seen $n (((% $n 10))))))
!(add-atom &self (= (f $x) (+ $x 1)))
!(add-atom &self (quote (+ 1 2)))
!(add-atom &self (=> (> $x 1) (rules (= (g $y) (+ $x $y)))))
!(add-atom &self (age (age-of Sam) 7))",
        &[("1:27 W0207", "`(+ 40 2)`"), ("2:41 W0207", "`(% $n 10)`")],
    );
    // Data, code as data, results that are no lists, what is evaluated before, and own types.
    check(
        "(: Cons (-> Atom Atom List))
(: List Type)
(= (f $x) ($x $x))
(: first (-> Expression Atom))
(= (first $l) (car-atom $l))
!(size-atom (Cons 1 2))
!(car-atom (+ 1 2))
!(superpose ((f 1) (f 2)))
!(let $l (f 1) (size-atom $l))
!(first (f 1))
!(eval (size-atom (quote (f 1))))",
        &[],
    );
}

#[test]
fn calls_without_a_directive_are_told() {
    check(
        "(import! &self strings)
(= (double $x) (* $x 2))
(match &self ($a $b) $a)
(double 4)
(assertEqual (double 4) 8)",
        &[
            ("1:1 W0208", "`import!`"),
            ("3:1 W0208", "`match`"),
            ("4:1 W0208", "`double`"),
            ("5:1 W0208", "`assertEqual`"),
        ],
    );
    check(
        "(double 3)\n(: double (-> Number Number))\n(age Sam 42)\n(= (age $x) $x)\n(Error a b)",
        &[],
    );
}

#[test]
fn names_of_other_languages_are_told() {
    check(
        "!(print \"x\")\n!(let $l (a b) (len $l))\n!(&& True False)",
        &[
            ("1:3 W0201", "`println!`"),
            ("2:17 W0201", "`size-atom`"),
            ("3:3 W0201", "`and`"),
        ],
    );
    check(
        "(= (print $x) (seen $x))\n!(print 1)\n!(cdr ribbon)\n(cdr ribbon)",
        &[],
    );
}

#[test]
fn symbols_that_stand_for_something_else_are_told() {
    check(
        "(= limit 5)
(= (below $n) (< $n limit))
(= (half x) (/ x 2))
(= (both a b) (and a (not b)))
!(below 3)",
        &[
            ("1:1 W0209", "`limit`"),
            ("3:16 W0210", "`$x`"),
            ("4:20 W0210", "`$a`"),
            ("4:27 W0210", "`$b`"),
        ],
    );
    check(
        "!(let x 5 (+ x 1))
(= (area $r) (let* ((pi 3) (s (* $r $r))) (* pi s)))
!(area 2)
!(let x (area 1) (pair x 1))",
        &[
            ("1:14 W0210", "as in the `let`; is `$x` meant?"),
            ("2:46 W0210", "`$pi`"),
            ("2:49 W0210", "`$s`"),
        ],
    );
    // A rule that is data, a symbol of a type, and one that is compared.
    check(
        "(= (color) red)
(= red warm)
!(match &self (= red $x) $x)
(: zero Number)
(= (next zero) (+ zero 1))
(= (is a) (== a a))
!(next zero)",
        &[],
    );
}

#[test]
fn definitions_that_define_nothing_are_told() {
    check(
        "(= (f $x) (+ $x 1) 5)\n(= a b c)\n(: a)\n(= (j))\n(= (k) 1)\n(: k (-> Number))",
        &[
            ("1:1 W0211", "`=` with 3 parts"),
            ("2:1 W0211", "3 parts"),
            ("3:1 W0211", "`:` with 1 part"),
            ("4:1 W0211", "1 part"),
        ],
    );
    // Facts that are asked for.
    check("(: a b c)\n!(match &self (: a $x $y) ($x $y))", &[]);
}

#[test]
fn rules_that_no_call_comes_to_are_told() {
    check(
        "(: g (-> Number Number))\n(= (g $x $y) (+ $x $y))\n(: f (-> Number Number))\n(= (f \"a\") 1)\n(= (f $x) $x)\n(= (+ $x $y) (plus $x $y))\n(= (eval $x) (one $x))",
        &[
            ("2:4 W0212", "2 arguments, which no type of `g`"),
            ("4:4 W0212", "argument 1 of `f` is a String"),
            ("6:4 W0213", "`+` is an operation"),
            ("7:4 W0213", "`eval`"),
        ],
    );
    // Rules for functions of the library are asked as well; patterns of what has no type are of any.
    check(
        "(= (car-atom $x) (mine $x))\n(: h (-> Nat Nat))\n(= (h (S $n)) $n)\n(= (h Z) Z)\n(: h (-> Number Number Number))\n(= (h 1 2) 3)",
        &[],
    );
}

#[test]
fn variables_of_calls_that_nothing_gives_a_value_are_notes() {
    let found = findings(
        "(= (f $x) (g $x $y))\n(= (g $x $_y) (pair $x $z))\n(= (h $x) (g $x $_))",
        Path::new("."),
    );
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.position.line, finding.code, finding.severity))
        .collect();
    assert_eq!(
        told,
        [(1, "W0202", Severity::Note), (2, "W0202", Severity::Note)]
    );
}

#[test]
fn pairs_of_a_let_that_are_none_are_told() {
    check(
        "!(let* (($x 1) ($y)) $x)\n(= (f $x) (let* (($y $x) ($z $y 3)) $z))\n!(let* (($x 1) ($y $x)) $y)",
        &[("1:16 E0106", "`($y)`"), ("2:26 E0106", "`($z $y 3)`")],
    );
}

#[test]
fn modules_at_paths_are_looked_for() {
    check(
        "!(register-module! \"nosuch.metta\")\n!(register-module! part.metta)",
        &[("1:20 E0104", "no module at `nosuch.metta`")],
    );
}

/// Twice as deep, or twice as many names, costs about twice as much: these end at once.
#[test]
fn deep_heads_and_many_unknown_names_are_checked_soon() {
    let deep = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    check(&format!("!(id {deep})\n(= (f $_) {deep})"), &[]);
    let name = |number: usize| {
        let letter = |place: u32| char::from(b'a' + (number / 20_usize.pow(place) % 20) as u8);
        (0..4).map(letter).collect::<String>()
    };
    let mut source = String::new();
    for number in 0..2_000 {
        source += &format!(
            "(= (rule-{} 1) 2)\n!(rulo-{} 1)\n",
            name(number),
            name(number)
        );
    }
    let found = findings(&source, Path::new("."));
    assert_eq!(found.len(), 2_000);
    assert!(found.iter().all(|finding| finding.code == "W0201"));
}

#[test]
fn modules_that_cannot_be_loaded_are_told() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("open.metta", "(a b)\n (= (f $x) 1\n"),
        ("deep.metta", "!(import! &kb open)\n"),
        ("one.metta", "!(import! &self two)\n"),
        ("two.metta", "(= (f $x) 1)\n!(import! &it one)\n"),
        ("binds.metta", "!(bind! &facts (new-space))\n"),
    ] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let text = "!(import! &self open)\n!(import! &other deep)\n!(import! &self two)\n!(import! &self binds)\n!(add-atom &facts a)\n!(include deep)";
    let found = findings(text, directory.path());
    let told: Vec<_> = found
        .iter()
        .map(|finding| {
            (
                finding.position.line,
                finding.code,
                finding.message.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                1,
                "E0107",
                "`open` cannot be loaded: open.metta:2:2: unclosed `(`"
            ),
            (
                3,
                "E0107",
                "`two` cannot be loaded: modules import each other in a circle: two.metta → one.metta → two.metta"
            ),
        ]
    );
}

#[test]
fn variables_that_nothing_gives_a_value_are_told_where_lists_are_taken_apart() {
    check(
        "(= (total $list) (if (== $list ()) 0 (+ (car-atom $lsit) (total (cdr-atom $list)))))\n\
         (= (sizes $all) (map-atom $al $one (size-atom $one)))\n\
         (= (firsts $space) (match $spce (a $x) $x))\n\
         (= (fine $list) (cons-atom 1 $list))\n\
         (= (asks) (car-atom $_))",
        &[
            ("1:51 W0202", "did you mean `$list`?"),
            ("2:11 W0202", "`$all` occurs only here"),
            ("2:27 W0202", "nothing gives it a value"),
            ("3:12 W0202", "`$space` occurs only here"),
            ("3:27 W0202", "are they the same?"),
        ],
    );
}

#[test]
fn calls_with_other_numbers_of_arguments_than_any_rule_has_are_told() {
    check(
        "(= (f $x $y) (+ $x $y))\n!(f 1)\n!(f 1 2)\n(= (g $x) (f $x))\n(= (h $x) (if (> $x 0) (h) 0))",
        &[
            (
                "2:2 W0217",
                "`f` is called with 1 argument, its rules have 2",
            ),
            ("4:11 W0217", "its rules have 2"),
            ("5:24 W0217", "with 0 arguments, its rules have 1"),
        ],
    );
    check("(= (f $x $y) (+ $x $y))\n!(let (f $x) (f 1) $x)", &[]);
    check(
        "!(import! &self tabling)\n(= (f $x $y) (+ $x $y))\n!(table! (f 2))",
        &[],
    );
}

#[test]
fn settings_types_and_spaces_that_there_are_not_are_told() {
    check(
        "!(pragma! type-chek auto)\n!(pragma! type-check auot)\n!(pragma! other 1)\n!(pragma! type-check auto)",
        &[
            ("1:11 W0214", "did you mean `type-check`"),
            ("2:22 W0214", "did you mean `auto`"),
        ],
    );
    check(
        "!(pragma! table (f 1))",
        &[("1:11 W0216", "which is not imported")],
    );
    check("!(import! &self tabling)\n!(pragma! table (f 1))", &[]);
    check(
        "(: Color Type)\n(: red Colour)\n(: f (-> Color Nubmer))\n(: Shade (-> Color Color))",
        &[
            ("2:8 W0201", "did you mean `Color`"),
            ("3:16 W0201", "did you mean `Number`"),
        ],
    );
    check(
        "!(bind! &samples (new-space))\n!(add-atom &sample (a b))",
        &[("2:12 W0201", "did you mean `&samples`?")],
    );
    check(
        "!(add-atom &kb (a b))\n(= (f) (match &kb $x $x))\n(= (g &any) (match &any $x $x))\n!(bind! &one (new-space))\n!(add-atom &one a)",
        &[
            ("1:12 W0201", "bound nowhere"),
            ("2:15 W0201", "bound nowhere"),
        ],
    );
}

#[test]
fn operations_between_their_operands_are_told_of_where_a_condition_is_wanted() {
    check(
        "(= (f $d $m) (if ($d > $m) () (if (and (3 < $d) True) a b)))\n!(f 1 2)\n!(1 + 2)\n!(let $t (1 + 2) $t)\n(= (g $op) (if ($op == 3) 1 2))\n!(g 1)",
        &[
            ("1:22 W0215", "`>` stands between its operands"),
            ("1:43 W0215", "`<` stands between its operands"),
            ("3:5 W0215", "`+` stands between its operands"),
            ("5:21 W0215", "`==` stands between its operands"),
        ],
    );
    check(
        "(= ($a > $b) (> $a $b))\n(= (f $d) (if ($d > 1) a b))\n!(f 2)",
        &[],
    );
}

#[test]
fn lists_of_names_of_functions_are_lists() {
    check(
        "(= (cost (Term $s red)) $s)\n(= (shape $x) $x)\n!(map-atom (cost shape) $c (quote $c))\n!(map-atom (shape cost) $c (quote $c))",
        &[("4:12 W0207", "argument 1 of `map-atom`")],
    );
}

#[test]
fn operations_of_modules_that_are_not_imported_are_told() {
    check(
        "!(json-decode \"{}\")\n!(random-int &rng 1 5)\n!(reverse (1 2))",
        &[
            ("1:3 W0216", "the module `json`"),
            ("2:3 W0216", "the module `random`"),
            ("2:14 W0216", "the module `random`"),
            ("3:3 W0216", "the module `lists`"),
        ],
    );
    check(
        "!(import! &self json)\n!(json-decode \"{}\")\n(= (reverse $x) $x)\n!(reverse (1 2))",
        &[],
    );
}
