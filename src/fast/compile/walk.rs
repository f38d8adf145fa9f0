//! Lists gone through element by element: `map-atom`, `filter-atom`, `foldl-atom`.
//!
//! The template is compiled once, as the body of a loop in a frame of its own: its
//! first slots hold the list, the place of the next element and what there is so far,
//! then values that the template takes from outside. Going on is a last call, so a
//! choice made inside an element's template keeps the frame it was made in.

use super::body::counts_of;
use super::call::Call;
use super::{
    Check, Compiled, Compiler, Leave, Name, OddWhat, Place, Static, Value, Want, bound_by_let,
};
use crate::atom::{Atom, Variable};
use crate::evaluate::{Control, contains, is_instruction};
use crate::fast::cell::Cell;
use crate::fast::code::{ANY, AtomKind, Changed, FAIL, Instruction, Operand, Pc, Slot};
use crate::fast::head::Signature;
use crate::types;

const LIST: Slot = 0;
const SO_FAR: Slot = 2;
/// The first slot with a value from outside.
const CAPTURED: usize = 3;

/// The parts of a form: list, initial value, variables, template.
struct Walk<'a> {
    control: Control,
    list: &'a Atom,
    initial: Option<&'a Atom>,
    variables: Vec<&'a Variable>,
    template: &'a Atom,
}

impl<'a> Walk<'a> {
    fn of(control: Control, arguments: &'a [Atom]) -> Option<Walk<'a>> {
        match (control, arguments) {
            (Control::Map | Control::Filter, [list, Atom::Variable(item), template]) => {
                Some(Walk {
                    control,
                    list,
                    initial: None,
                    variables: vec![item],
                    template,
                })
            }
            (
                Control::Fold,
                [
                    list,
                    initial,
                    Atom::Variable(so_far),
                    Atom::Variable(item),
                    template,
                ],
            ) if so_far != item => Some(Walk {
                control,
                list,
                initial: Some(initial),
                variables: vec![so_far, item],
                template,
            }),
            _ => None,
        }
    }
}

/// Counts the occurrences of variables in forms that put elements in their place.
pub(super) fn count_walked(atom: &Atom, mut add: impl FnMut(&Variable)) {
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        let Some(children) = atom.as_expression() else {
            continue;
        };
        pending.extend(children);
        if let Some(walk) = written_walk(children) {
            for variable in &walk.variables {
                add(variable);
                walk.template.for_each_occurrence(|other| {
                    if other == *variable {
                        add(other);
                    }
                });
            }
        }
    }
}

/// Whether a variable of a template is nothing there but the head of calls.
fn is_but_called(template: &Atom, variable: &Variable) -> bool {
    let is_it = |atom: &Atom| matches!(atom, Atom::Variable(found) if found == variable);
    let mut pending = vec![template];
    while let Some(atom) = pending.pop() {
        let Some((head, others)) = atom.as_expression().and_then(<[Atom]>::split_first) else {
            continue;
        };
        if others.iter().any(is_it) {
            return false;
        }
        pending.push(head);
        pending.extend(others);
    }
    !is_it(template)
}

/// The parts of an expression that is written as one of the forms.
fn written_walk(children: &[Atom]) -> Option<Walk<'_>> {
    let control = match children.first()?.as_symbol()? {
        "map-atom" => Control::Map,
        "filter-atom" => Control::Filter,
        "foldl-atom" => Control::Fold,
        _ => return None,
    };
    Walk::of(control, &children[1..])
}

/// The template of an expression that is written as one of the forms, and the
/// variables that elements take the place of.
pub(super) fn template_of(children: &[Atom]) -> Option<(&Atom, Vec<&Variable>)> {
    written_walk(children).map(|walk| (walk.template, walk.variables))
}

