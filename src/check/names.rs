//! Names that are nowhere else and near a name that is, or what other languages call it: "did you mean". Words that are
//! taken for spaces before they are bound. Operations that only the reference has.

use std::collections::{HashMap, HashSet};

use chimera_grammar::{NodeKind, Severity};

use crate::atom::{Atom, known};
use crate::check::{Form, Text};
use crate::engine::Host;
use crate::library::shipped::{self, Shipped};
use crate::space::Space;

/// Shorter names are near too many others.
const LENGTH_MIN: usize = 4;
/// What the reference has and is not here.
const ABSENT: [&str; 8] = [
    "call-native",
    "git-module!",
    "py-atom",
    "py-chain",
    "py-dict",
    "py-dot",
    "py-list",
    "py-tuple",
];

/// The types that need no declaration.
const TYPES: [&str; 13] = [
    "%Undefined%",
    "Atom",
    "Bool",
    "ErrorType",
    "Expression",
    "Grounded",
    "Number",
    "SpaceType",
    "StateMonad",
    "String",
    "Symbol",
    "Type",
    "Variable",
];

pub(super) fn check(text: &mut Text<'_>, host: &Host, space: &Space, forms: &[Form]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for node in 0..text.tree.nodes().len() {
        if let Some(word) = text.word(node) {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    let called = callable(host, space);
    types(text, host, space, forms, &counts);
    let mut suspects: Vec<usize> = Vec::new();
    let mut asked_as_spaces = HashSet::new();
    for form in forms {
        let Some(root) = text.root(form) else {
            continue;
        };
        for call in &form.values {
            asked_as_spaces.extend(spaces_of(text, space, call.node));
        }
        let heads = form.values.iter().filter_map(|found| {
            let is_call = matches!(
                text.tree.nodes()[found.node].kind,
                NodeKind::Expression { .. }
            );
            (is_call && text.head_word(found.node).is_some()).then_some(found.node + 1)
        });
        suspects.extend(heads);
        suspects.extend((root..text.end(root)).filter(|node| {
            text.word(*node)
                .is_some_and(|word| word.starts_with('&') && word.len() > 1)
        }));
    }
    suspects.sort_unstable();
    suspects.dedup();
    if suspects.is_empty() {
        return;
    }
    let mut asked_often: HashMap<String, usize> = HashMap::new();
    for word in asked_as_spaces.iter().filter_map(|node| text.word(*node)) {
        *asked_often.entry(word.to_owned()).or_default() += 1;
    }
    let bound = bindings(text, forms);
    let elsewhere = mentioned(space);
    let mut names: Option<Names<'_>> = None;
    let mut of_modules: Option<HashMap<String, &Shipped>> = None;
    let mut suspected: HashMap<String, usize> = HashMap::new();
    for word in suspects.iter().filter_map(|node| text.word(*node)) {
        *suspected.entry(word.to_owned()).or_default() += 1;
    }
    for node in suspects {
        let Atom::Symbol(symbol) = text.atom(node) else {
            continue;
        };
        let name = symbol.as_str().to_owned();
        let is_space = name.starts_with('&');
        let is_early = bound.get(&name).is_some_and(|binding| *binding > node);
        if is_early && asked_as_spaces.contains(&node) {
            let message = format!("`{name}` is bound further below only; here it is a symbol");
            let help = "a word stands for something in what is read after its `bind!` or `import!`: move that up";
            text.report(Severity::Warning, "W0201", node, message, help);
            continue;
        }
        let defined = host.tokens.get(&name).is_some() || called.contains(&name);
        if !defined && ABSENT.contains(&name.as_str()) {
            let message = format!("`{name}` is not here: the call stays as it is");
            let help = "values and modules of Python, and modules fetched from the network, are the reference's only: write what is called in MeTTa, or as an operation in Rust";
            text.report(Severity::Warning, "W0206", node, message, help);
            continue;
        }
        if !defined
            && !elsewhere.contains(&name)
            // It is called, and nothing else.
            && suspected.get(&name) == counts.get(&name)
            && let Some(module) = of_modules
                .get_or_insert_with(|| shipped::words_of_modules(host))
                .get(&name)
        {
            // Words of the others are as often names of a program's own data.
            let severity = match module.before_files {
                true => Severity::Warning,
                false => Severity::Note,
            };
            let message = format!(
                "`{name}` is of the module `{0}`, which is not imported: the call stays as it is",
                module.name
            );
            let help = "`!(import! &self module)` before it makes the module's words known here";
            text.report(severity, "W0216", node, message, help);
            continue;
        }
        let known =
            defined || (!is_space && (counts.get(&name) != Some(&1) || elsewhere.contains(&name)));
        if known {
            continue;
        }
        let names = names.get_or_insert_with(|| Names::new(called.iter().map(String::as_str)));
        if let Some(near) = names.nearest(&name).or_else(|| elsewhere_called(&name)) {
            let message = format!("`{name}` is defined nowhere; did you mean `{near}`?");
            let help = "a call of what has no rules stays as it is; mend the name, or give it a type with `(: name type)` if it is meant as data";
            text.report(Severity::Warning, "W0201", node, message, help);
        } else if is_space
            && asked_as_spaces.contains(&node)
            && !bound.contains_key(&name)
            // Elsewhere something may put a space in its place.
            && asked_often.get(&name) == counts.get(&name)
        {
            let spaces: Vec<&str> = bound.keys().map(String::as_str).collect();
            let hint = match nearest(&name, &spaces) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            let message = format!("`{name}` is bound nowhere: here it is a symbol, no space{hint}");
            let help = "`!(bind! &name (new-space))` makes a space of that name, `!(import! &name module)` makes it a module's";
            // A text that includes this one may bind it.
            text.report(Severity::Note, "W0201", node, message, help);
        }
    }
}

/// Tells of types that are nowhere else and near one that is.
fn types(
    text: &mut Text<'_>,
    host: &Host,
    space: &Space,
    forms: &[Form],
    counts: &HashMap<String, usize>,
) {
    let mut used: HashMap<String, Vec<usize>> = HashMap::new();
    let mut known_types: HashSet<String> = TYPES.into_iter().map(str::to_owned).collect();
    for form in forms.iter().filter(|form| !form.directive) {
        let [colon, name, types] = text.children(form.node)[..] else {
            continue;
        };
        if text.word(colon) != Some(known().colon.as_str()) {
            continue;
        }
        if let Some(name) = text.word(name)
            && (types..text.end(types)).any(|node| text.word(node) == Some("Type"))
        {
            known_types.insert(name.to_owned());
        }
        for node in types..text.end(types) {
            if let Some(name) = text.word(node) {
                used.entry(name.to_owned()).or_default().push(node);
            }
        }
    }
    let often = used.iter().filter(|(_, nodes)| nodes.len() > 1);
    known_types.extend(often.map(|(name, _)| name.clone()));
    let mut suspects: Vec<usize> = used
        .into_iter()
        .filter(|(name, _)| counts.get(name) == Some(&1) && !known_types.contains(name))
        .filter_map(|(_, nodes)| nodes.first().copied())
        .collect();
    if suspects.is_empty() {
        return;
    }
    suspects.sort_unstable();
    let elsewhere = mentioned(space);
    let mut names = Names::new(known_types.iter().map(String::as_str));
    for node in suspects {
        let name = text.word(node).unwrap_or_default().to_owned();
        if elsewhere.contains(&name) || host.tokens.get(&name).is_some() {
            continue;
        }
        if let Some(near) = names.nearest(&name) {
            let message = format!("the type `{name}` is nowhere else; did you mean `{near}`?");
            let help = "mend the name, or declare the type with `(: name Type)` if it is meant";
            text.report(Severity::Warning, "W0201", node, message, help);
        }
    }
}

/// Where each word is bound first by a directive of the text: those before that are symbols. What
/// rules bind is bound when they are called, which is not known: from the beginning.
fn bindings(text: &Text<'_>, forms: &[Form]) -> HashMap<String, usize> {
    let mut bound = HashMap::new();
    for form in forms {
        for node in form.node..text.end(form.node) {
            if !matches!(text.head_word(node), Some("bind!" | "import!")) {
                continue;
            }
            let word = text.children(node).get(1).and_then(|word| text.word(*word));
            if let Some(word) = word {
                let place = if form.directive { node } else { 0 };
                let first = bound.entry(word.to_owned()).or_insert(place);
                *first = place.min(*first);
            }
        }
    }
    bound
}

/// The words beginning with `&` that a call takes for spaces.
fn spaces_of(text: &Text<'_>, space: &Space, call: usize) -> Vec<usize> {
    let children = text.children(call);
    let Some((head, arguments)) = children.split_first() else {
        return Vec::new();
    };
    let is_word = |node: &usize| text.word(*node).is_some_and(|word| word.starts_with('&'));
    if !arguments.iter().any(is_word) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for function in text.types_of(space, *head) {
        let Some([_, parameters @ .., _]) = function.as_expression() else {
            continue;
        };
        let typed = arguments.iter().zip(parameters);
        found.extend(typed.filter_map(|(argument, parameter)| {
            let is_space = parameter.as_symbol() == Some("SpaceType") && is_word(argument);
            is_space.then_some(*argument)
        }));
    }
    found
}

/// The names that can be called, and the words that stand for something.
fn callable(host: &Host, space: &Space) -> HashSet<String> {
    let mut names: HashSet<String> = host.tokens.keys().cloned().collect();
    names.extend(host.functions.keys().map(|name| name.as_str().to_owned()));
    for seen in space.closure() {
        seen.each_own(&mut |atom| {
            let head = match atom.as_expression() {
                Some([equal, head, _]) if equal.is_symbol(&known().equal) => {
                    head.as_expression().and_then(<[Atom]>::first)
                }
                Some([colon, name, type_atom])
                    if colon.is_symbol(&known().colon) && crate::types::is_function(type_atom) =>
                {
                    Some(name)
                }
                _ => None,
            };
            if let Some(Atom::Symbol(name)) = head
                && !name.as_str().starts_with('_')
            {
                names.insert(name.as_str().to_owned());
            }
        });
    }
    names
}

/// The symbols in what the space imports.
fn mentioned(space: &Space) -> HashSet<String> {
    let mut names = HashSet::new();
    for seen in space.closure().into_iter().skip(1) {
        seen.each_own(&mut |atom| {
            let mut pending = vec![atom];
            while let Some(atom) = pending.pop() {
                match atom {
                    Atom::Symbol(symbol) => {
                        if !names.contains(symbol.as_str()) {
                            names.insert(symbol.as_str().to_owned());
                        }
                    }
                    Atom::Expression(expression) => pending.extend(expression.children()),
                    Atom::Variable(_) | Atom::Grounded(_) => {}
                }
            }
        });
    }
    names
}

/// What is here for an operation that goes by this name in other languages.
fn elsewhere_called(name: &str) -> Option<&'static str> {
    Some(match name {
        "display" | "echo" | "print" | "printf" => "println!",
        "len" | "length" => "size-atom",
        "car" => "car-atom",
        "cdr" => "cdr-atom",
        "&&" => "and",
        "||" => "or",
        _ => return None,
    })
}

