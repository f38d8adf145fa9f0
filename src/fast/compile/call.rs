//! Calls of functions and of operations.

use std::sync::Arc;

use super::decide::is_applied;
use super::lambda::lambda_of;
use super::minimal::Ends;
use super::{Bound, Compiled, Compiler, Leave, OddWhat, Place, Static, Value, Want};
use crate::atom::{Atom, Grounded, known};
use crate::evaluate::{Control, is_instruction, substitute};
use crate::fast::code::{
    ANY, BOOL, FAIL, Instruction, Of, Operand, Pc, Quick, RETURN, Slot, TypeId, Watched,
};
use crate::fast::curried::{Groups, shape_of};
use crate::fast::function::{Elements, Function, State};
use crate::fast::head::{Head, Signature};
use crate::fast::program::Inline;
use crate::operation::Operation;
use crate::symbol::Symbol;
use crate::types;

/// A call that is being compiled, as what compiles it hands it on.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// As it is written: what is evaluated where instructions cannot go on.
    pub(super) atom: &'a Atom,
    /// Its head, then its arguments. Of a call of a call that is one function's, `((add 1) 2)`, all
    /// of these in a row: `add 1 2`.
    pub(super) children: &'a [Atom],
    /// The type that its value has to have.
    pub(super) expected: TypeId,
    pub(super) want: Want,
}

