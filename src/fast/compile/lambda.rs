//! Functions without names, `(|-> (parameter …) body)`: as values, and called.
//!
//! A call has variables of its own for those of the function that stand for nothing when
//! it is made. So one that is called where it stands is compiled in place, with names that
//! are its own; one that turns up as a value is compiled with the shape of its call.

use super::{Bound, Compiled, Compiler, Leave, Name, OddWhat, Place, Value, Want};
use crate::atom::{Atom, Grounded, Variable, known};
use crate::evaluate::{Control, substitute};
use crate::fast::code::{ANY, FAIL, Instruction, Operand, Slot, TypeId};

/// The parameters and the body of a function without a name.
pub(super) fn lambda_of(atom: &Atom) -> Option<(&[Atom], &Atom)> {
    match atom.as_expression()? {
        [
            Atom::Grounded(Grounded::Operation(operation)),
            Atom::Expression(parameters),
            body,
        ] if operation.control() == Some(Control::Lambda) => Some((parameters.children(), body)),
        _ => None,
    }
}

/// Visits the functions that are called where they stand.
pub(super) fn each_called<'a>(atom: &'a Atom, mut visit: impl FnMut(&'a Atom)) {
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        let Some([head, others @ ..]) = atom.as_expression() else {
            continue;
        };
        if lambda_of(head).is_some() {
            visit(head);
        } else {
            pending.push(head);
        }
        pending.extend(others);
    }
}

/// How often each of these variables occurs in the functions that are called where they stand.
fn counts_in_called(atom: &Atom) -> Vec<(Variable, usize)> {
    let mut counts: Vec<(Variable, usize)> = Vec::new();
    each_called(atom, |lambda| {
        lambda.for_each_occurrence(|variable| {
            match counts.iter_mut().find(|(known, _)| known == variable) {
                Some((_, count)) => *count += 1,
                None => counts.push((variable.clone(), 1)),
            }
        });
    });
    counts
}

/// How deep functions that stand in one another are looked at for names of their own.
const OWN_NAMES_MAX: usize = 16;
/// How deep expressions are, around them.
const AROUND_MAX: usize = 200;

/// An expression with other variables in a function that is called where it stands for those that one
/// visited before it has too: each call has its own, and names are one function's then. `own` are
/// variables of nothing but such functions. `None` if all stays as it is.
fn with_own_names(atom: &Atom, own: &[Variable], depth: usize) -> Option<Atom> {
    let mut seen: Vec<Variable> = Vec::new();
    let (mut all, mut is_same) = (Vec::new(), true);
    each_called(atom, |lambda| {
        let mut met: Vec<Variable> = Vec::new();
        lambda.for_each_variable(|variable| {
            if own.contains(variable) && !met.contains(variable) {
                met.push(variable.clone());
            }
        });
        let mut new = lambda.clone();
        for variable in met {
            if seen.contains(&variable) {
                let other = Atom::Variable(variable.renamed());
                new = substitute(&new, &variable, &other);
                is_same = false;
            } else {
                seen.push(variable);
            }
        }
        if depth < OWN_NAMES_MAX
            && let Some(within) = with_own_names_within(&new, depth + 1)
        {
            (new, is_same) = (within, false);
        }
        all.push(new);
    });
    if is_same {
        return None;
    }
    with_called(atom, &mut all.into_iter(), 0)
}

/// The same of a function, whose body calls others where they stand.
fn with_own_names_within(lambda: &Atom, depth: usize) -> Option<Atom> {
    let [head, parameters, body] = lambda.as_expression()? else {
        return None;
    };
    let called = counts_in_called(body);
    let is_own = |(variable, count): &(Variable, usize)| {
        let mut all = 0;
        lambda.for_each_occurrence(|found| all += usize::from(found == variable));
        all == *count
    };
    let own: Vec<Variable> = (called.into_iter().filter(is_own))
        .map(|(variable, _)| variable)
        .collect();
    let body = with_own_names(body, &own, depth)?;
    Some(Atom::expression([head.clone(), parameters.clone(), body]))
}

/// An expression with others for the functions that are called where they stand, in the order in
/// which [`each_called`] visits them. `None` if they stand too deep.
fn with_called(atom: &Atom, others: &mut impl Iterator<Item = Atom>, depth: usize) -> Option<Atom> {
    let Some([head, rest @ ..]) = atom.as_expression() else {
        return Some(atom.clone());
    };
    if depth > AROUND_MAX {
        return None;
    }
    let called = match lambda_of(head) {
        Some(_) => Some(others.next()?),
        None => None,
    };
    let mut parts = Vec::with_capacity(rest.len() + 1);
    for part in rest.iter().rev() {
        parts.push(with_called(part, others, depth + 1)?);
    }
    parts.push(match called {
        Some(lambda) => lambda,
        None => with_called(head, others, depth + 1)?,
    });
    parts.reverse();
    Some(Atom::expression(parts))
}