/// What may be meant by `name`: the nearest of the names, one letter off, two in
/// long names; of equally near ones the shortest. A name and the same name with another ending
/// number are not near, nor are a constructor such as `Cons` and the function `cons`.
pub fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    nearest_of(name, names.iter().copied())
}

fn nearest_of<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let letters: Vec<char> = name.chars().collect();
    let most = letters_off(name, letters.len())?;
    let near: Vec<(usize, usize, &'n str)> = names
        .filter(|other| other.starts_with('&') == name.starts_with('&'))
        .filter(|other| !other.ends_with(|last: char| last.is_ascii_digit()))
        .filter(|other| !other.eq_ignore_ascii_case(name) || name.starts_with(char::is_lowercase))
        .filter_map(|other| {
            let others: Vec<char> = other.chars().collect();
            if others.len() + 1 < LENGTH_MIN {
                return None;
            }
            let distance = distance(&letters, &others, most)?;
            (distance > 0).then_some((distance, others.len(), other))
        })
        .collect();
    // A shorter name is meant only where a longer one could be as well.
    let is_likely = near.iter().any(|(_, length, _)| *length >= LENGTH_MIN);
    let nearest = near.into_iter().min().filter(|_| is_likely);
    nearest.map(|(_, _, near)| near)
}

/// How many letters off what is near a name may be; `None` if nothing is near it.
fn letters_off(name: &str, length: usize) -> Option<usize> {
    if length < LENGTH_MIN || name.ends_with(|last: char| last.is_ascii_digit()) {
        return None;
    }
    Some(if length >= 8 { 2 } else { 1 })
}

