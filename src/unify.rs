//! Bindings and unification: making two atoms equal by filling variables.
//!
//! Everything here is a loop with an explicit stack. Bindings are triangular: a
//! value may contain variables that are bound themselves.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::{Atom, Expression, Grounded, Variable};
use crate::seen::{Made, Seen};

/// What variables stand for, with a trail so that it can be undone.
#[derive(Clone, Default)]
pub struct Bindings {
    values: HashMap<Variable, Atom, FixedState>,
    trail: Vec<Variable>,
}

/// Where marks went when bindings were compacted.
pub(crate) struct Moved(Vec<usize>);

impl Moved {
    pub(crate) fn mark(&self, mark: Mark) -> Mark {
        Mark(self.0[mark.0])
    }
}

/// A point in time of some bindings; [`Bindings::undo`] goes back to it.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

impl Bindings {
    /// No variable is bound.
    pub fn new() -> Bindings {
        Bindings::default()
    }

    /// The present point in time.
    pub fn mark(&self) -> Mark {
        Mark(self.trail.len())
    }

    /// Forgets everything bound since `mark`.
    pub fn undo(&mut self, mark: Mark) {
        while self.trail.len() > mark.0 {
            let variable = self.trail.pop().expect("longer than the mark");
            self.values.remove(&variable);
        }
    }

    /// What was bound since `mark`, in order.
    pub fn since(&self, mark: Mark) -> Vec<(Variable, Atom)> {
        self.trail[mark.0..]
            .iter()
            .map(|variable| (variable.clone(), self.values[variable].clone()))
            .collect()
    }

    /// Binds an unbound variable. The caller has made sure that no cycle arises.
    pub fn bind(&mut self, variable: Variable, value: Atom) {
        self.trail.push(variable.clone());
        self.values.insert(variable, value);
    }

