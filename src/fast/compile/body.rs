//! Bodies of rules: evaluating an expression, and what becomes of its value.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::call::{Call, in_slots};
use super::{
    Bound, Catch, Compiled, Compiler, Handler, Inner, Leave, Name, Value, Want, is_large,
    is_whole_error,
};
use crate::atom::{Atom, Grounded, Variable, known};
use crate::evaluate::Control;
use crate::fast::block::Block;
use crate::fast::code::{ANY, FAIL, Instruction, NUMBER, Of, Operand, Pc, Slot, TypeId, Watched};
use crate::fast::function::Function;
use crate::fast::head::Head;
use crate::fast::program::Inline;
use crate::types;

/// How often each variable occurs.
pub(super) type Counts = HashMap<Variable, usize, FixedState>;

impl Compiler<'_> {
    /// Bounds the native stack that compiling takes.
    pub(super) fn deeper(&mut self) -> Compiled<()> {
        self.depth += 1;
        if self.depth > 200 {
            self.too_deep = true;
            return Err(Leave);
        }
        Ok(())
    }

    pub(super) fn constant(&mut self, atom: &Atom) -> Compiled<u32> {
        let cell = self.heap.constant(atom).ok_or(Leave)?;
        self.depend_on_heads(atom);
        Ok(self.program.constant(cell))
    }

    pub(super) fn constant_value(&mut self, atom: &Atom) -> Compiled<Value> {
        Ok(Operand::constant(self.constant(atom)?))
    }

    /// A body: instantiated, evaluated and returned.
    pub(super) fn body(&mut self, body: &Atom, expected: TypeId, bound: Bound) -> Compiled<()> {
        self.given = self.slots;
        self.introduce(body)?;
        self.as_met(body, |this| {
            match (bound, body) {
                // What a variable stands for stays a result, also where matching bound parts of it.
                (_, Atom::Variable(_)) | (Bound::Nothing, _) => {
                    this.template(body, expected, Want::Tail, Bound::Nothing)?
                }
                (Bound::Something, _) => this.evaluate(body, expected, Want::Tail)?,
            };
            Ok(())
        })?;
        self.finish()
    }

    /// What matching this pattern with an atom may bind in others than the template.
    pub(super) fn bound_by(&self, pattern: &Atom, template: &Atom) -> Bound {
        let Atom::Variable(variable) = pattern else {
            return Bound::Something;
        };
        let mut here = 1;
        template.for_each_occurrence(|other| here += usize::from(other == variable));
        let only_here = self.counts.get(variable) == Some(&here);
        if only_here || !self.names.contains_key(variable) {
            Bound::Nothing
        } else {
            Bound::Something
        }
    }

    pub(super) fn fresh(&mut self, variable: &Variable) -> Compiled<Slot> {
        let slot = self.target()?;
        self.emit(Instruction::Variable { to: slot });
        let fresh_in = Some(self.scope);
        self.name(variable, Name { slot, fresh_in });
        Ok(slot)
    }

    pub(super) fn return_value(&mut self, value: Value) {
        if self.watched {
            self.watch(Watched::Exit(value));
        }
        if value.is_constant() {
            let index = value.index() as u32;
            let found = self.program.constants[value.index()];
            let is_leaf = found.is_immediate() && found != self.heap.empty;
            let word = found.0;
            self.emit(match is_leaf {
                true => Instruction::ReturnLeaf { index, word },
                false => Instruction::ReturnConstant { index },
            });
        } else {
            let slot = value.index() as Slot;
            self.emit(Instruction::Return { slot });
            if let [.., record @ Instruction::Record { .. }, _] = &mut self.program.code[..]
                && let Instruction::Record { used } = *record
            {
                *record = Instruction::RecordReturn { slot, used };
            }
            // Data that is made for that needs no slot.
            if let [
                ..,
                Instruction::MakeOrCall { to, last, .. },
                Instruction::Take { .. },
                _,
            ] = &mut self.program.code[..]
                && *to == slot
            {
                *last = true;
            }
        }
    }

    /// Returns what was taken last.
    pub(super) fn return_result(&mut self) {
        if self.watched {
            self.watch(Watched::ExitResult);
        }
        self.emit(Instruction::ReturnResult);
    }

    pub(super) fn in_slot(&mut self, value: Value) -> Compiled<Slot> {
        if value.is_constant() {
            let to = self.target()?;
            self.emit(Instruction::Constant {
                to,
                index: value.index() as u32,
            });
            Ok(to)
        } else {
            Ok(value.index() as Slot)
        }
    }

    /// Hands on a value that is there.
    pub(super) fn give(&mut self, value: Value, want: Want) -> Value {
        if want == Want::Tail {
            self.return_value(value);
        }
        value
    }

    pub(super) fn build(&mut self, operands: &[Operand]) -> Compiled<Value> {
        let to = self.target()?;
        let operands = self.program.operands(operands);
        self.emit(Instruction::Build { to, operands });
        Ok(Operand::slot(to))
    }

    /// `atom` as it stands, with its variables' values.
    pub(super) fn quoted(&mut self, atom: &Atom) -> Compiled<Value> {
        self.deeper()?;
        let value = match atom {
            Atom::Variable(variable) => match self.names.get(variable) {
                Some(name) => Operand::slot(name.slot),
                None => match self.written.get(variable) {
                    Some(slot) => Operand::slot(*slot),
                    None => Operand::slot(self.fresh(variable)?),
                },
            },
            ground if ground.is_ground() => match self.constant_value(ground) {
                Ok(value) => value,
                Err(Leave) => {
                    let to = self.target()?;
                    self.program.atoms.push(ground.clone());
                    let index = (self.program.atoms.len() - 1) as u32;
                    self.emit(Instruction::Import { to, index });
                    Operand::slot(to)
                }
            },
            Atom::Expression(expression) => match self.block(atom)? {
                Some(value) => value,
                None => {
                    let mut operands = Vec::with_capacity(expression.children().len());
                    for child in expression.children() {
                        operands.push(self.quoted(child)?);
                    }
                    if expression.is_evaluated() && !atom.is_error() {
                        // What was a result stays one, whatever its variables stand for.
                        let operands = self.program.operands(&operands);
                        let to = self.target()?;
                        self.emit(Instruction::BuildResult { to, operands });
                        Operand::slot(to)
                    } else {
                        self.build(&operands)?
                    }
                }
            },
            // A text pattern: what it matches the plain evaluator knows.
            Atom::Symbol(_) | Atom::Grounded(_) => return Err(Leave),
        };
        self.depth -= 1;
        Ok(value)
    }

    /// An expression with variables in expressions inside it, as it stands, copied at once.
    /// `None` if it is none, it or a part of it was a result, or a head in it may turn out to be
    /// `Error`.
    fn block(&mut self, atom: &Atom) -> Compiled<Option<Value>> {
        let mut block = Block::new(atom.clone());
        let (mut count, mut pending) = (0, vec![atom]);
        while let Some(part) = pending.pop() {
            let Some([head, ..]) = part.as_expression().filter(|_| !part.is_ground()) else {
                continue;
            };
            count += 1;
            let is_result = matches!(part, Atom::Expression(part) if part.is_evaluated());
            if is_result || matches!(head, Atom::Variable(_)) {
                return Ok(None);
            }
            pending.extend(part.as_expression().unwrap_or_default());
        }
        if count < 2 {
            return Ok(None);
        }
        let mut values = Vec::new();
        let mut open = vec![(None, atom)];
        while let Some((place, part)) = open.pop() {
            let children = part.as_expression().unwrap_or_default();
            let at = block.open(children.len(), children[0].is_symbol(&known().error));
            if let Some(place) = place {
                block.put_inner(place, at);
            }
            for (number, child) in children.iter().enumerate() {
                let place = at + 1 + number;
                if child.is_ground() {
                    let Some(constant) = self.heap.constant(child) else {
                        return Ok(None);
                    };
                    block.put(place, constant);
                } else if matches!(child, Atom::Expression(_)) {
                    open.push((Some(place), child));
                } else {
                    values.push((place, child));
                }
            }
        }
        for (place, value) in values {
            let value = self.quoted(value)?;
            if value.is_constant() {
                return Err(Leave);
            }
            block.put_value(place, value.index() as Slot);
        }
        let to = self.target()?;
        self.program.blocks.push(block);
        let block = self.program.blocks.len() as u32 - 1;
        self.emit(Instruction::BuildBlock { to, block });
        Ok(Some(Operand::slot(to)))
    }

    /// As [`Compiler::quoted`], of what is evaluated next and most likely is data.
    pub(super) fn quoted_data(&mut self, atom: &Atom) -> Compiled<Value> {
        let Some(children) = atom.as_expression().filter(|_| !atom.is_ground()) else {
            return self.quoted(atom);
        };
        let function = match &children[0] {
            Atom::Variable(_) => Function::NONE,
            head @ Atom::Symbol(symbol) => {
                if !matches!(self.program.head(self.host, self.heap, head), Head::Untyped) {
                    return self.quoted(atom);
                }
                let symbol = self.heap.symbol(symbol);
                self.program.function(symbol, children.len() - 1, ANY)
            }
            _ => return self.quoted(atom),
        };
        self.deeper()?;
        let mut operands = Vec::with_capacity(children.len());
        for child in children {
            operands.push(self.quoted_data(child)?);
        }
        self.depth -= 1;
        let to = self.target()?;
        let named = usize::from(function != Function::NONE);
        let is_error = children[0].is_symbol(&known().error);
        let instruction = match in_slots(&operands[named..]) {
            Some(slots) if !is_error => Instruction::MakeNoted {
                to,
                function,
                slots,
                count: (operands.len() - named) as u8,
            },
            _ => Instruction::BuildNoted {
                to,
                operands: self.program.operands(&operands),
                function,
            },
        };
        self.emit(instruction);
        Ok(Operand::slot(to))
    }

    /// Evaluates `atom` with an expected type; leaves to the plain evaluator what
    /// cannot be compiled.
    pub(super) fn evaluate(
        &mut self,
        atom: &Atom,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let depth = self.depth;
        self.too_deep = false;
        match self.attempt(|this| this.compile(atom, expected, want)) {
            Some(value) => Ok(value),
            None if depth > 150 => Err(Leave),
            None if std::mem::take(&mut self.too_deep) => self.leave_deep(atom, expected, want),
            None => self.leave(atom, expected, want),
        }
    }

    /// Evaluates a `let` that is too deep here as a value, which has code of its own. Each such value
    /// is all that is deeper still: of calls within calls the plain evaluator makes less work.
    fn leave_deep(&mut self, atom: &Atom, expected: TypeId, want: Want) -> Compiled<Value> {
        let control = self.operation_of(atom).and_then(|(control, _)| control);
        let binds = matches!(
            control,
            Some(Control::Let | Control::LetAny | Control::LetStar)
        );
        if !binds || self.depth == 0 || self.program.proving || !self.walked.is_empty() {
            return self.leave(atom, expected, want);
        }
        let place = self.target()?;
        let from = self.instantiated(atom, place)?;
        self.settle(from, expected, want)
    }

    /// Compiles something; if that is left, all is as if it had not been tried.
    pub(super) fn attempt<T>(&mut self, inner: impl FnOnce(&mut Self) -> Compiled<T>) -> Option<T> {
        let at = self.here() as usize;
        let way = self.way();
        let (pending, met) = (self.pending.clone(), self.met.clone());
        let (slots, handler, depth) = (self.slots, self.handler, self.depth);
        let cases_twice = self.cases_twice;
        let (odd, sized, matched) = (self.odd.len(), self.sized.len(), self.matched.len());
        let uses: Vec<usize> = self
            .handlers
            .iter()
            .map(|handler| handler.uses.len())
            .collect();
        match inner(self) {
            Ok(value) => Some(value),
            Err(Leave) => {
                for pc in at..self.program.code.len() {
                    self.program.live.remove(&(pc as Pc + 1));
                }
                self.program.code.truncate(at);
                self.back(way);
                (self.pending, self.met) = (pending, met);
                (self.slots, self.handler, self.depth) = (slots, handler, depth);
                self.cases_twice = cases_twice;
                self.handlers.truncate(uses.len());
                for (handler, uses) in self.handlers.iter_mut().zip(uses) {
                    handler.uses.truncate(uses);
                }
                self.odd.truncate(odd);
                self.sized.truncate(sized);
                self.matched.truncate(matched);
                None
            }
        }
    }

    /// What a form goes on with, such as the body of a `let`: an error is its result
    /// however many parts it has, and `NotReducible` makes the form itself the result.
    /// What a variable stands for is evaluated again if it was not a result before, or if
    /// the form itself bound variables in it, as `bound` tells that it may have.
    pub(super) fn template(
        &mut self,
        atom: &Atom,
        expected: TypeId,
        want: Want,
        bound: Bound,
    ) -> Compiled<Value> {
        self.template_as(atom, expected, want, bound, Of::Result)
    }

    /// As [`Compiler::template`] of a `let`: what the rule was given stands in it as if it was
    /// written there, and so is no result.
    pub(super) fn let_template(
        &mut self,
        template: &Atom,
        want: Want,
        bound: Bound,
    ) -> Compiled<Value> {
        let is_given = |variable: &Variable| {
            let name = self.names.get(variable);
            name.is_some_and(|name| usize::from(name.slot) < self.given)
        };
        let of = match template {
            Atom::Variable(variable) if is_given(variable) => Of::Element,
            _ => Of::Result,
        };
        self.template_as(template, ANY, want, bound, of)
    }

    /// Whether a variable stands for something that the body itself took a value apart for.
    pub(super) fn is_own_value(&self, variable: &Variable) -> bool {
        let name = self.names.get(variable);
        name.is_some_and(|name| name.fresh_in.is_none() && usize::from(name.slot) >= self.given)
    }

    /// What a variable stands for may have changed since it was seen to be a result, as something was
    /// bound since.
    pub(super) fn forget_settled(&mut self, template: &Atom) {
        if let Atom::Variable(variable) = template
            && let Some(name) = self.names.get(variable)
        {
            self.seen.settled.remove(&name.slot);
        }
    }

    /// As [`Compiler::template`], of what goes on as an instruction: what a variable stands for
    /// is no result.
    pub(super) fn template_as(
        &mut self,
        atom: &Atom,
        expected: TypeId,
        want: Want,
        bound: Bound,
        of: Of,
    ) -> Compiled<Value> {
        if atom.is_symbol(&known().not_reducible) {
            return Err(Leave);
        }
        if atom.is_error() {
            return self.as_it_stands(atom, want);
        }
        if let Atom::Variable(variable) = atom
            && let Some(name) = self.names.get(variable)
            && name.fresh_in != Some(self.scope)
        {
            let slot = name.slot;
            let part = bound == Bound::Nothing;
            return self.settle_as(slot, expected, want, part, of);
        }
        self.evaluate(atom, expected, want)
    }

    /// A value that is not evaluated; an error goes to the handler.
    fn as_it_stands(&mut self, atom: &Atom, want: Want) -> Compiled<Value> {
        let value = self.quoted(atom)?;
        if !atom.is_error() || want == Want::Tail {
            return Ok(self.give(value, want));
        }
        let from = self.in_slot(value)?;
        self.emit(Instruction::Offer { from });
        self.take(want)
    }

    /// Evaluates an expression as it stands at run time.
    pub(super) fn leave(&mut self, atom: &Atom, expected: TypeId, want: Want) -> Compiled<Value> {
        // As the value of a form or a rule it means that there is none: what it is an
        // argument of goes to the plain evaluator.
        if atom.is_symbol(&known().not_reducible) {
            return Err(Leave);
        }
        if self.depth == 0 && want == Want::Tail {
            self.left = true;
        }
        let dynamic = matches!(atom.as_expression(), Some([Atom::Variable(_), ..]));
        if dynamic {
            self.left = false;
            let from = self.quoted_data(atom)?;
            if want == Want::Tail && self.returns_noted(from, expected) {
                return Ok(from);
            }
            let from = self.in_slot(from)?;
            return self.settle(from, expected, want);
        }
        // What elements take the place of is each form's own: a slot for it is not always filled
        // where another form has the same variable.
        let mut own: Vec<Variable> = Vec::new();
        atom.for_each_variable(|variable| {
            if self.is_walked(variable) && !self.names.contains_key(variable) {
                own.push(variable.clone());
            }
        });
        let from = self.quoted(atom)?;
        for variable in &own {
            self.names.remove(variable);
        }
        let from = self.in_slot(from)?;
        self.emit_sized(Instruction::Plain {
            from,
            expected,
            size: 0,
        });
        self.take(want)
    }

    /// Evaluates and returns what was made by the last instruction, in one, if that can be.
    pub(super) fn returns_noted(&mut self, made: Value, expected: TypeId) -> bool {
        let last = self.program.code.len() - 1;
        if !self.watched
            && !self.program.proving
            && expected == ANY
            && let Instruction::MakeNoted {
                to,
                function,
                slots,
                count,
            } = self.program.code[last]
            && made == Operand::slot(to)
        {
            let part = false;
            self.program.code[last] = Instruction::ReturnNoted {
                function,
                slots,
                count,
                part,
            };
            return true;
        }
        false
    }

    /// Takes the result of what was called last.
    pub(super) fn take(&mut self, want: Want) -> Compiled<Value> {
        if want == Want::Tail {
            self.return_result();
            return Ok(Operand::slot(0));
        }
        let to = self.target()?;
        let at = self.emit(Instruction::Take { to, on_error: FAIL });
        self.on_error(at);
        Ok(Operand::slot(to))
    }

    /// Evaluates what is written as a value: looked at as it stands, and compiled only then if it
    /// is no data.
    pub(super) fn looked_at(
        &mut self,
        atom: &Atom,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let value = self.quoted(atom)?;
        let slot = self.in_slot(value)?;
        self.settle(slot, expected, want)
    }

    /// Evaluates what a slot holds.
    pub(super) fn settle(&mut self, from: Slot, expected: TypeId, want: Want) -> Compiled<Value> {
        let of = match want {
            Want::Tail => Of::Result,
            Want::Own | Want::Shared => Of::Element,
        };
        self.settle_as(from, expected, want, want == Want::Own, of)
    }

    /// Evaluates a part of a list that an operation gave.
    pub(super) fn settle_element(&mut self, from: Slot, want: Want) -> Compiled<Value> {
        self.settle_as(from, ANY, want, want == Want::Own, Of::Part)
    }

    /// An argument that is evaluated: `Empty` and errors are values as they are written,
    /// or where a variable stands for one.
    pub(super) fn evaluate_argument(&mut self, atom: &Atom, expected: TypeId) -> Compiled<Value> {
        if atom.is_empty_symbol() || is_whole_error(atom) {
            return self.quoted(atom);
        }
        if let Atom::Variable(variable) = atom
            && let Some(name) = self.names.get(variable)
            && name.fresh_in != Some(self.scope)
        {
            let slot = name.slot;
            let settle =
                |this: &mut Self| this.settle_as(slot, expected, Want::Own, true, Of::Argument);
            return match self.unbound_at_first(slot) {
                Some(unbound) => self.unless_unbound(slot, unbound, Want::Own, settle),
                None => settle(self),
            };
        }
        self.evaluate(atom, expected, Want::Own)
    }

    pub(super) fn settle_as(
        &mut self,
        from: Slot,
        expected: TypeId,
        want: Want,
        part: bool,
        of: Of,
    ) -> Compiled<Value> {
        if self.seen.settled.contains(&from) && expected == ANY
            || self.seen.numbers.contains(&from) && (expected == NUMBER || expected == ANY)
            || self.seen.typed.contains(&(from, expected))
            || self.seen.settled.contains(&from) && self.is_met_as(from, expected)
        {
            return Ok(self.give(Operand::slot(from), want));
        }
        if want == Want::Tail && !self.watched {
            self.emit(Instruction::EvaluateLast {
                from,
                expected,
                part,
                of,
            });
            return Ok(Operand::slot(from));
        }
        let to = self.slot()?;
        self.emit_sized(Instruction::Evaluate {
            to,
            from,
            expected,
            part,
            of,
            size: 0,
        });
        self.define(to);
        let at = self.emit(Instruction::Take { to, on_error: FAIL });
        self.on_error(at);
        self.seen.settled.insert(to);
        Ok(self.give(Operand::slot(to), want))
    }

    /// The known types of a symbol or host value as a constant; whether one fits.
    pub(super) fn constant_fits(&mut self, atom: &Atom, expected: &Atom) -> Compiled<bool> {
        if types::is_undefined(expected) || expected.is_symbol(&known().atom) {
            return Ok(true);
        }
        let expected = types::renamed(expected);
        let found = types::types_of(&self.program.space, atom);
        Ok(found.iter().any(|actual| {
            let mut bindings = crate::unify::Bindings::new();
            types::match_types(&expected, actual, &mut bindings)
        }))
    }

    pub(super) fn compile(&mut self, atom: &Atom, expected: TypeId, want: Want) -> Compiled<Value> {
        self.deeper()?;
        let value = match atom {
            Atom::Variable(variable) => match self.names.get(variable) {
                // It stood for nothing when this part was instantiated.
                Some(name) if name.fresh_in == Some(self.scope) => {
                    let value = Operand::slot(name.slot);
                    self.give(value, want)
                }
                Some(name) => {
                    let slot = name.slot;
                    match self.unbound_at_first(slot) {
                        Some(unbound) => self.unless_unbound(slot, unbound, want, |this| {
                            this.settle(slot, expected, Want::Own)
                        })?,
                        None => self.settle(slot, expected, want)?,
                    }
                }
                None => {
                    let slot = self.fresh(variable)?;
                    self.give(Operand::slot(slot), want)
                }
            },
            Atom::Symbol(symbol) if *symbol == known().not_reducible => return Err(Leave),
            Atom::Symbol(symbol) if *symbol == known().empty => {
                self.emit(Instruction::Fail);
                // Never reached, but a value all the same.
                self.constant_value(&Atom::unit())?
            }
            Atom::Symbol(_) | Atom::Grounded(_) => {
                let wanted = self.program.types[usize::from(expected)].clone();
                if !self.constant_fits(atom, &wanted)? {
                    return Err(Leave);
                }
                let value = self.constant_value(atom)?;
                self.give(value, want)
            }
            Atom::Expression(expression) => {
                if expression.children().is_empty() {
                    let value = self.constant_value(atom)?;
                    self.give(value, want)
                } else if expected == ANY
                    && let Some(slot) = self.made_before(atom)
                {
                    self.give(Operand::slot(slot), want)
                } else if self.depth > 1 && atom.is_ground() && is_large(atom) {
                    // Most likely data.
                    self.looked_at(atom, expected, want)?
                } else if expression.is_evaluated() || (is_whole_error(atom)) {
                    self.as_it_stands(atom, want)?
                } else {
                    self.call(Call {
                        atom,
                        children: expression.children(),
                        expected,
                        want,
                    })?
                }
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    /// Whether evaluating may leave choices behind.
    pub(super) fn may_choose(&mut self, atom: &Atom) -> bool {
        self.may_choose_within(atom, 100)
    }

    pub(super) fn may_choose_within(&mut self, atom: &Atom, depth: usize) -> bool {
        let children = match atom {
            Atom::Variable(_) => return self.may_be_written(atom),
            atom => atom.as_expression().unwrap_or_default(),
        };
        let Some(head) = children.first() else {
            return false;
        };
        if self.made_before(atom).is_some() {
            return false;
        }
        if let Atom::Grounded(Grounded::Operation(operation)) = head
            && matches!(
                self.program.inline(operation),
                Some(
                    Inline::Arithmetic(_)
                        | Inline::Comparison(_)
                        | Inline::Logic(_)
                        | Inline::Not
                        | Inline::Equal
                        | Inline::Size
                )
            )
        {
            return depth == 0
                || children[1..]
                    .iter()
                    .any(|child| self.may_choose_within(child, depth - 1));
        }
        true
    }

    /// Evaluates a part that something is done with afterwards: while choices of
    /// its elements are left, its errors are set aside.
    pub(super) fn marked<T>(
        &mut self,
        elements: &[Atom],
        want: Want,
        inner: impl FnOnce(&mut Self, Inner) -> Compiled<T>,
    ) -> Compiled<(T, Option<Slot>)> {
        if want != Want::Own || !elements.iter().any(|element| self.may_choose(element)) {
            let mark = if want == Want::Shared {
                self.handlers[self.handler].mark
            } else {
                None
            };
            return Ok((inner(self, Inner { mark, want })?, None));
        }
        let mark = self.target()?;
        self.emit(Instruction::Mark { to: mark });
        let outer = self.handler;
        self.handlers.push(Handler {
            mark: Some(mark),
            outer,
            uses: Vec::new(),
            kind: Catch::Outer,
        });
        self.handler = self.handlers.len() - 1;
        let within = Inner {
            mark: Some(mark),
            want: Want::Shared,
        };
        let result = inner(self, within)?;
        self.handler = outer;
        Ok((result, Some(mark)))
    }
}

/// Adds the occurrences of variables in `atom`.
pub(super) fn counts_of(parts: &[&Atom]) -> Counts {
    let mut counts = Counts::default();
    for part in parts {
        count(part, &mut counts);
    }
    counts
}

pub(super) fn count(atom: &Atom, counts: &mut Counts) {
    atom.for_each_occurrence(|variable| *counts.entry(variable.clone()).or_insert(0) += 1);
}

pub(super) fn is_if(head: &Atom) -> bool {
    match head {
        Atom::Grounded(Grounded::Operation(operation)) => operation.control() == Some(Control::If),
        _ => head.as_symbol() == Some("if"),
    }
}

pub(super) fn is_superpose(head: &Atom) -> bool {
    match head {
        Atom::Grounded(Grounded::Operation(operation)) => operation.name() == "superpose",
        _ => head.as_symbol() == Some("superpose"),
    }
}

pub(super) fn is_let(head: &Atom) -> bool {
    match head {
        Atom::Grounded(Grounded::Operation(operation)) => {
            matches!(operation.control(), Some(Control::Let | Control::LetAny))
        }
        _ => head.as_symbol() == Some("let"),
    }
}