/// Names that many others are held against.
///
/// Two names that are near each other have a rest in common: what is left of each without one or
/// two of its letters. So only names with a rest of the other are compared.
struct Names<'n> {
    names: Vec<&'n str>,
    /// Hashes of the rests of each name, in order, with its place.
    rests: Vec<(u64, usize)>,
    /// The longest names, with their lengths: they would have too many rests.
    long: Vec<(usize, &'n str)>,
    /// Comparisons with long names that are left.
    comparisons: usize,
}

/// Longer names are compared one by one.
const RESTS_LENGTH_MAX: usize = 32;
/// Comparisons with such names in one text. After them nothing more is suggested for long names.
const COMPARISONS_MAX: usize = 200_000;

impl<'n> Names<'n> {
    fn new(all: impl Iterator<Item = &'n str>) -> Names<'n> {
        let mut names = Names {
            names: all.collect(),
            rests: Vec::new(),
            long: Vec::new(),
            comparisons: COMPARISONS_MAX,
        };
        for (place, name) in names.names.iter().enumerate() {
            let letters: Vec<char> = name.chars().collect();
            if letters.len() > RESTS_LENGTH_MAX {
                names.long.push((letters.len(), name));
                continue;
            }
            // Two letters may be off only what has eight.
            let most = if letters.len() >= 6 { 2 } else { 1 };
            each_rest(&letters, most, |rest| names.rests.push((rest, place)));
        }
        names.rests.sort_unstable();
        names
    }

    fn nearest(&mut self, name: &str) -> Option<&'n str> {
        let letters: Vec<char> = name.chars().collect();
        let most = letters_off(name, letters.len())?;
        let mut places: Vec<usize> = Vec::new();
        if letters.len() <= RESTS_LENGTH_MAX + most {
            each_rest(&letters, most, |rest| {
                let first = self.rests.partition_point(|(other, _)| *other < rest);
                let same = self.rests[first..].iter();
                let same = same.take_while(|(other, _)| *other == rest);
                places.extend(same.map(|(_, place)| *place));
            });
        }
        places.sort_unstable();
        places.dedup();
        let mut candidates: Vec<&'n str> = places.iter().map(|place| self.names[*place]).collect();
        if letters.len() + most > RESTS_LENGTH_MAX {
            let long = self
                .long
                .iter()
                .filter(|(length, _)| length.abs_diff(letters.len()) <= most);
            candidates.extend(long.map(|(_, name)| *name).take(self.comparisons));
            self.comparisons -= candidates.len().min(self.comparisons);
        }
        nearest_of(name, candidates.into_iter())
    }
}