    /// Lets a bound variable stand for another value, which no undoing takes back.
    pub(crate) fn rebind(&mut self, variable: Variable, value: Atom) {
        self.values.insert(variable, value);
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The variables that are bound, in order of binding.
    pub(crate) fn variables(&self) -> &[Variable] {
        &self.trail
    }

    /// How many variables are bound.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Every variable bound, with what it stands for, in order of binding.
    pub fn iter(&self) -> impl Iterator<Item = (&Variable, Atom)> {
        self.trail
            .iter()
            .map(|variable| (variable, self.apply(&self.values[variable])))
    }

    /// As [`Bindings::iter`], with values as they were bound.
    pub(crate) fn iter_raw(&self) -> Vec<(Variable, Atom)> {
        self.since(Mark(0))
    }

    /// Keeps only the bindings that the test lets through, to give memory back.
    /// Marks taken before must be moved.
    pub(crate) fn compact(&mut self, mut keep: impl FnMut(&Variable) -> bool) -> Moved {
        let mut kept = 0;
        let mut places = Vec::with_capacity(self.trail.len() + 1);
        places.push(0);
        let values = &mut self.values;
        self.trail.retain(|variable| {
            let keeps = keep(variable);
            if !keeps {
                values.remove(variable);
            }
            kept += usize::from(keeps);
            places.push(kept);
            keeps
        });
        self.values.shrink_to_fit();
        Moved(places)
    }

    pub(crate) fn value(&self, variable: &Variable) -> Option<&Atom> {
        self.values.get(variable)
    }

    /// What `variable` stands for, fully; `None` if it is unbound.
    pub fn resolve(&self, variable: &Variable) -> Option<Atom> {
        self.values.get(variable).map(|value| self.apply(value))
    }

    /// The variable that `variable` stands for by way of others: unbound, or bound to no variable.
    pub(crate) fn last_of_chain<'a>(&'a self, mut variable: &'a Variable) -> &'a Variable {
        while let Some(Atom::Variable(next)) = self.values.get(variable) {
            variable = next;
        }
        variable
    }

    /// Follows variables bound to variables; the result is unbound or no variable.
    pub fn walk<'a>(&'a self, mut atom: &'a Atom) -> &'a Atom {
        while let Atom::Variable(variable) = atom {
            match self.values.get(variable) {
                Some(value) => atom = value,
                None => break,
            }
        }
        atom
    }

    /// `atom` with every bound variable replaced. Shares what does not change.
    pub fn apply(&self, atom: &Atom) -> Atom {
        if self.values.is_empty() || !atom.has_variables() {
            return atom.clone();
        }
        rebuild(atom, |variable| match self.values.get(variable) {
            Some(value) => Replacement::Descend(self.walk(value)),
            None => Replacement::Keep,
        })
    }

    /// As [`Bindings::apply`], where no variable of a value is bound: values are shared.
    pub(crate) fn apply_once(&self, atom: &Atom) -> Atom {
        if self.values.is_empty() || !atom.has_variables() {
            return atom.clone();
        }
        rebuild(atom, |variable| match self.values.get(variable) {
            Some(value) => Replacement::Final(value.clone()),
            None => Replacement::Keep,
        })
    }

    /// As [`Bindings::apply`], for a part of an atom: a result stays a result.
    pub(crate) fn apply_to_part(&self, atom: &Atom) -> Atom {
        if self.values.is_empty() || !atom.has_variables() {
            return atom.clone();
        }
        rebuild_as(atom, true, |variable| match self.values.get(variable) {
            Some(value) => Replacement::Descend(self.walk(value)),
            None => Replacement::Keep,
        })
    }

    fn occurs(&self, variable: &Variable, atom: &Atom) -> bool {
        let mut pending: SmallVec<[&Atom; 8]> = SmallVec::new();
        pending.push(atom);
        let mut seen = Seen::new();
        while let Some(atom) = pending.pop() {
            match self.walk(atom) {
                Atom::Variable(found) if found == variable => return true,
                Atom::Expression(expression)
                    if expression.has_variables()
                        && !seen.again(expression.address() as u64, 0) =>
                {
                    pending.extend(expression.children());
                }
                _ => {}
            }
        }
        false
    }

    /// Binds the unbound `variable` to `value` unless that makes a cycle.
    pub(crate) fn bind_checked(&mut self, variable: &Variable, value: Atom) -> bool {
        if value.has_variables() && self.occurs(variable, &value) {
            return false;
        }
        self.bind(variable.clone(), value);
        true
    }
}

pub(crate) enum Replacement<'a> {
    Keep,
    /// Replaced by an atom that is final.
    Final(Atom),
    /// Replaced by an atom whose own variables are looked at too.
    Descend(&'a Atom),
}

/// Rebuilds `atom` with variables replaced, sharing every unchanged part.
pub(crate) fn rebuild<'a>(
    atom: &'a Atom,
    replace: impl FnMut(&'a Variable) -> Replacement<'a>,
) -> Atom {
    rebuild_as(atom, false, replace)
}

/// As [`rebuild`], for an atom that is a part of another one, or the whole.
fn rebuild_as<'a>(
    atom: &'a Atom,
    is_part: bool,
    mut replace: impl FnMut(&'a Variable) -> Replacement<'a>,
) -> Atom {
    struct Level<'a> {
        source: &'a Expression,
        done: Vec<Atom>,
        changed: bool,
    }
    // What became of an expression, and whether it is another.
    let mut made: Made<(Atom, bool)> = Made::new();
    let mut levels: SmallVec<[Level<'a>; 4]> = SmallVec::new();
    let mut current = atom;
    // Whether `current` replaced a variable, so that its parent has changed.
    let mut replaced = false;
    loop {
        let mut changed = replaced;
        replaced = false;
        let mut finished = match current {
            Atom::Expression(expression) if expression.has_variables() => {
                if let Some((atom, is_other)) = made.get(expression.address()) {
                    changed |= is_other;
                    Some(atom.clone())
                } else {
                    levels.push(Level {
                        source: expression,
                        done: Vec::with_capacity(expression.children().len()),
                        changed: false,
                    });
                    if changed && levels.len() > 1 {
                        let parent = levels.len() - 2;
                        levels[parent].changed = true;
                    }
                    None
                }
            }
            Atom::Variable(variable) => match replace(variable) {
                Replacement::Keep => Some(current.clone()),
                Replacement::Final(atom) => {
                    changed = true;
                    Some(atom)
                }
                Replacement::Descend(next) => {
                    if matches!(next, Atom::Expression(expression) if expression.has_variables()) {
                        current = next;
                        replaced = true;
                        continue;
                    }
                    changed = true;
                    Some(next.clone())
                }
            },
            other => Some(other.clone()),
        };
        loop {
            if let Some(done) = finished.take() {
                match levels.last_mut() {
                    None => return done,
                    Some(level) => {
                        level.done.push(done);
                        level.changed |= changed;
                    }
                }
            }
            let Some(level) = levels.last() else {
                unreachable!("a level is open or the result was returned")
            };
            if level.done.len() < level.source.children().len() {
                current = &level.source.children()[level.done.len()];
                break;
            }
            let level = levels.pop().expect("just seen");
            changed = level.changed;
            let source = level.source;
            let atom = Atom::Expression(if level.changed {
                // A result inside of an atom stays one; the whole is a new atom.
                match (source.is_evaluated(), levels.is_empty()) {
                    (true, false) => Expression::with(level.done, true),
                    (true, true) if is_part => Expression::bound(level.done),
                    (true, true) | (false, _) => Expression::new(level.done),
                }
            } else {
                source.clone()
            });
            made.remember(source.address(), || (atom.clone(), changed));
            finished = Some(atom);
        }
    }
}

/// Unifies `left` with `right`, extending `bindings`.
///
/// Variables on either side may be bound. Returns whether `bindings` now makes
/// both sides equal, most generally; otherwise they are as before. A variable
/// never binds to an atom containing it.
///
/// Source: J. A. Robinson, "A Machine-Oriented Logic Based on the Resolution
/// Principle", J. ACM 12(1), 1965.
pub fn unify(left: &Atom, right: &Atom, bindings: &mut Bindings) -> bool {
    unify_as(left, right, bindings, Kept::Right)
}

/// As [`unify`], for a value that a form takes apart: of variables that are made equal the one
/// of the value that was met first stays.
pub(crate) fn unify_pattern(pattern: &Atom, value: &Atom, bindings: &mut Bindings) -> bool {
    unify_as(pattern, value, bindings, Kept::First)
}

/// Which of two variables stands for both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// That of the right side.
    Right,
    /// The same, but what a variable of the left side stands for already.
    First,
}

