//! Calls in places that are not evaluated: `(size-atom (collapse (f)))` is 2, since an argument of
//! the type `Expression` is taken as it is written, and `(add-atom &self (age $x (+ $n 1)))` stores
//! the sum, not what it is. Looked for in calls of the library's functions only; whoever declares
//! such a type for a function of their own means it. And calls that are stored as they stand, since
//! no `!` stands before them.

use std::collections::HashMap;

use chimera_grammar::Severity;

use crate::atom::{Atom, Grounded, known};
use crate::check::evaluated::Evaluated;
use crate::check::{Form, Text};
use crate::engine::Host;
use crate::evaluate;
use crate::space::Space;
use crate::symbol::Symbol;
use crate::types;

const HELP: &str =
    "evaluate it before, as in `(let $list (collapse (f)) (size-atom $list))`, or in a `chain`";
const HELP_STORED: &str =
    "evaluate it before, as in `(let $next (+ $n 1) (add-atom &self (age $x $next)))`";
const HELP_DIRECTIVE: &str =
    "write `!` before it to evaluate it; what stands without one is an atom of the space";

/// Types of results that are no lists, but values.
const VALUES: [&str; 3] = ["Number", "String", "Bool"];

/// What calls are known by.
struct Calls<'a> {
    host: &'a Host,
    space: &'a Space,
    /// Whether some rule is for calls of a name with so many arguments, as far as it was asked.
    ruled: HashMap<(Symbol, usize), bool>,
}

pub(super) fn check(text: &mut Text<'_>, host: &Host, space: &Space, forms: &[Form]) {
    let mut calls = Calls {
        host,
        space,
        ruled: HashMap::new(),
    };
    for form in forms {
        calls.check_arguments(text, &form.values);
        if !form.directive {
            calls.check_stored(text, form.node);
        }
    }
}