/// The hashes of what is left of a name without up to `most` of its letters, one or two.
fn each_rest(letters: &[char], most: usize, mut found: impl FnMut(u64)) {
    let count = letters.len();
    for first in 0..=count {
        let from = if most > 1 && first < count {
            first + 1
        } else {
            count
        };
        for second in from..=count {
            let rest = letters.iter().enumerate();
            let rest = rest.filter(|(place, _)| *place != first && *place != second);
            found(rest.fold(0, |hash: u64, (_, letter)| {
                (hash.rotate_left(5) ^ u64::from(u32::from(*letter))).wrapping_mul(HASH_FACTOR)
            }));
        }
    }
}

/// 2^64 divided by the golden ratio, odd.
const HASH_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// How many letters must be put in, taken out, replaced or exchanged with their
/// neighbour; `None` if more than `most`.
///
/// Source: F. J. Damerau, "A technique for computer detection and correction of
/// spelling errors", CACM 7(3), 1964; restricted edits.
fn distance(left: &[char], right: &[char], most: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (row[j] + usize::from(a != b))
                .min(row[j + 1] + 1)
                .min(next[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        let least = |row: &[usize]| row.iter().all(|distance| *distance > most);
        if least(&row) && least(&next) {
            return None;
        }
        before = std::mem::replace(&mut row, next);
    }
    let distance = row[right.len()];
    (distance <= most).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::{Names, distance, nearest};

    fn letters(word: &str) -> Vec<char> {
        word.chars().collect()
    }

    #[test]
    fn letters_off_are_counted() {
        for (left, right, expected) in [
            ("match", "match", Some(0)),
            ("mathc", "match", Some(1)),
            ("mach", "match", Some(1)),
            ("matchh", "match", Some(1)),
            ("metch", "match", Some(1)),
            ("mutsch", "match", Some(2)),
            ("superpose", "compose", None),
        ] {
            assert_eq!(
                distance(&letters(left), &letters(right), 2),
                expected,
                "{left} {right}"
            );
        }
    }

    #[test]
    fn near_names_are_found_and_numbered_ones_are_not() {
        assert_eq!(
            nearest("colapse", &["collapse", "superpose"]),
            Some("collapse")
        );
        assert_eq!(nearest("step2", &["step1"]), None);
        assert_eq!(nearest("foo", &["fooo"]), None);
        assert_eq!(nearest("Cons", &["cons"]), None);
        assert_eq!(nearest("mettaClear", &["mettaclear"]), Some("mettaclear"));
        assert_eq!(nearest("&slef", &["&self", "slefs"]), Some("&self"));
    }
    #[test]
    fn names_found_by_their_rests_are_those_found_one_by_one() {
        let long = "a-name-of-more-than-thirty-letters";
        let known = [
            "let",
            "let*",
            "collapse",
            "superpose",
            "match",
            "&self",
            "mettaclear",
            "compose",
            long,
            "a-name-of-just-thirty-one-letters",
            "&kb",
        ];
        let words = [
            "lett",
            "colapse",
            "colaspe",
            "supperpoze",
            "mathc",
            "&slef",
            "mettaClear",
            "composed",
            "a-name-of-more-than-thirty-leters",
            "a-name-of-more-then-thirty-letterss",
            "a-name-of-just-thirtyone-letter",
            "a-name-of-just-thirty-one-lettersss",
            "elsewhere",
        ];
        let mut names = Names::new(known.into_iter());
        for word in words {
            assert_eq!(names.nearest(word), nearest(word, &known), "{word}");
        }
        assert_eq!(nearest("lett", &known), Some("let"));
        assert_eq!(nearest("lett", &["let"]), None);
    }
}