fn unify_as(left: &Atom, right: &Atom, bindings: &mut Bindings, kept: Kept) -> bool {
    let mark = bindings.mark();
    let mut pending: SmallVec<[(Atom, Atom); 8]> = SmallVec::new();
    pending.push((left.clone(), right.clone()));
    let mut seen = Seen::new();
    while let Some((left, right)) = pending.pop() {
        let written = (left, right);
        let left = bindings.walk(&written.0).clone();
        let right = bindings.walk(&written.1).clone();
        let unified = match (&left, &right) {
            (Atom::Variable(a), Atom::Variable(b)) if a == b => true,
            (Atom::Variable(_), Atom::Variable(variable))
                if kept == Kept::First && written.0 != left && written.1 == right =>
            {
                bindings.bind_checked(variable, left.clone())
            }
            (Atom::Variable(variable), _) => bindings.bind_checked(variable, right.clone()),
            (_, Atom::Variable(variable)) => bindings.bind_checked(variable, left.clone()),
            (Atom::Expression(a), Atom::Expression(b)) => {
                if a.is_same(b) || (a.is_ground() && b.is_ground()) {
                    left == right
                } else if seen.again(a.address() as u64, b.address() as u64) {
                    true
                } else if a.children().len() == b.children().len() {
                    pending.extend(
                        a.children()
                            .iter()
                            .cloned()
                            .zip(b.children().iter().cloned())
                            .rev(),
                    );
                    true
                } else {
                    false
                }
            }
            _ => left == right || takes(&left, &right) || takes(&right, &left),
        };
        if !unified {
            bindings.undo(mark);
            return false;
        }
    }
    true
}