impl Compiler<'_> {
    /// Whether elements take the place of a variable wherever it occurs.
    pub(super) fn is_walked(&self, variable: &Variable) -> bool {
        self.walked
            .get(variable)
            .is_some_and(|walked| self.counts.get(variable) == Some(walked))
    }

    pub(super) fn walk_form(
        &mut self,
        call: Call<'_>,
        control: Control,
        signature: &Signature,
    ) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        let walk = Walk::of(control, &children[1..]).ok_or(Leave)?;
        let shared = self.shared_variables(&walk)?;
        // An element that contains its own variable is not put in its place.
        let mut in_list = false;
        walk.list
            .for_each_variable(|variable| in_list |= walk.variables.contains(&variable));
        // Nor does the template stay as it is where elements bind what else is in it.
        if control == Control::Fold {
            walk.template.for_each_variable(|variable| {
                let mut parts = [Some(walk.list), walk.initial].into_iter().flatten();
                in_list |= parts.any(|part| contains(part, variable));
            });
        }
        if in_list {
            return Err(Leave);
        }
        let within = counts_of(&[walk.template]);
        let is_shared = |variable: &Variable| shared.iter().any(|(known, _)| known == variable);
        let mut captured: Vec<(Variable, Slot)> = Vec::new();
        walk.template.for_each_variable(|variable| {
            if let Some(name) = self.names.get(variable)
                && !is_shared(variable)
                && !captured.iter().any(|(known, _)| known == variable)
                // One that a directive has there alone is another for each element.
                && !(name.fresh_in.is_some() && self.counts.get(variable) == within.get(variable))
            {
                captured.push((variable.clone(), name.slot));
            }
        });
        let mut checks = Vec::new();
        let found = self.application_type(children, signature, false, &mut checks)?;
        self.result_fits(&found, &signature.returns, expected)?;
        let mut uses = self.emit_checks(checks);
        for (_, slot) in &shared {
            let (slot, kind, odd) = (*slot, AtomKind::Variable, FAIL);
            let at = self.emit(Instruction::CheckKind { slot, kind, odd });
            uses.push((at, Place::Odd));
        }
        if !shared.is_empty() {
            let given = self.given_slots(&walk).ok_or(Leave)?;
            let given = given.into_iter().map(Check::Ground).collect();
            uses.extend(self.emit_checks(given));
        }
        for (variable, slot) in &captured {
            uses.extend(self.check_captured(&walk, variable, *slot));
        }
        let guard = match uses.is_empty() {
            true => None,
            false => Some(self.slow(uses, OddWhat::Source(atom.clone()), expected)?),
        };
        let over = self.emit(Instruction::Jump { to: FAIL });
        let start = self.here();
        let frame = self.walk_frame(&walk, children, &captured)?;
        let here = self.here();
        self.fill(over, Place::To, here);
        let zero = self.program.constant(Cell::small(0));
        let mut operands = vec![self.quoted(walk.list)?, Operand::constant(zero)];
        operands.push(match walk.initial {
            Some(initial) => self.quoted(initial)?,
            None => self.constant_value(&Atom::unit())?,
        });
        operands.extend(captured.iter().map(|(_, slot)| Operand::slot(*slot)));
        let operands = self.program.operands(&operands);
        let (value, _) = self.marked(&[], want, |this, inner| {
            this.emit_sized(Instruction::Walk {
                to: start,
                operands,
                size: 0,
                frame,
                mark: inner.mark.unwrap_or(Slot::MAX),
            });
            this.take(want)
        })?;
        self.resume(guard, value, want)
    }

    /// The slots of all variables in the list and the initial value; `None` if one has none yet.
    fn given_slots(&self, walk: &Walk<'_>) -> Option<Vec<Slot>> {
        let (mut slots, mut are_known) = (Vec::new(), true);
        for given in [Some(walk.list), walk.initial].into_iter().flatten() {
            given.for_each_variable(|variable| match self.names.get(variable) {
                Some(name) => slots.push(name.slot),
                None => are_known = false,
            });
        }
        are_known.then_some(slots)
    }

    /// Variables that the form binds anew for each element and that the rule has elsewhere too, with
    /// their slots: those that elements take the place of, and those that a `let` in the
    /// template binds. While they stand for nothing, and are not in what is gone through, they
    /// are as good as the form's own.
    fn shared_variables(&self, walk: &Walk<'_>) -> Compiled<Vec<(Variable, Slot)>> {
        let mut shared: Vec<(Variable, Slot)> = Vec::new();
        for variable in &walk.variables {
            match self.names.get(*variable) {
                Some(name) => shared.push(((*variable).clone(), name.slot)),
                None if self.is_walked(variable) => {}
                None => return Err(Leave),
            }
        }
        for variable in bound_by_let(walk.template) {
            if let Some(name) = self.names.get(&variable)
                && name.fresh_in.is_some()
                && !shared.iter().any(|(known, _)| *known == variable)
            {
                shared.push((variable, name.slot));
            }
        }
        Ok(shared)
    }

    /// Checks that what a variable of the template stands for is as good for each element: that there
    /// are no variables in it, which would be other ones each time, or that it is a function
    /// without a name that is but called, as those of its variables that nothing can bind are other
    /// ones at each call anyway.
    fn check_captured(
        &mut self,
        walk: &Walk<'_>,
        variable: &Variable,
        slot: Slot,
    ) -> Vec<(usize, Place)> {
        let ground = self.emit_checks(vec![Check::Ground(slot)]);
        if ground.is_empty() || !is_but_called(walk.template, variable) {
            return ground;
        }
        let Some(given) = self.given_slots(walk) else {
            return ground;
        };
        let over = self.emit(Instruction::Jump { to: FAIL });
        let here = self.here();
        for (at, place) in ground {
            self.fill(at, place, here);
        }
        let (kind, odd) = (AtomKind::Lambda, FAIL);
        let at = self.emit(Instruction::CheckKind { slot, kind, odd });
        let mut uses = vec![(at, Place::Odd)];
        uses.extend(self.emit_checks(given.into_iter().map(Check::Ground).collect()));
        let here = self.here();
        self.fill(over, Place::To, here);
        uses
    }

    /// Writes the loop; how many slots its frame has.
    fn walk_frame(
        &mut self,
        walk: &Walk<'_>,
        children: &[Atom],
        captured: &[(Variable, Slot)],
    ) -> Compiled<Slot> {
        let start = self.here();
        // Its slots are others than those of the rule around it.
        let listed = self.program.listed.take();
        let done = self.walk_code(walk, children, captured, start);
        self.program.listed = listed;
        done
    }

    fn walk_code(
        &mut self,
        walk: &Walk<'_>,
        children: &[Atom],
        captured: &[(Variable, Slot)],
        start: Pc,
    ) -> Compiled<Slot> {
        let mut inner = Compiler::new(
            self.host,
            self.heap,
            self.program,
            CAPTURED + captured.len(),
        );
        inner.counts = self.counts.clone();
        inner.walked = self.walked.clone();
        inner.depth = self.depth;
        for (place, (variable, slot)) in captured.iter().enumerate() {
            let own = (CAPTURED + place) as Slot;
            inner.name_slot(variable, own);
            if self.calls.contains(slot) {
                inner.calls.insert(own);
            }
        }
        let entry = inner.defined.clone();
        let item = inner.target()?;
        // The place after it goes into the slot after.
        let next = inner.target()?;
        let outside = inner.names.clone();
        let (mut wrong, mut first) = (None, None);
        match walk.variables.as_slice() {
            [so_far, variable] => {
                inner.name_slot(so_far, SO_FAR);
                inner.name_slot(variable, item);
            }
            variables => inner.name_slot(variables[0], item),
        }
        inner.note_written(walk, item);
        inner.introduce(walk.template)?;
        let mark = if walk.control == Control::Fold {
            let mark = inner.target()?;
            inner.emit(Instruction::Mark { to: mark });
            Some(mark)
        } else {
            None
        };
        let at = inner.emit(Instruction::Item {
            to: item,
            folding: mark.is_some(),
            done: FAIL,
            odd: FAIL,
        });
        let count = captured.len();
        match walk.control {
            Control::Map => {
                if let Some(tree) = inner.is_mapped(walk.template)? {
                    first = Some(inner.emit(Instruction::CheckFirst { tree, odd: FAIL }));
                }
                let value = inner.instance(walk.template, at, Want::Own)?;
                inner.push_on(start, next, value, count)?;
            }
            Control::Filter => {
                let value = inner.instance(walk.template, at, Want::Own)?;
                inner.record_pending();
                let jump = inner.emit(Instruction::JumpUnless {
                    slot: value,
                    to: FAIL,
                    odd: FAIL,
                });
                wrong = Some((jump, value));
                inner.push_on(start, next, item, count)?;
                let here = inner.here();
                inner.fill(jump, Place::To, here);
                inner.go_on(start, next, SO_FAR, count);
            }
            _ => {
                let value = inner.value_or_error(walk.template, at, mark)?;
                inner.go_on(start, next, value, count);
            }
        }
        inner.names = outside;
        inner.defined = entry.clone();
        if let Some((jump, value)) = wrong {
            let here = inner.here();
            inner.fill(jump, Place::Odd, here);
            let call = inner.whole_form(walk, children)?;
            inner.emit(Instruction::NoTruth { call, value });
            inner.emit(Instruction::ReturnResult);
        }
        if let Some(first) = first {
            let here = inner.here();
            inner.fill(first, Place::Odd, here);
            let from = inner.whole_form(walk, children)?;
            inner.emit_sized(Instruction::Plain {
                from,
                expected: ANY,
                size: 0,
            });
            inner.emit(Instruction::ReturnResult);
        }
        inner.defined = entry;
        inner.seen.settled.clear();
        inner.seen.numbers.clear();
        inner.seen.kinds.clear();
        let here = inner.here();
        inner.fill(at, Place::Done, here);
        inner.walk_end(walk.control)?;
        inner.finish()?;
        Ok(inner.slots as Slot)
    }

    /// What becomes of a list that has been gone through.
    fn walk_end(&mut self, control: Control) -> Compiled<()> {
        if control == Control::Fold {
            self.settle(SO_FAR, ANY, Want::Tail)?;
            return Ok(());
        }
        let list = self.target()?;
        let at = self.emit(Instruction::List {
            to: list,
            from: SO_FAR,
            odd: FAIL,
        });
        if control == Control::Filter {
            // What was kept has not been evaluated yet.
            let here = self.here();
            self.fill(at, Place::Odd, here);
            self.settle(list, ANY, Want::Tail)?;
            return Ok(());
        }
        self.return_value(Operand::slot(list));
        let here = self.here();
        self.fill(at, Place::Odd, here);
        self.emit_sized(Instruction::PlainCall {
            from: list,
            expected: ANY,
            changed: Changed::Yes,
            size: 0,
        });
        self.emit(Instruction::ReturnResult);
        Ok(())
    }

    /// The form with the list it is for.
    fn whole_form(&mut self, walk: &Walk<'_>, children: &[Atom]) -> Compiled<Slot> {
        let list = Variable::new("list").renamed();
        self.name_slot(&list, LIST);
        let call = Atom::expression([
            children[0].clone(),
            Atom::Variable(list),
            Atom::Variable(walk.variables[0].clone()),
            walk.template.clone(),
        ]);
        let call = self.quoted(&call)?;
        self.in_slot(call)
    }

    pub(super) fn name_slot(&mut self, variable: &Variable, slot: Slot) {
        self.names.insert(
            variable.clone(),
            Name {
                slot,
                fresh_in: None,
            },
        );
    }

    fn push_on(&mut self, start: Pc, next: Slot, value: Slot, captured: usize) -> Compiled<()> {
        let to = self.target()?;
        self.emit(Instruction::Push {
            to,
            so_far: SO_FAR,
            value,
        });
        self.go_on(start, next, to, captured);
        Ok(())
    }

    /// Notes whether what a walk goes through, and begins with, is calls as they are written.
    fn note_written(&mut self, walk: &Walk<'_>, item: Slot) {
        let elements = walk.list.as_expression().unwrap_or_default();
        if (elements.iter()).any(|element| self.is_evaluated_to_other(element)) {
            self.calls.insert(item);
        }
        let mut initial = walk.initial.iter();
        if initial.any(|initial| self.is_evaluated_to_other(initial)) {
            self.calls.insert(SO_FAR);
        }
    }

    /// The next element.
    fn go_on(&mut self, start: Pc, next: Slot, so_far: Slot, captured: usize) {
        let at = self.emit(Instruction::Again {
            to: start,
            next,
            so_far,
            count: (CAPTURED + captured) as Slot,
            frame: 0,
        });
        self.sized.push(at);
    }

    /// Whether a list of such templates is evaluated element by element: its head's
    /// type is that of a value, and it is no instruction to be carried out first. What
    /// the type of the first depends on, if only the element tells.
    fn is_mapped(&mut self, template: &Atom) -> Compiled<Option<u32>> {
        let Atom::Expression(expression) = template else {
            return match template {
                Atom::Grounded(_) if template.as_operation().is_none() => Ok(None),
                _ => Err(Leave),
            };
        };
        let instruction = match expression.children().first() {
            Some(Atom::Symbol(head)) => is_instruction(head),
            Some(_) => false,
            None => true,
        };
        if instruction || template.is_error() || expression.is_evaluated() {
            return Err(Leave);
        }
        let mut checks = Vec::new();
        match self.static_type(template, &mut checks)? {
            Static::Known(found) if types::is_function(&found) => Err(Leave),
            Static::Tree(tree) => Ok(Some(tree)),
            // Only elements of some types make it well-typed.
            _ if !checks.is_empty() => self.tree(template).map(Some),
            Static::Known(_) | Static::Open(_) | Static::Any | Static::Atom => Ok(None),
            Static::Slot(_) => self.tree(template).map(Some),
        }
    }

    /// Evaluates the template for an element. One that is no value as an argument, as
    /// an error, goes into the template as it stands.
    fn instance(&mut self, template: &Atom, item: usize, want: Want) -> Compiled<Slot> {
        let source = OddWhat::Source(template.clone());
        let slow = self.slow(vec![(item, Place::Odd)], source, ANY)?;
        let value = self.evaluate(template, ANY, want)?;
        let value = self.resume(Some(slow), value, want)?;
        self.in_slot(value)
    }

    /// Evaluates a template whose errors are values.
    fn value_or_error(
        &mut self,
        template: &Atom,
        item: usize,
        mark: Option<Slot>,
    ) -> Compiled<Slot> {
        let slot = self.slot()?;
        self.caught(slot, mark, |this| {
            let from = this.instance(template, item, Want::Shared)?;
            Ok(Operand::slot(from))
        })?;
        Ok(slot)
    }
}