impl Compiler<'_> {
    pub(super) fn call(&mut self, call: Call<'_>) -> Compiled<Value> {
        let head = (self.program).head_of_call(self.host, self.heap, call.children);
        if self.types_change && matches!(head, Head::Untyped | Head::Typed(_)) {
            return self.call_if_types(call);
        }
        match head {
            Head::Complex => self.complex_call(call),
            Head::Untyped => self.untyped_call(call),
            Head::Typed(signature)
                if is_applied(&signature) || self.is_open_curried(call.children, &signature) =>
            {
                self.decided(call, &signature)
            }
            Head::Typed(signature) => self.typed_call(call, &signature),
            Head::Operation(operation, signature) => {
                let value = self.operation_call(call, &operation, &signature);
                self.types_change |= changes_types(&operation, call.children);
                value
            }
        }
    }

    /// A call behind what may have changed types: as it is typed now, if they are the same by then;
    /// else as a value, for which there is other code.
    fn call_if_types(&mut self, call: Call<'_>) -> Compiled<Value> {
        let (since, odd) = (self.program.types_epoch, FAIL);
        let at = self.emit(Instruction::IfTypes { since, odd });
        let value = OddWhat::Value(call.atom.clone(), call.want == Want::Own);
        let slow = self.slow(vec![(at, Place::Odd)], value, call.expected)?;
        self.types_change = false;
        let value = self.call(call);
        self.types_change = true;
        self.resume(Some(slow), value?, call.want)
    }

    /// A call whose head tells no one type: an instruction, an operation without a type, a variable,
    /// an expression, a name of several types.
    fn complex_call(&mut self, call: Call<'_>) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        match children {
            [Atom::Symbol(symbol), left, right, then, otherwise] if *symbol == known().unify => {
                self.unify_form(atom, [left, right, then, otherwise], want)
            }
            [Atom::Symbol(symbol), ..]
                if *symbol == known().cons_atom || *symbol == known().decons_atom =>
            {
                self.list_instruction(call)
            }
            [head @ Atom::Expression(_), ..]
                if expected != ANY && self.program.space.may_type_expression(head) =>
            {
                Err(Leave)
            }
            [head, ..] if lambda_of(head).is_some() => self.lambda_call(children, expected, want),
            [Atom::Variable(_), ..] => self.applied_as(call, None),
            [head @ Atom::Expression(_), ..] if self.program.may_be_ruled(head, children.len()) => {
                match self.attempt(|this| this.call_of_call(call)) {
                    Some(value) => Ok(value),
                    None if self.is_headed_by_ruled(children) => self.headed_by_call(call),
                    None => Err(Leave),
                }
            }
            [head @ Atom::Expression(_), ..] if self.gives_no_function(head) => {
                self.headed_by_call(call)
            }
            [Atom::Expression(head), ..] => match head.children() {
                [Atom::Variable(name), arguments @ ..] => {
                    self.headed_by_applied(call, (name, arguments.len()))
                }
                // Noted to be data when it is looked at first.
                _ if expected == ANY && self.is_literal(atom) => {
                    self.looked_at(atom, expected, want)
                }
                [] => Err(Leave),
                _ => self.headed_by_value(call),
            },
            [Atom::Symbol(symbol)] if *symbol == known().context_space && expected == ANY => {
                let space = Atom::space(self.program.space.clone());
                let value = self.constant_value(&space)?;
                Ok(self.give(value, want))
            }
            // What comes of it is evaluated, unless it is an instruction.
            [
                Atom::Symbol(symbol),
                Atom::Expression(nested),
                Atom::Variable(variable),
                template @ Atom::Expression(_),
            ] if *symbol == known().chain
                && matches!(nested.children(), [Atom::Symbol(head)] if *head == known().context_space)
                && !starts_with_instruction(template) =>
            {
                let space = Atom::space(self.program.space.clone());
                let template = substitute(template, variable, &space);
                self.part(|this| {
                    this.introduce(&template)?;
                    this.template(&template, ANY, want, Bound::Something)
                })
            }
            [Atom::Symbol(symbol), _, _, _] if *symbol == known().chain => {
                self.result_fits(&Static::Any, &types::undefined(), expected)?;
                self.steps_form(atom, Ends::Value(ANY), want)
            }
            [Atom::Symbol(symbol), called] if *symbol == known().eval && expected == ANY => {
                match self.attempt(|this| this.eval_form(atom, called, want)) {
                    Some(value) => Ok(value),
                    None => self.steps_form(atom, Ends::Atom, want),
                }
            }
            [Atom::Symbol(symbol), _, _] if *symbol == known().evalc && expected == ANY => {
                self.steps_form(atom, Ends::Atom, want)
            }
            [Atom::Symbol(symbol), whole, wanted, space]
                if *symbol == known().metta && expected == ANY =>
            {
                self.metta_form((whole, wanted, space), want)
            }
            [Atom::Grounded(Grounded::Operation(operation)), ..]
                if types::is_undefined(operation.type_atom()) && operation.control().is_none() =>
            {
                let (value, mark) = self.marked(&children[1..], want, |this, _| {
                    let mut operands = Vec::with_capacity(children.len());
                    for child in &children[1..] {
                        operands.push(this.evaluate(child, ANY, Want::Own)?);
                    }
                    let signature = Signature {
                        parameters: Vec::new(),
                        returns: this.program.types[usize::from(expected)].clone(),
                    };
                    let written = this.as_written(&children[1..], &operands);
                    this.operate(operation, &signature, &operands, written, want)
                })?;
                self.exit(mark);
                Ok(value)
            }
            [Atom::Symbol(_), ..] => match self.signature_for(children, Some(expected)) {
                Ok((signature, true)) => self.typed_call(call, &signature),
                Ok((signature, false)) => {
                    match self.attempt(|this| this.decided_of_several(call)) {
                        Some(value) => Ok(value),
                        None => self.typed_call(call, &signature),
                    }
                }
                Err(Leave) => self.decided_of_several(call),
            },
            _ => Err(Leave),
        }
    }

    /// A call of what has no type: of a function by its rules, or data.
    pub(super) fn untyped_call(&mut self, call: Call<'_>) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        if expected == ANY
            && let Some(heads) = self.heads_of_constant(atom)
        {
            return self.constant_data(call, &heads);
        }
        self.doubt_remade(children, expected);
        let checks = self.kept_apart(children)?;
        let guard = self.guard(atom, checks, expected)?;
        if expected == ANY
            && want == Want::Tail
            && let Some(function) = self.grows(children)
        {
            let noted = self.note_new(children)?;
            let grown = self.grown(function, children, |this, _, child, want| {
                this.evaluate(child, ANY, want)
            });
            self.unbound.truncate(noted);
            return grown;
        }
        let noted = self.note_unbound(children)?;
        let marked = self.marked(&children[1..], want, |this, inner| {
            let quick = match children[0] {
                Atom::Symbol(_) if !children[0].is_empty_symbol() => {
                    this.quick_arguments(&children[1..], want)
                }
                _ => None,
            };
            let quick = quick.map(|arguments| {
                // Another takes its place when more is known.
                let to = this.here() + 1;
                (this.emit(Instruction::Jump { to }), arguments)
            });
            let before = this.defined.clone();
            let mut operands = Vec::with_capacity(children.len());
            for child in children {
                operands.push(this.evaluate(child, ANY, Want::Own)?);
            }
            if quick.is_some() {
                // Nothing but the call uses what arguments were evaluated to.
                this.defined = before;
            }
            match &children[0] {
                Atom::Symbol(symbol) => {
                    let symbol = this.heap.symbol(symbol);
                    let elements = this.elements_of(&children[1..], None);
                    this.call_symbol(
                        symbol, operands, expected, want, inner.mark, elements, quick,
                    )
                }
                _ => {
                    let to = this.target()?;
                    let operands = this.program.operands(&operands);
                    this.emit(Instruction::BuildData { to, operands });
                    Ok(this.give(Operand::slot(to), want))
                }
            }
        });
        self.unbound.truncate(noted);
        let (value, mark) = marked?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    /// A call of an operation with this signature.
    fn operation_call(
        &mut self,
        call: Call<'_>,
        operation: &Arc<Operation>,
        signature: &Signature,
    ) -> Compiled<Value> {
        // A `function` that an operation hands on is run before it is evaluated.
        let hands_on = matches!(
            operation.control(),
            None | Some(Control::If | Control::Match)
        );
        if hands_on && call.children[1..].iter().any(has_function) {
            return Err(Leave);
        }
        if let Some(control) = operation.control() {
            return self.control(call, control, signature);
        }
        match self.program.inline(operation) {
            Some(Inline::Superpose) => self.superpose(call, operation, signature),
            Some(Inline::State(what)) => self.state_form(call, what, operation, signature),
            Some(inline) => {
                let mut each = |this: &mut Self| this.inlined(call, inline, operation, signature);
                let is_joined = matches!(inline, Inline::Logic(_) | Inline::Not | Inline::Equal)
                    && (call.expected == ANY || call.expected == BOOL);
                if is_joined
                    && let Some(value) = self.value_compared(call.atom, call.want, &mut each)?
                {
                    return Ok(value);
                }
                each(self)
            }
            None => self.typed(call, signature, |this, typed| {
                let operands = &typed.operands[1..];
                let written = this.as_written(&call.children[1..], operands);
                this.operate(operation, signature, operands, written, call.want)
            }),
        }
    }

    /// Whether it is a table as written, `((0 one) (1 two))`: lists of values of the host, names and
    /// lists of such, none headed by a name. No rule or type is for what such a head is.
    fn is_literal(&self, atom: &Atom) -> bool {
        if !atom.is_ground() {
            return false;
        }
        let mut pending = vec![atom];
        while let Some(list) = pending.pop() {
            let Some([head, rest @ ..]) = list.as_expression() else {
                return false;
            };
            let is_value = match head {
                Atom::Grounded(_) => head.as_operation().is_none(),
                Atom::Expression(parts) => !parts.children().is_empty(),
                Atom::Symbol(_) | Atom::Variable(_) => false,
            };
            if !is_value
                || self.program.has_rules_of_values(rest.len() + 1)
                || self.program.space.may_type_expression(head)
            {
                return false;
            }
            for part in std::iter::once(head).chain(rest) {
                match part {
                    Atom::Symbol(_) if part.is_empty_symbol() => return false,
                    Atom::Symbol(symbol) if *symbol == known().not_reducible => return false,
                    Atom::Variable(_) | Atom::Symbol(_) | Atom::Grounded(_) => {}
                    Atom::Expression(parts) if parts.children().is_empty() => {}
                    Atom::Expression(_) => pending.push(part),
                }
            }
        }
        true
    }

    /// A call of a function with this signature.
    fn typed_call(&mut self, call: Call<'_>, signature: &Signature) -> Compiled<Value> {
        let Call {
            children,
            expected,
            want,
            ..
        } = call;
        if let Some(value) = self.attempt(|this| this.form_by_rule(call, signature)) {
            return Ok(value);
        }
        self.typed(call, signature, |this, typed| {
            let Atom::Symbol(symbol) = &children[0] else {
                return Err(Leave);
            };
            let symbol = this.heap.symbol(symbol);
            if typed.returned == ANY {
                let (operands, mark) = (&typed.operands, typed.mark);
                let told =
                    this.told_by_values(children, signature, operands, expected, want, mark)?;
                if let Some(value) = told {
                    return Ok(value);
                }
            }
            let returns = match &signature.returns {
                Atom::Variable(_) => typed.returned,
                returns => this.result_type(returns),
            };
            this.call_symbol(
                symbol,
                typed.operands,
                returns,
                want,
                typed.mark,
                typed.elements,
                typed.quick,
            )
        })
    }

    /// A call of a call that there are rules for as one of their function, and what is known of that;
    /// `None` if what is called may be evaluated to something else.
    pub(super) fn flat_call(&mut self, children: &[Atom]) -> Option<(Vec<Atom>, Head)> {
        let flat = self.program.curried.flat(children)?;
        let (root, groups) = shape_of(children)?;
        let symbol = self.heap.symbol(root);
        if self.program.has_rules_of(symbol, usize::from(groups[0]))
            || self.program.space.may_type_expression(&children[0])
        {
            return None;
        }
        let head = self.program.head(self.host, self.heap, &flat[0]);
        Some((flat, head))
    }

    /// Whether it is the function for calls of calls, of types with variables in them: what a part of
    /// the calls tells of these is for those around it.
    pub(super) fn is_open_curried(&mut self, children: &[Atom], signature: &Signature) -> bool {
        let Atom::Symbol(symbol) = &children[0] else {
            return false;
        };
        let name = self.heap.symbol(symbol);
        let mut parts = signature.parameters.iter().chain([&signature.returns]);
        self.program.curried.is_name(name) && !parts.all(Atom::is_ground)
    }

    /// Whether it is a call of what calls of calls give that there are rules for, `(((curry +) $x) $y)`
    /// with rules for `((curry $f) $x)`, and there is none for as many calls as it is.
    fn is_headed_by_ruled(&mut self, children: &[Atom]) -> bool {
        if self.program.proving || self.watched || self.program.watched {
            return false;
        }
        let curried = &self.program.curried;
        let is_ruled = |(root, groups): (&Symbol, Groups)| curried.has_rules_within(root, &groups);
        shape_of(children).is_some_and(is_ruled)
            && curried.flat(children).is_none()
            && self.gives_no_function(&children[0])
    }

    /// A call of a call that there are rules for, `((add $x) $y)`, as one of the function that these
    /// are the rules of.
    fn call_of_call(&mut self, call: Call<'_>) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        if self.program.proving || self.watched || self.program.watched {
            return Err(Leave);
        }
        let (flat, head) = self.flat_call(children).ok_or(Leave)?;
        let (root, groups) = shape_of(children).ok_or(Leave)?;
        let inmost = usize::from(groups[0]);
        let symbol = self.heap.symbol(root);
        if matches!(head, Head::Complex) || self.program.curried.has_rules_within(root, &groups) {
            return Err(Leave);
        }
        self.program.look_at_rules(symbol, inmost);
        if let Atom::Symbol(name) = &flat[0] {
            let name = self.heap.symbol(name);
            self.program.look_at_rules(name, flat.len() - 1);
        }
        let mut checks = Vec::new();
        let within = &flat[1..flat.len() + 1 - children.len()];
        if within.iter().any(|part| part.as_expression().is_some()) {
            // What is wrong inside of an ill-typed head is told of the head.
            self.static_type(&children[0], &mut checks)?;
        }
        let guard = self.guard(atom, checks, expected)?;
        let value = self.call(Call {
            children: &flat,
            ..call
        })?;
        self.resume(guard, value, want)
    }

    pub(super) fn exit(&mut self, mark: Option<Slot>) {
        if let Some(mark) = mark {
            self.emit(Instruction::Exit { mark });
        }
    }

    /// The instruction that calls an operation, of operands that were `written` so; which place is
    /// the next instruction's where it is stuck is still to be filled in.
    pub(super) fn operate_on(
        &mut self,
        operation: u32,
        operands: &[Operand],
        written: Option<&[Operand]>,
    ) -> usize {
        let operands = self.program.operands(operands);
        if let Some(written) = written {
            self.program.operands(written);
        }
        self.emit_sized(Instruction::Operate {
            operation,
            operands,
            size: 0,
            stuck: FAIL,
            as_written: written.is_some(),
        })
    }

    /// A call of an operation of the host, as any.
    pub(super) fn operate(
        &mut self,
        operation: &Arc<Operation>,
        signature: &Signature,
        operands: &[Operand],
        written: Option<Vec<Operand>>,
        want: Want,
    ) -> Compiled<Value> {
        let returns = if signature.returns.is_symbol(&known().atom) {
            None
        } else {
            Some(self.result_type(&signature.returns))
        };
        let number = self
            .program
            .operation(operation, returns.unwrap_or(TypeId::MAX));
        let at = self.operate_on(number, operands, written.as_deref());
        match returns {
            None => {
                let stuck = self.stuck_place(want);
                self.fill(at, Place::Stuck, stuck);
                self.take(want)
            }
            Some(returns) => {
                // A result is evaluated further, but not a call that is data.
                let value = self.take(Want::Own)?;
                let from = value.index() as Slot;
                let to = self.slot()?;
                self.emit_sized(Instruction::Evaluate {
                    to,
                    from,
                    expected: returns,
                    part: false,
                    of: Of::Result,
                    size: 0,
                });
                self.define(to);
                let stuck = self.stuck_place(want);
                self.fill(at, Place::Stuck, stuck);
                let take = self.emit(Instruction::Take { to, on_error: FAIL });
                self.on_error(take);
                Ok(self.give(Operand::slot(to), want))
            }
        }
    }

    /// Where is gone on with a call that an operation is not defined for.
    fn stuck_place(&self, want: Want) -> Pc {
        match want {
            Want::Tail => RETURN,
            Want::Own | Want::Shared => self.here(),
        }
    }

    /// Whether there are no rules for a function's calls.
    pub(super) fn is_data(&mut self, function: u32) -> bool {
        let Function {
            symbol,
            arity,
            state,
            ..
        } = self.program.functions[function as usize];
        let is_curried = self.program.curried.is_name(symbol);
        let version = self.program.rules_version(symbol, arity);
        let entry = &mut self.program.functions[function as usize];
        if state == State::DataBefore && entry.version != version {
            entry.state = State::Unknown;
        }
        let is_unknown = entry.state == State::Unknown;
        if is_unknown && !is_curried && !self.program.has_rules_of(symbol, arity) {
            self.program.functions[function as usize].version = version;
            let head = Atom::Symbol(self.heap.symbol_of(symbol));
            let head = self.program.head(self.host, self.heap, &head);
            self.program.note_data(function, &head);
        }
        matches!(
            self.program.functions[function as usize].state,
            State::Data | State::DataBefore
        )
    }

    /// Whether calls of a symbol without a type are data; what is compiled depends on it.
    pub(super) fn is_data_function(&mut self, symbol: u32, arity: usize) -> bool {
        let head = Atom::Symbol(self.heap.symbol_of(symbol));
        let head = self.program.head(self.host, self.heap, &head);
        let function = self.program.function(symbol, arity, ANY);
        let is_data = matches!(head, Head::Untyped) && self.is_data(function);
        if is_data || !self.program.ask_for_more_rules(symbol, arity, 0) {
            self.program.look_at_rules(symbol, arity);
        }
        is_data
    }

    /// Has code depend on the rules for all that a constant may be a call of: once it was seen to be
    /// data it is noted to be, and after rules have come or gone there is to be another.
    pub(super) fn depend_on_heads(&mut self, constant: &Atom) {
        let mut last = None;
        let mut pending = vec![constant];
        while let Some(atom) = pending.pop() {
            let Some([head, rest @ ..]) = atom.as_expression() else {
                continue;
            };
            if let Atom::Symbol(symbol) = head {
                let head = (self.heap.symbol(symbol), rest.len());
                if last.replace(head) != Some(head) {
                    self.program.look_at_rules(head.0, head.1);
                }
            }
            pending.push(head);
            pending.extend(rest);
        }
    }

    /// How many instructions there are from one to here, if they are not many.
    pub(super) fn distance(&self, from: usize) -> Option<u8> {
        u8::try_from(self.program.code.len() - from).ok()
    }

    /// Calls a function by its symbol, or makes data of it. `quick` are the arguments of
    /// which that is done without evaluating any, and the place for the instruction.
    #[expect(clippy::too_many_arguments, reason = "all that is known of a call")]
    pub(super) fn call_symbol(
        &mut self,
        symbol: u32,
        operands: Vec<Operand>,
        expected: TypeId,
        want: Want,
        mark: Option<Slot>,
        elements: Elements,
        quick: Option<(usize, [Quick; 3])>,
    ) -> Compiled<Value> {
        let arity = operands.len() - 1;
        let function = self.program.function(symbol, arity, expected);
        self.call_function(function, operands, want, mark, elements, quick)
    }

    /// Whether a function's signature has type variables in what it takes.
    fn is_polymorphic(&mut self, function: u32) -> bool {
        let symbol = self.program.functions[function as usize].symbol;
        let head = Atom::Symbol(self.heap.symbol_of(symbol));
        match self.program.head(self.host, self.heap, &head) {
            Head::Typed(signature) => signature.parameters.iter().any(|one| !one.is_ground()),
            Head::Untyped | Head::Operation(..) | Head::Complex => false,
        }
    }

    /// As [`Compiler::call_symbol`], of a function by its number.
    pub(super) fn call_function(
        &mut self,
        function: u32,
        mut operands: Vec<Operand>,
        want: Want,
        mark: Option<Slot>,
        elements: Elements,
        quick: Option<(usize, [Quick; 3])>,
    ) -> Compiled<Value> {
        let arity = operands.len() - 1;
        if self.is_data(function) {
            let to = self.slot()?;
            let known = self.program.function_of(function, elements);
            let function = if self.is_data(known) { known } else { function };
            let is_error = operands[0].is_constant()
                && self.program.constants[operands[0].index()] == self.heap.error;
            let in_place = in_slots(&operands[1..]);
            let quick = match quick {
                // With constants among its elements it is made as quickly.
                None if in_place.is_none() && !self.watched && !self.program.proving => {
                    let arguments = quick_operands(&operands[1..]);
                    arguments.map(|arguments| {
                        let to = self.here() + 1;
                        (self.emit(Instruction::Jump { to }), arguments)
                    })
                }
                quick => quick,
            };
            let instruction = match in_place {
                Some(slots) if !is_error => Instruction::MakeOrCall {
                    to,
                    function,
                    slots,
                    size: 0,
                    last: false,
                },
                _ => Instruction::BuildOrCall {
                    to,
                    operands: self.program.operands(&operands),
                    function,
                    size: 0,
                },
            };
            self.emit_sized(instruction);
            self.define(to);
            let at = self.emit(Instruction::Take { to, on_error: FAIL });
            self.on_error(at);
            if let Some((place, arguments)) = quick {
                let skip = self.distance(place);
                if let Some(skip) = skip
                    && !is_error
                {
                    self.program.code[place] = Instruction::TryMake {
                        to,
                        function,
                        arguments,
                        skip,
                    };
                }
            }
            return Ok(self.give(Operand::slot(to), want));
        }
        let function = match elements {
            Elements::Unsettled if self.is_polymorphic(function) => {
                self.program.function_of(function, elements)
            }
            Elements::Unsettled | Elements::Seen | Elements::Remade | Elements::Kept => function,
        };
        operands.remove(0);
        let in_place = in_slots(&operands);
        let four = four_slots(&operands);
        // Constants among the arguments are put into slots by the same instruction.
        let known = match (in_place, &quick) {
            (None, None) if !self.watched => quick_operands(&operands),
            _ => None,
        };
        if want == Want::Tail {
            let operands = self.program.operands(&operands);
            if self.watched {
                let last = self.watch(Watched::Last);
                let size = 0;
                self.emit_sized(Instruction::Call {
                    function,
                    operands,
                    size,
                });
                self.return_result();
                let here = self.here();
                self.fill(last, Place::To, here);
            }
            if let Some(arguments) = known {
                self.record_pending();
                self.emit(Instruction::TryCallLast {
                    function,
                    arguments,
                });
            }
            self.emit(match (in_place, four) {
                (Some(slots), _) => Instruction::CallSlotsLast { function, slots },
                (None, Some(slots)) => Instruction::CallFourLast { function, slots },
                (None, None) if arity == 0 && !self.watched => {
                    Instruction::CallLastBare { function, operands }
                }
                (None, None) => Instruction::CallLast { function, operands },
            });
            if let Some((place, arguments)) = quick {
                self.program.code[place] = Instruction::TryCallLast {
                    function,
                    arguments,
                };
            }
            return Ok(Operand::slot(0));
        }
        let size = 0;
        if let Some(arguments) = known {
            let at = self.emit(Instruction::TryCall {
                function,
                arguments,
                size,
                mark: mark.unwrap_or(Slot::MAX),
                skip: 2,
            });
            self.sized.push(at);
        }
        let instruction = match (in_place, four, mark) {
            (Some(slots), ..) => Instruction::CallSlots {
                function,
                slots,
                size,
                mark: mark.unwrap_or(Slot::MAX),
            },
            (None, _, Some(mark)) => Instruction::CallMarked {
                function,
                operands: self.program.operands(&operands),
                size,
                mark,
            },
            (None, Some(slots), None) => Instruction::CallFour {
                function,
                slots,
                size,
            },
            (None, None, None) => Instruction::Call {
                function,
                operands: self.program.operands(&operands),
                size,
            },
        };
        self.emit_sized(instruction);
        if let Some((place, arguments)) = quick
            && let Some(skip) = self.distance(place)
        {
            self.sized.push(place);
            self.program.code[place] = Instruction::TryCall {
                function,
                arguments,
                size,
                mark: mark.unwrap_or(Slot::MAX),
                skip,
            };
        }
        self.take(want)
    }
}