/// Whether `pattern` is a value of the host that matches the atom, though it is not equal.
pub(crate) fn takes(pattern: &Atom, atom: &Atom) -> bool {
    matches!(pattern, Atom::Grounded(Grounded::Value(value)) if value.matches(atom))
}

/// Whether the atoms are equal up to a renaming of variables, one to one.
pub fn alpha_equal(left: &Atom, right: &Atom) -> bool {
    let mut forth: HashMap<Variable, Variable, FixedState> = HashMap::default();
    let mut back: HashMap<Variable, Variable, FixedState> = HashMap::default();
    let mut pending = vec![(left, right)];
    let mut seen = Seen::new();
    while let Some(pair) = pending.pop() {
        match pair {
            (Atom::Variable(a), Atom::Variable(b)) => {
                let known_forth = forth.entry(a.clone()).or_insert_with(|| b.clone());
                let known_back = back.entry(b.clone()).or_insert_with(|| a.clone());
                if known_forth != b || known_back != a {
                    return false;
                }
            }
            (Atom::Expression(a), Atom::Expression(b)) => {
                if a.children().len() != b.children().len() {
                    return false;
                }
                if a.is_ground() && b.is_ground() {
                    if pair.0 != pair.1 {
                        return false;
                    }
                } else if !seen.again(a.address() as u64, b.address() as u64) {
                    pending.extend(a.children().iter().zip(b.children()));
                }
            }
            (a, b) if a == b => {}
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{Bindings, alpha_equal, unify};
    use crate::reader::atom;

    #[track_caller]
    fn check_unify(left: &str, right: &str, expected: Option<&str>) {
        let mut bindings = Bindings::default();
        let (left, right) = (atom(left), atom(right));
        let unified = unify(&left, &right, &mut bindings);
        assert_eq!(
            unified
                .then(|| bindings.apply(&left).to_string())
                .as_deref(),
            expected
        );
        if unified {
            assert_eq!(bindings.apply(&left), bindings.apply(&right));
        } else {
            assert!(bindings.is_empty());
        }
    }

    #[test]
    fn occurs_check_rejects_cycle() {
        check_unify("$x", "(f $x)", None);
        check_unify("($x $y)", "((f $y) (f $x))", None);
    }

    #[test]
    fn variables_on_both_sides_bind() {
        check_unify("(f $x b)", "(f a $y)", Some("(f a b)"));
        check_unify("(f $x $x)", "(f a b)", None);
        check_unify("(f $x $x)", "(f $y a)", Some("(f a a)"));
        check_unify("(f $x)", "(f $x)", Some("(f $x)"));
        check_unify("(f (g $x) $y)", "(f $y (g a))", Some("(f (g a) (g a))"));
    }

    #[test]
    fn numbers_unify_by_value() {
        check_unify("(f 1)", "(f 1.0)", Some("(f 1)"));
        check_unify("(f 1)", "(f 2)", None);
    }

    #[test]
    fn alpha_equality_is_a_one_to_one_renaming() {
        assert!(alpha_equal(&atom("(f $x $y $x)"), &atom("(f $a $b $a)")));
        assert!(!alpha_equal(&atom("(f $x $y)"), &atom("(f $a $a)")));
        assert!(!alpha_equal(&atom("(f $x $x)"), &atom("(f $a $b)")));
    }
}