impl Calls<'_> {
    /// Tells of calls that stand where what is evaluated takes them as they are written.
    fn check_arguments(&mut self, text: &mut Text<'_>, values: &[Evaluated]) {
        for found in values {
            let children = text.children(found.node);
            let Some(name) = text.head_word(found.node).map(str::to_owned) else {
                continue;
            };
            // Assertions about what an expression has in it are about what it is written as.
            if name.starts_with("assert") {
                continue;
            }
            for place in self.expressions_of(text, &children) {
                if self.is_call(text, children[place]) {
                    let message = format!(
                        "argument {place} of `{name}` is taken as it is written: this call is not evaluated"
                    );
                    text.report(Severity::Warning, "W0207", children[place], message, HELP);
                }
            }
            if let ("add-atom", [_, _, stored]) = (name.as_str(), &children[..]) {
                for value in self.values_in(text, *stored) {
                    let message = format!(
                        "`{}` is stored as it is written: this call is not evaluated",
                        text.source(value)
                    );
                    text.report(Severity::Warning, "W0207", value, message, HELP_STORED);
                }
            }
        }
    }

    /// Calls of operations that give numbers or texts in what is to be stored, comparisons being terms
    /// of logics as often; none in a rule or a type, where they are evaluated later.
    fn values_in(&self, text: &Text<'_>, stored: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut pending = vec![stored];
        while let Some(node) = pending.pop() {
            let children = text.children(node);
            let Some((head, arguments)) = children.split_first() else {
                continue;
            };
            if ["=", ":", "quote"].map(Some).contains(&text.word(*head)) {
                continue;
            }
            let declared = functions(text, &self.host.corelib, *head, arguments.len());
            let is_computed =
                |parts: &Vec<Atom>| ["Number", "String"].map(Some).contains(&result_name(parts));
            let is_call = node != stored && self.is_operation(text.atom(*head));
            if is_call && declared.iter().any(is_computed) {
                found.push(node);
            } else {
                pending.extend(children);
            }
        }
        found
    }

    /// Tells of a top-level atom that is a call of a function: a warning if that is called for what it
    /// does, else it may be meant as data.
    fn check_stored(&mut self, text: &mut Text<'_>, node: usize) {
        const KEPT: [&str; 3] = ["=", ":", "@doc"];
        let children = text.children(node);
        let Some((head, arguments)) = children.split_first() else {
            return;
        };
        let Some(name) = text.word(*head).filter(|name| !KEPT.contains(name)) else {
            return;
        };
        let atom = text.atom(*head);
        let is_operation = self.is_operation(atom)
            && !functions(text, &self.host.corelib, *head, arguments.len()).is_empty();
        if !is_operation && !self.has_rules(atom, arguments.len()) {
            return;
        }
        let acts = name.ends_with('!')
            || name.starts_with("assert")
            || ["add-atom", "add-reduct", "remove-atom", "match"].contains(&name);
        let severity = if acts {
            Severity::Warning
        } else {
            Severity::Note
        };
        let message = format!("this call of `{name}` is stored, not evaluated");
        text.report(severity, "W0208", node, message, HELP_DIRECTIVE);
    }

    /// The places at which a call of a library's function has what is wanted as an expression.
    fn expressions_of(&self, text: &Text<'_>, call: &[usize]) -> Vec<usize> {
        let Some((head, arguments)) = call.split_first() else {
            return Vec::new();
        };
        let declared = functions(text, &self.host.corelib, *head, arguments.len());
        let is_expression = |place: &usize| {
            let expression = &known().expression;
            let mut parameters = declared.iter().map(|parts| &parts[*place]);
            !declared.is_empty() && parameters.all(|parameter| parameter.is_symbol(expression))
        };
        (1..=arguments.len()).filter(is_expression).collect()
    }

    /// Whether evaluating an expression would call something that may give a list.
    fn is_call(&mut self, text: &Text<'_>, node: usize) -> bool {
        let children = text.children(node);
        let Some((head, arguments)) = children.split_first() else {
            return false;
        };
        let declared = functions(text, self.space, *head, arguments.len());
        let call = text.atom(node);
        let head = text.atom(*head);
        // Whoever writes such a call where a list is wanted means the call itself.
        let gives_value =
            |parts: &Vec<Atom>| result_name(parts).is_some_and(|name| VALUES.contains(&name));
        if declared.iter().any(gives_value) {
            return false;
        }
        if !declared.is_empty() && self.is_operation(head) {
            return true;
        }
        // A list of names may begin with one that has rules, none of which is for the others.
        let is_name = |argument: &usize| matches!(text.atom(*argument), Atom::Symbol(_));
        self.has_rules(head, arguments.len())
            && !(arguments.iter().all(is_name) && self.space.query(&rule_for(call)).is_empty())
    }

    /// Whether it is an operation of the library that is not written in MeTTa.
    fn is_operation(&self, atom: &Atom) -> bool {
        match atom {
            Atom::Symbol(name) => {
                self.host.functions.contains_key(name) || evaluate::is_instruction(name)
            }
            Atom::Grounded(Grounded::Operation(_)) => true,
            _ => false,
        }
    }

    /// Whether some rule is for calls of the name `head` with so many arguments.
    fn has_rules(&mut self, head: &Atom, count: usize) -> bool {
        let Atom::Symbol(name) = head else {
            return false;
        };
        let space = self.space;
        let asked = self.ruled.entry((name.clone(), count));
        *asked.or_insert_with(|| {
            let arguments = (0..count).map(|place| Atom::variable(&format!("argument{place}")));
            let call = std::iter::once(head.clone()).chain(arguments);
            let call = Atom::expression(call.collect::<Vec<_>>());
            !space.query(&rule_for(&call)).is_empty()
        })
    }
}

/// A pattern for the rules of a call.
fn rule_for(call: &Atom) -> Atom {
    let equal = Atom::Symbol(known().equal.clone());
    Atom::expression([equal, call.clone(), Atom::variable("body")])
}

/// The name of the type of a function's results, whose type is given in parts.
fn result_name(parts: &[Atom]) -> Option<&str> {
    parts.last().and_then(Atom::as_symbol)
}

/// The parts of each function type of `head` that takes so many arguments: these are at the places
/// of the parameters.
fn functions(text: &Text<'_>, space: &Space, head: usize, count: usize) -> Vec<Vec<Atom>> {
    let functions = text.types_of(space, head).into_iter();
    let parts = functions
        .filter(types::is_function)
        .filter_map(|function| function.as_expression().map(<[Atom]>::to_vec));
    parts.filter(|parts| parts.len() == count + 2).collect()
}