impl Compiler<'_> {
    /// Variables of functions that are called where they stand, and of nothing else: they
    /// stand for nothing when the expression begins.
    pub(super) fn own_of_called(&self, atom: &Atom, open: bool) -> Vec<Variable> {
        let mut counts = counts_in_called(atom);
        let is_own = |variable: &Variable, count: usize| {
            if open {
                self.counts.get(variable) == Some(&count)
            } else {
                self.heap.is_of_lambda(variable)
            }
        };
        counts.retain(|(variable, count)| is_own(variable, *count));
        counts.into_iter().map(|(variable, _)| variable).collect()
    }

    /// An expression of which all was counted, with names of their own in functions that are called
    /// where they stand, if some share one; then all is counted again. `own` are variables of nothing
    /// but these; `others` was counted too.
    pub(super) fn with_own_names(
        &mut self,
        atom: &Atom,
        own: &[Variable],
        others: Option<&Atom>,
    ) -> Option<Atom> {
        let new = with_own_names(atom, own, 0)?;
        self.counts.clear();
        self.walked.clear();
        for atom in others.into_iter().chain([&new]) {
            self.count(atom);
        }
        Some(new)
    }

    /// One as a value, with what its variables stand for.
    pub(super) fn lambda_value(&mut self, children: &[Atom], want: Want) -> Compiled<Value> {
        let mut operands = Vec::with_capacity(children.len());
        for child in children {
            operands.push(self.quoted(child)?);
        }
        let to = self.target()?;
        let operands = self.program.operands(&operands);
        self.emit(Instruction::BuildResult { to, operands });
        Ok(self.give(Operand::slot(to), want))
    }

    /// A call of one that stands there.
    pub(super) fn lambda_call(
        &mut self,
        children: &[Atom],
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let [lambda, arguments @ ..] = children else {
            return Err(Leave);
        };
        let (parameters, body) = lambda_of(lambda).ok_or(Leave)?;
        let depends_on_call = body.is_symbol(&known().not_reducible)
            || matches!(body.as_expression(), Some([head, ..]) if head.is_symbol(&known().function));
        if parameters.len() != arguments.len() || depends_on_call {
            return Err(Leave);
        }
        let shared = self.shared_with(lambda)?;
        let (value, mark) = self.marked(arguments, want, |this, within| {
            let mut slots = Vec::with_capacity(arguments.len());
            for argument in arguments {
                let value = this.evaluate(argument, ANY, Want::Own)?;
                slots.push(this.in_slot(value)?);
            }
            let mut slow = None;
            if !shared.is_empty() {
                let uses = shared
                    .iter()
                    .map(|&slot| {
                        (
                            this.emit(Instruction::CheckGround { slot, odd: FAIL }),
                            Place::Odd,
                        )
                    })
                    .collect();
                let call = this.call_with(lambda, &slots);
                slow = Some(this.slow(uses, OddWhat::Call(call), expected)?);
            }
            for (parameter, slot) in parameters.iter().zip(&slots) {
                this.pattern(parameter, *slot, FAIL)?;
            }
            let value = this.part(|this| {
                this.introduce(body)?;
                this.template(body, expected, within.want, Bound::Something)
            })?;
            this.resume(slow, value, within.want)
        })?;
        self.exit(mark);
        Ok(value)
    }

    /// The slots of the variables of a function that may stand for something. Those that
    /// nothing else has are its own: they lose what they were called before.
    fn shared_with(&mut self, lambda: &Atom) -> Compiled<Vec<Slot>> {
        let mut counts: Vec<(Variable, usize)> = Vec::new();
        lambda.for_each_occurrence(|variable| {
            match counts.iter_mut().find(|(known, _)| known == variable) {
                Some((_, count)) => *count += 1,
                None => counts.push((variable.clone(), 1)),
            }
        });
        let mut shared = Vec::new();
        for (variable, count) in counts {
            if self.written.contains_key(&variable) {
                return Err(Leave);
            }
            let is_own = self.counts.get(&variable) == Some(&count);
            match self.names.get(&variable) {
                None if is_own => {}
                Some(name) if is_own && name.fresh_in.is_some() => {
                    self.names.remove(&variable);
                }
                Some(name) if name.fresh_in != Some(self.scope) => shared.push(name.slot),
                _ => return Err(Leave),
            }
        }
        Ok(shared)
    }

    /// A call of what slots hold, which variables name.
    fn call_with(&mut self, lambda: &Atom, slots: &[Slot]) -> Atom {
        let mut call = vec![lambda.clone()];
        for slot in slots {
            let variable = Variable::new("argument").renamed();
            let name = Name {
                slot: *slot,
                fresh_in: None,
            };
            self.names.insert(variable.clone(), name);
            call.push(Atom::Variable(variable));
        }
        Atom::expression(call)
    }
}