/// The slots that hold the operands of a short call, if all are in slots.
pub(super) fn in_slots(operands: &[Operand]) -> Option<[Slot; 3]> {
    let is_short = (1..=3).contains(&operands.len());
    if !is_short || operands.iter().any(|operand| operand.is_constant()) {
        return None;
    }
    let mut slots = [0; 3];
    for (slot, operand) in slots.iter_mut().zip(operands) {
        *slot = operand.index() as Slot;
    }
    Some(slots)
}

/// The slots that hold the operands of a call with four.
fn four_slots(operands: &[Operand]) -> Option<[Slot; 4]> {
    let operands: &[Operand; 4] = operands.try_into().ok()?;
    let are_slots = operands.iter().all(|operand| !operand.is_constant());
    are_slots.then(|| operands.map(|operand| operand.index() as Slot))
}

/// The operands of a short call, of which some are constants, as what is done with nothing.
fn quick_operands(operands: &[Operand]) -> Option<[Quick; 3]> {
    if !(1..=3).contains(&operands.len()) {
        return None;
    }
    let mut quick = [Quick::as_is(0); 3];
    for (argument, operand) in quick.iter_mut().zip(operands) {
        *argument = if operand.is_constant() {
            Quick::constant(operand.index() as u32)?
        } else {
            Quick::as_is(operand.index() as Slot)
        };
    }
    Some(quick)
}

/// Whether it is a call that adds a type to a space or removes one.
fn changes_types(operation: &Operation, call: &[Atom]) -> bool {
    const CHANGES: [&str; 3] = ["add-atom", "remove-atom", "add-reduct"];
    let is_type = |atom: &Atom| matches!(atom.as_expression(), Some([head, ..]) if head.is_symbol(&known().colon));
    CHANGES.contains(&operation.name()) && call.iter().any(is_type)
}

pub(super) fn starts_with_instruction(atom: &Atom) -> bool {
    matches!(atom.as_expression(), Some([Atom::Symbol(head), ..]) if is_instruction(head))
}

/// Whether it is a `function`, or a list with one.
pub(super) fn has_function(atom: &Atom) -> bool {
    let is_function = |atom: &Atom| matches!(atom.as_expression(), Some([head, ..]) if head.is_symbol(&known().function));
    let mut parts = atom.as_expression().unwrap_or_default().iter();
    is_function(atom) || parts.any(is_function)
}
