//! Elements beside each other: what evaluating one binds does not tell the types of those
//! after it, which are looked at as the whole was instantiated.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::{Check, Compiled, Compiler, Leave, Place, Value, Want};
use crate::atom::{Atom, Variable, known};
use crate::evaluate::contains;
use crate::fast::code::{FAIL, Instruction, Operand, Slot};
use crate::fast::head::Head;
use crate::fast::program::Inline;

/// The variables that evaluating the first few elements of a call may bind.
#[derive(Default)]
struct BoundBefore {
    elements: usize,
    variables: HashSet<Variable, FixedState>,
}

impl Compiler<'_> {
    /// What has to be ground, so that evaluating an element of a call without types binds
    /// nothing that the types of a later one depend on. Leaves what depends on a variable
    /// that stands for nothing yet.
    pub(super) fn kept_apart(&mut self, children: &[Atom]) -> Compiled<Vec<Check>> {
        let mut kept = Vec::new();
        let mut bound = BoundBefore::default();
        for (place, child) in children.iter().enumerate().skip(1) {
            if child.as_expression().is_none() || child.is_ground() {
                continue;
            }
            let mut shared: Vec<Variable> = Vec::new();
            child.for_each_variable(|variable| {
                if !shared.contains(variable) {
                    shared.push(variable.clone());
                }
            });
            let before = &children[..place];
            shared.retain(|variable| self.is_bound_before(&mut bound, before, variable));
            if shared.is_empty() {
                continue;
            }
            for part in self.kept_parts(child) {
                self.keep_apart(part, &shared, &mut kept)?;
            }
        }
        Ok(kept)
    }

    /// Notes whether variables stand for nothing as a call without types begins, of which
    /// evaluating an element may bind them: as elements after it they stay what they are. How
    /// many were noted before.
    pub(super) fn note_unbound(&mut self, children: &[Atom]) -> Compiled<usize> {
        self.note_elements(children, true)
    }

    /// The same, of new variables only, of which nothing is asked when code runs.
    pub(super) fn note_new(&mut self, children: &[Atom]) -> Compiled<usize> {
        self.note_elements(children, false)
    }

    fn note_elements(&mut self, children: &[Atom], may_ask: bool) -> Compiled<usize> {
        let noted = self.unbound.len();
        let mut bound = BoundBefore::default();
        for (place, child) in children.iter().enumerate().skip(1) {
            let mut variables: Vec<Variable> = Vec::new();
            child.for_each_variable(|variable| {
                if !variables.contains(variable) {
                    variables.push(variable.clone());
                }
            });
            for variable in variables {
                let Some(name) = self.names.get(&variable).copied() else {
                    // What an element introduces for those after it is theirs as well.
                    if self.has_element(child, &variable)
                        && self.is_bound_before(&mut bound, &children[..place], &variable)
                    {
                        let slot = self.fresh(&variable)?;
                        self.unbound.push((slot, self.scope, None));
                    }
                    continue;
                };
                let slot = name.slot;
                let is_fresh = name.fresh_in == Some(self.scope);
                if self.is_late(slot)
                    || !is_fresh && !may_ask
                    || self.is_known_value(slot)
                    || !self.has_element(child, &variable)
                    || !self.is_bound_before(&mut bound, &children[..place], &variable)
                {
                    continue;
                }
                let told = match is_fresh {
                    true => None,
                    false => Some(self.told_unbound(slot)?),
                };
                self.unbound.push((slot, self.scope, told));
            }
        }
        Ok(noted)
    }

    /// The variables that are elements, as they are written, of what a `chain` goes on with, and that
    /// its instruction may bind: those that stand for nothing before it stay what they are there. With
    /// each, the slot that tells whether it does; none for a new one.
    pub(super) fn bound_late(
        &mut self,
        instruction: &Atom,
        next: &Atom,
    ) -> Compiled<Vec<(Variable, Option<Slot>)>> {
        let mut late = Vec::new();
        if !matches!(next, Atom::Expression(_)) {
            return Ok(late);
        }
        let mut variables: Vec<Variable> = Vec::new();
        next.for_each_variable(|variable| {
            if !variables.contains(variable) {
                variables.push(variable.clone());
            }
        });
        for variable in variables {
            let slot = match self.names.get(&variable) {
                Some(name) if name.fresh_in != Some(self.scope) => Some(name.slot),
                _ => None,
            };
            if slot.is_some_and(|slot| self.is_known_value(slot))
                || !self.has_element(next, &variable)
                || !self.may_bind(instruction, &variable)
            {
                continue;
            }
            let told = slot.map(|slot| self.told_unbound(slot)).transpose()?;
            late.push((variable, told));
        }
        Ok(late)
    }

    /// Compiles what a `chain` goes on with, where such variables stand for nothing yet.
    pub(super) fn with_late<T>(
        &mut self,
        late: &[(Variable, Option<Slot>)],
        inner: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        let noted = self.unbound.len();
        // The part that begins next.
        let scope = self.scopes + 1;
        let mut before = Vec::new();
        for (variable, told) in late {
            let Some(name) = self.names.get_mut(variable) else {
                continue;
            };
            match told {
                Some(_) => self.unbound.push((name.slot, scope, *told)),
                None => {
                    before.push((variable, *name));
                    name.fresh_in = Some(scope);
                }
            }
        }
        let result = inner(self);
        self.unbound.truncate(noted);
        for (variable, name) in before {
            self.names.insert(variable.clone(), name);
        }
        result
    }

    /// A slot that tells whether another stands for nothing now.
    fn told_unbound(&mut self, slot: Slot) -> Compiled<Slot> {
        let to = self.target()?;
        self.emit(Instruction::IsUnbound { to, from: slot });
        Ok(to)
    }

    /// Whether what a slot holds is a value that nothing binds any more.
    pub(super) fn is_known_value(&self, slot: Slot) -> bool {
        self.seen.is_value(slot) || self.is_plainly(slot)
    }

    /// The slot that tells whether another stood for nothing when this part began, if that was
    /// noted.
    pub(super) fn unbound_at_first(&self, slot: Slot) -> Option<Slot> {
        self.noted_unbound(slot)?
    }

    /// Whether what a slot holds may be bound by an element before the one that is compiled.
    pub(super) fn is_late(&self, slot: Slot) -> bool {
        self.noted_unbound(slot).is_some()
    }

    fn noted_unbound(&self, slot: Slot) -> Option<Option<Slot>> {
        let here = |noted: &&(Slot, u32, Option<Slot>)| noted.0 == slot && noted.1 == self.scope;
        self.unbound.iter().find(here).map(|noted| noted.2)
    }

    /// Whether the variable is an element that is evaluated as it was written, of `element` or in it.
    fn has_element(&mut self, element: &Atom, variable: &Variable) -> bool {
        let is_it = |atom: &Atom| matches!(atom, Atom::Variable(found) if found == variable);
        is_it(element)
            || self.kept_parts(element).iter().any(|part| {
                part.as_expression()
                    .is_some_and(|parts| parts.iter().any(is_it))
            })
    }

    /// The value of a slot that may have stood for nothing as this part began: then it is not evaluated.
    pub(super) fn unless_unbound(
        &mut self,
        slot: Slot,
        unbound: Slot,
        want: Want,
        evaluate: impl FnOnce(&mut Self) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let to = self.slot()?;
        let at = self.emit(Instruction::JumpUnless {
            slot: unbound,
            to: FAIL,
            odd: FAIL,
        });
        self.emit(Instruction::Move { to, from: slot });
        let skip = self.emit(Instruction::Jump { to: FAIL });
        let here = self.here();
        self.fill(at, Place::To, here);
        let end = self.branch(|this| {
            let value = evaluate(this)?;
            Ok(this.join(value, to, Want::Own))
        })?;
        self.land([Some(skip), end]);
        self.define(to);
        Ok(self.give(Operand::slot(to), want))
    }

    fn keep_apart(
        &mut self,
        part: &Atom,
        shared: &[Variable],
        kept: &mut Vec<Check>,
    ) -> Compiled<()> {
        let mut checks = Vec::new();
        let depth = self.depth;
        let found = self.static_type(part, &mut checks);
        self.depth = depth;
        for variable in shared {
            let Some(name) = self.names.get(variable).copied() else {
                continue;
            };
            let is_looked_at = |check: &Check| match check {
                Check::Type(slot, _) | Check::Ground(slot) => *slot == name.slot,
                Check::Same(one, other, _) => *one == name.slot || *other == name.slot,
                Check::Tree(..) | Check::TreeOf(..) => true,
            };
            let mentioned = contains(part, variable);
            let told = found.is_err()
                || checks.iter().any(is_looked_at)
                || self.is_told_in(part, variable);
            let left = self.is_left_with(part, variable) || self.is_wanted_in(part, variable);
            if mentioned && (told || left) {
                if name.fresh_in == Some(self.scope) {
                    return Err(Leave);
                }
                kept.push(Check::Ground(name.slot));
            }
        }
        Ok(())
    }

    /// The calls in an element whose variables are still as written when they are made: in
    /// tuples all, in other calls the first argument.
    fn kept_parts<'a>(&mut self, element: &'a Atom) -> Vec<&'a Atom> {
        let mut pending = vec![element];
        let mut parts = Vec::new();
        while let Some(atom) = pending.pop() {
            let Some([head, arguments @ ..]) = atom.as_expression().filter(|_| !atom.is_ground())
            else {
                continue;
            };
            parts.push(atom);
            match self.program.head(self.host, self.heap, head) {
                Head::Untyped => pending.extend(arguments),
                Head::Typed(_) | Head::Operation(..) => pending.extend(arguments.first()),
                Head::Complex => {}
            }
        }
        parts
    }

    /// Compiles an argument of a typed call, by its place: into those after the first what was
    /// bound so far is put before they are looked at.
    pub(super) fn in_place<T>(
        &mut self,
        place: usize,
        argument: &Atom,
        inner: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        if place > 0 && self.is_open(argument) {
            self.part(inner)
        } else {
            inner(self)
        }
    }

    /// Whether there are variables in it that stood for nothing when this began, or may have.
    pub(super) fn is_open(&self, argument: &Atom) -> bool {
        let mut open = false;
        argument.for_each_variable(|variable| {
            open |= self.names.get(variable).is_some_and(|name| {
                name.fresh_in == Some(self.scope) || self.unbound_at_first(name.slot).is_some()
            });
        });
        open
    }

    /// Whether evaluating an atom may bind what is a variable.
    pub(super) fn may_bind_any(&mut self, atom: &Atom, argument: &Atom) -> bool {
        matches!(argument, Atom::Variable(variable) if self.may_bind(atom, variable))
    }

    /// Whether evaluating an instruction may bind a new variable that is an argument of a typed call in
    /// what a `chain` goes on with: the types of that are looked at as if it was not bound.
    pub(super) fn may_bind_typed(&mut self, instruction: &Atom, next: &Atom) -> bool {
        let mut pending = vec![next];
        while let Some(atom) = pending.pop() {
            let Some([head, arguments @ ..]) = atom.as_expression().filter(|_| !atom.is_ground())
            else {
                continue;
            };
            pending.extend(arguments);
            if let Head::Typed(_) | Head::Operation(..) =
                self.program.head(self.host, self.heap, head)
            {
                let is_bound = |argument: &&Atom| {
                    matches!(argument, Atom::Variable(_)) && self.is_open(argument)
                };
                let open: Vec<&Atom> = arguments.iter().filter(is_bound).collect();
                if open.iter().any(|open| self.may_bind_any(instruction, open)) {
                    return true;
                }
            }
        }
        false
    }

    /// Whether evaluating one of the first elements, all `before` another, may bind a variable.
    /// Each element is looked at once for all those after it.
    fn is_bound_before(
        &mut self,
        bound: &mut BoundBefore,
        before: &[Atom],
        variable: &Variable,
    ) -> bool {
        for element in &before[bound.elements..] {
            self.each_bound_part(element, |part| {
                part.for_each_variable(|variable| {
                    bound.variables.insert(variable.clone());
                });
                false
            });
        }
        bound.elements = bound.elements.max(before.len());
        bound.variables.contains(variable)
    }

    /// Whether evaluating an atom may bind a variable.
    fn may_bind(&mut self, atom: &Atom, variable: &Variable) -> bool {
        self.each_bound_part(atom, |part| contains(part, variable))
    }

    /// Tells `is_wanted` of the calls in an atom whose evaluation may bind variables in them, but
    /// not of those in one that it was told of, until it says that this is the one.
    fn each_bound_part(&mut self, atom: &Atom, mut is_wanted: impl FnMut(&Atom) -> bool) -> bool {
        let mut pending = vec![atom];
        while let Some(atom) = pending.pop() {
            let Some([head, parts @ ..]) = atom.as_expression().filter(|_| !atom.is_ground())
            else {
                continue;
            };
            let is_own = match self.program.head(self.host, self.heap, head) {
                Head::Untyped | Head::Typed(_) => match head {
                    Atom::Symbol(symbol) => {
                        let id = self.heap.symbol(symbol);
                        self.program.ask_for_rules(id, parts.len())
                    }
                    _ => true,
                },
                Head::Operation(operation, _) => !matches!(
                    self.program.inline(&operation),
                    Some(Inline::Arithmetic(_) | Inline::Comparison(_) | Inline::Logic(_))
                ),
                Head::Complex => true,
            };
            if !is_own {
                pending.extend(parts);
            } else if is_wanted(atom) {
                return true;
            }
        }
        false
    }

    /// Whether what a variable stands for is in an argument of which others before it tell the type.
    fn is_told_in(&mut self, call: &Atom, variable: &Variable) -> bool {
        let Some([head, arguments @ ..]) = call.as_expression() else {
            return false;
        };
        let signature = match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) | Head::Operation(_, signature) => signature,
            Head::Untyped | Head::Complex => return false,
        };
        let mut types: Vec<Variable> = Vec::new();
        for (parameter, argument) in signature.parameters.iter().zip(arguments) {
            let mut is_told = false;
            parameter.for_each_variable(|found| {
                is_told |= types.contains(found);
                types.push(found.clone());
            });
            if is_told && contains(argument, variable) {
                return true;
            }
        }
        false
    }

    /// Whether the variable itself is an argument of a call whose function takes variables.
    fn is_wanted_in(&mut self, atom: &Atom, variable: &Variable) -> bool {
        let wanted = Atom::Symbol(known().variable.clone());
        let Some([head, arguments @ ..]) = atom.as_expression() else {
            return false;
        };
        match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) | Head::Operation(_, signature) => signature
                .parameters
                .iter()
                .zip(arguments)
                .any(|(parameter, argument)| {
                    *parameter == wanted
                        && matches!(argument, Atom::Variable(found) if found == variable)
                }),
            Head::Untyped | Head::Complex => false,
        }
    }

    /// Whether something that has the variable in it is left to the plain evaluator.
    fn is_left_with(&mut self, atom: &Atom, variable: &Variable) -> bool {
        let mut pending = vec![atom];
        while let Some(atom) = pending.pop() {
            let Some([head, ..]) = atom.as_expression() else {
                continue;
            };
            if !contains(atom, variable) {
                continue;
            }
            let known = known();
            let compiled = [&known.unify, &known.cons_atom, &known.decons_atom];
            if !compiled.iter().any(|symbol| head.is_symbol(symbol))
                && matches!(head, Atom::Symbol(_))
                && matches!(self.program.head(self.host, self.heap, head), Head::Complex)
            {
                return true;
            }
            pending.extend(atom.as_expression().unwrap_or_default());
        }
        false
    }
}
