//! Rules whose head is called whatever one likes, `(= ($f twice $x) …)`: for each name they are
//! rules of its function with that many arguments, behind its variable the name.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use crate::atom::{Atom, Grounded, known};
use crate::evaluate::substitute;
use crate::fast::head::Signature;
use crate::fast::program::Program;
use crate::space::{Row, Subject, token};

/// What stands behind the variable of such rules; nothing where that may be anything.
type Arguments = SmallVec<[Option<Atom>; 4]>;

/// What calls such rules may be for.
#[derive(Default)]
pub(super) struct AnyHead {
    rules: Vec<Arguments>,
}

/// The arguments of a rule's head, if that is headed by a variable.
fn arguments(rule: &Atom) -> Option<&[Atom]> {
    let [_, Atom::Expression(head), _] = rule.as_expression()? else {
        return None;
    };
    match head.children() {
        [Atom::Variable(_), arguments @ ..] => Some(arguments),
        _ => None,
    }
}

impl AnyHead {
    /// Takes note of a rule, if it is one with a variable as head.
    pub(super) fn note(&mut self, rule: &Atom) -> bool {
        let Some(arguments) = arguments(rule) else {
            return false;
        };
        let leaf = |atom: &Atom| {
            let is_leaf = matches!(atom, Atom::Symbol(_) | Atom::Grounded(_));
            is_leaf.then(|| atom.clone())
        };
        self.rules.push(arguments.iter().map(leaf).collect());
        true
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Whether there are some for calls with so many arguments.
    pub(super) fn has(&self, arity: usize) -> bool {
        self.rules.iter().any(|rule| rule.len() == arity)
    }

    /// Whether one may be for a call of an operation: a name is no truth value, and no leaf an
    /// expression or a variable.
    pub(super) fn takes(&self, signature: &Signature) -> bool {
        let parameters = &signature.parameters;
        let is_apart = |(parameter, argument): (&Atom, &Option<Atom>)| match argument {
            Some(Atom::Symbol(_) | Atom::Grounded(Grounded::Operation(_)))
                if parameter.is_symbol(&known().bool) =>
            {
                true
            }
            Some(_) => {
                parameter.is_symbol(&known().expression) || parameter.is_symbol(&known().variable)
            }
            None => false,
        };
        self.rules.iter().any(|rule| {
            rule.len() == parameters.len() && !parameters.iter().zip(rule).any(is_apart)
        })
    }
}

impl Program {
    /// Adds to rows of a name's rules, from a mark on, those of rules for calls of anything.
    pub(super) fn add_any_head(&self, arity: usize, mark: &[u32], rows: &mut Vec<Row>) {
        if !self.any_head.has(arity) {
            return;
        }
        let equal = token::symbol(known().equal.id());
        let mut open = Vec::new();
        self.layers
            .rows_about(equal, Subject::Open, mark, &mut open);
        let _ = self.layers.each(&open, |row| {
            if arguments(&row.atom()).is_some_and(|arguments| arguments.len() == arity) {
                rows.push(row.row());
            }
            ControlFlow::Continue(())
        });
        rows.sort();
    }

    /// A rule for calls of anything as one of a name's rules; others as they are.
    pub(super) fn as_of_name(rule: Atom, name: &Atom) -> Atom {
        match rule.as_expression() {
            Some([_, Atom::Expression(head), _]) => match head.children().first() {
                Some(Atom::Variable(variable)) => substitute(&rule, variable, name),
                _ => rule,
            },
            _ => rule,
        }
    }
}
