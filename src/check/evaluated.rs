//! Which parts of a text are evaluated where it runs, and which are patterns or
//! data: by the types of what is called, and for the forms that steer
//! evaluation by what they do.

use crate::check::Text;
use crate::space::Space;
use crate::types;

/// A node that is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Evaluated {
    pub(crate) node: usize,
    /// Whether it is an argument for which a type of values is declared.
    pub(crate) operand: bool,
    /// Whether a form such as `let` evaluates it: its template, or what it takes apart.
    pub(crate) steered: bool,
    /// Whether an assertion looks at what it gives, so that an error may be what is wanted.
    pub(crate) asserted: bool,
    /// Whether it is evaluated whenever the root is: no condition stands before it.
    pub(crate) always: bool,
}

/// What is evaluated of `root`, itself included, outer before inner.
pub(crate) fn evaluated(text: &Text<'_>, space: &Space, root: usize) -> Vec<Evaluated> {
    let mut all = Vec::new();
    let mut pending = vec![Evaluated {
        node: root,
        operand: false,
        steered: false,
        asserted: false,
        always: true,
    }];
    while let Some(found) = pending.pop() {
        all.push(found);
        let children = text.children(found.node);
        let Some((head, arguments)) = children.split_first() else {
            continue;
        };
        let word = text.word(*head).unwrap_or_default();
        let asserted = found.asserted || word.starts_with("assert");
        let plain = |node: &usize| Evaluated {
            node: *node,
            operand: false,
            steered: false,
            asserted,
            always: found.always,
        };
        let looked_into = looked_into(word, arguments.len()).iter();
        let looked_into = looked_into.map(|place| arguments[*place]);
        all.extend(
            looked_into
                .filter(|node| text.is_variable(*node))
                .map(|node| Evaluated {
                    operand: true,
                    always: false,
                    ..plain(&node)
                }),
        );
        if let Some(steered) = steered(text, word, arguments) {
            let first = steered.first().copied();
            let binds = binds_always(text, word, arguments);
            pending.extend(steered.iter().rev().map(|node| Evaluated {
                steered: true,
                always: found.always && (binds || Some(*node) == first && decides(word)),
                ..plain(node)
            }));
            continue;
        }
        let functions: Vec<_> = text
            .types_of(space, *head)
            .into_iter()
            .filter(types::is_function)
            .collect();
        if functions.is_empty() {
            pending.extend(children.iter().rev().map(plain));
            continue;
        }
        let fitting = functions.iter().filter_map(|function| {
            let parts = function.as_expression()?;
            (parts.len() == arguments.len() + 2).then(|| &parts[1..parts.len() - 1])
        });
        let fitting: Vec<_> = fitting.collect();
        if fitting.is_empty() {
            continue;
        }
        for (place, argument) in arguments.iter().enumerate().rev() {
            let parameters = || fitting.iter().map(|parameters| &parameters[place]);
            if parameters().any(types::is_meta_type) {
                continue;
            }
            let value = |name| ["Number", "String", "Bool"].contains(&name);
            pending.push(Evaluated {
                node: *argument,
                operand: parameters().all(|parameter| parameter.as_symbol().is_some_and(value)),
                ..plain(argument)
            });
        }
    }
    all
}

/// Whether a form evaluates the first of what it evaluates in any case.
fn decides(word: &str) -> bool {
    ["if", "let", "let*", "case", "switch", "collapse", "once"].contains(&word)
}

/// Whether it is a `let` or `let*` whose patterns are variables, so that its template is
/// evaluated for each value.
fn binds_always(text: &Text<'_>, word: &str, arguments: &[usize]) -> bool {
    match word {
        "let" => text.is_variable(arguments[0]),
        "let*" => {
            let pairs = text.children(arguments[0]);
            pairs.iter().all(|pair| text.is_variable(*pair + 1))
        }
        _ => false,
    }
}

/// The arguments that an operation takes as they stand, to look at what they are made of: a variable
/// there has to stand for something.
fn looked_into(word: &str, count: usize) -> &'static [usize] {
    match (word, count) {
        (
            "car-atom" | "cdr-atom" | "decons-atom" | "size-atom" | "unique-atom" | "superpose",
            1,
        )
        | ("index-atom", 2)
        | ("map-atom" | "filter-atom" | "match", 3)
        | ("foldl-atom", 5) => &[0],
        ("cons-atom", 2) => &[1],
        ("union-atom" | "intersection-atom" | "subtraction-atom", 2) => &[0, 1],
        _ => &[],
    }
}

/// The arguments that a form evaluates, if it is one of those that take theirs
/// unevaluated and then evaluate some.
fn steered(text: &Text<'_>, word: &str, arguments: &[usize]) -> Option<Vec<usize>> {
    let pick = |places: &[usize]| Some(places.iter().map(|place| arguments[*place]).collect());
    match (word, arguments.len()) {
        ("if", 3) => pick(&[0, 1, 2]),
        ("let", 3) => pick(&[1, 2]),
        ("let*", 2) => {
            let mut found = seconds(text, arguments[0]);
            found.push(arguments[1]);
            Some(found)
        }
        ("case" | "switch", 2) => {
            let mut found = vec![arguments[0]];
            found.extend(seconds(text, arguments[1]));
            Some(found)
        }
        ("superpose" | "hyperpose", 1) => Some(text.children(arguments[0])),
        ("collapse" | "once" | "capture" | "assert" | "unique", 1) => pick(&[0]),
        ("match", 3) => pick(&[2]),
        ("unify", 4) => pick(&[2, 3]),
        ("map-atom" | "filter-atom", 3) => pick(&[2]),
        ("foldl-atom", 5) => pick(&[1, 4]),
        ("trace!" | "limit" | "forall", 2) => pick(&[0, 1]),
        ("foldall", 3) => pick(&[1, 2]),
        ("|->", 2) => pick(&[1]),
        ("if-error", 3) => pick(&[1, 2]),
        ("if-equal", 4) => pick(&[2, 3]),
        ("if-decons-expr", 5) => pick(&[3, 4]),
        ("assertEqual" | "assertAlphaEqual" | "union" | "intersection" | "subtraction", 2)
        | ("assertEqualMsg" | "assertAlphaEqualMsg", 3) => pick(&[0, 1]),
        ("assertEqualToResult" | "assertAlphaEqualToResult" | "assertIncludes", 2)
        | ("assertEqualToResultMsg" | "assertAlphaEqualToResultMsg", 3) => pick(&[0]),
        _ => None,
    }
}

/// The second element of each pair of a list.
fn seconds(text: &Text<'_>, list: usize) -> Vec<usize> {
    text.children(list)
        .into_iter()
        .filter_map(|pair| match text.children(pair)[..] {
            [_, second] => Some(second),
            _ => None,
        })
        .collect()
}
