//! Evaluating values that may be calls, by code made for them or by the plain evaluator.

use std::ops::Range;
use std::rc::Rc;

use smallvec::{SmallVec, smallvec};

use super::call::TooDeep;
use super::shape::evaluated_again;
use super::{FUEL, HEIGHT, MATCHED, Machine, Next, Settled};
use crate::atom::{Atom, known};
use crate::evaluate::{Answer, Machine as Plain, Wanted};
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::choice::{Kind, Step, Way};
use crate::fast::code::{ANY, Of, Pc, Slot, TypeId};
use crate::fast::head::Head;
use crate::types;

impl Machine<'_> {
    /// Evaluates a value that may be a call; as a part of an expression, and as an argument.
    #[inline(never)]
    pub(super) fn settle(
        &mut self,
        value: Cell,
        expected: TypeId,
        (part, of): (bool, Of),
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Settled {
        let value = self.heap.deref(value);
        if of == Of::Argument
            && self.is_result_bound_since(value)
            && let Some(ways) = self.ill_typed(value)
        {
            return Settled::Next(self.ways(ways, pc, base, size));
        }
        if self.heap.take_remade(value) {
            let again = self.typed_again(value, expected);
            let again = again.filter(|_| of == Of::Result);
            return match again {
                Some(again) => Settled::Next(self.plain(again, expected, pc, base, size)),
                None => Settled::Value(value),
            };
        }
        if self.stands(value, expected, part) || of == Of::Part && self.heap.is_error(value) {
            return Settled::Value(value);
        }
        if !value.is_exp() || self.gives_none(value) {
            return Settled::Next(self.plain(value, expected, pc, base, size));
        }
        if of == Of::Argument
            && let Some(ways) = self.ill_typed(value)
        {
            return Settled::Next(self.ways(ways, pc, base, size));
        }
        self.fuel = self.fuel.saturating_sub(1).max(1);
        if of == Of::Result && self.runs_on(value) {
            let next = self.ask_plain(Ask::Result, value, expected, pc, base, size);
            return Settled::Next(next);
        }
        // What has no variables was looked at whole.
        if !self.heap.is_ground(value)
            && let Some(data) = self.settled_copy(value)
        {
            return Settled::Value(data);
        }
        if let Some((function, first, count)) = self.callable(value, expected) {
            let above = self.above(base, size);
            self.stack.reserve(above + 2 + count);
            self.give_elements(first, count, above + 2);
            let height = self.choices.len() as u64;
            return match self.enter(function, above, pc, base, height) {
                Next::At(pc, base) => Settled::Called(pc, base),
                Next::Fail => Settled::Next(Next::Fail),
            };
        }
        if let Some(next) = self.elements_of(value, expected, pc, base, size) {
            return Settled::Next(next);
        }
        match self.compiled(value, expected) {
            Some(expression) => self.enter_expression((expression, value), pc, base, size),
            None => Settled::Next(self.plain(value, expected, pc, base, size)),
        }
    }

    /// As [`Machine::settle`], of no argument: its value is the result with which it goes on at `pc`.
    pub(super) fn settle_as_result(
        &mut self,
        value: Cell,
        part: bool,
        expected: TypeId,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Next {
        match self.settle(value, expected, (part, Of::Element), pc, base, size) {
            Settled::Value(value) if value == self.heap.empty => Next::Fail,
            Settled::Value(value) => {
                self.result = value;
                Next::At(pc, base)
            }
            Settled::Called(to, frame) => Next::At(to, frame),
            Settled::Next(next) => next,
        }
    }

    /// Begins a frame above another, which waits at `pc` for its result.
    pub(super) fn open_frame(&mut self, above: usize, frame: Slot, pc: Pc, base: usize) {
        self.stack.reserve(above + 2 + usize::from(frame));
        self.stack[above] = (u64::from(pc) << 32) | base as u64;
        self.stack[above + 1] = ((self.choices.len() as u64) << HEIGHT) | above as u64;
    }

    /// What is wrong with the types of an argument that is a call of something typed, or of an
    /// expression: what evaluating it would say is something else.
    fn ill_typed(&mut self, value: Cell) -> Option<Vec<Way>> {
        let (first, _) = self.heap.elements(value.at());
        let head = self.heap.deref(self.heap.word(first));
        let may_be = match head.kind() {
            // Nothing is wrong with a call of what is of no type.
            Term::Exp(_) => self.type_of_head(head) != Some(self.program.value_types.unknown()),
            Term::Sym(id) => !self.is_untyped(id) && self.type_of(value).is_none(),
            _ => self.type_of(value).is_none(),
        };
        if !may_be {
            return None;
        }
        let atom = self.heap.export(value);
        let found = types::typed(&self.space, &atom);
        let errors = found.iter().map(types::Typed::error);
        let way = |error: &Atom| Way {
            bindings: Vec::new(),
            atom: Some(error.clone()),
            step: None,
        };
        // One type that fits is enough.
        let ways: Option<Vec<Way>> = errors.map(|error| error.map(way)).collect();
        ways.filter(|ways| !ways.is_empty())
    }

    /// Whether a value is a result, of something typed or with such in it, of which a variable stands
    /// for something by now: that may be of another type than is wanted there. Large values are not
    /// looked through.
    fn is_result_bound_since(&self, value: Cell) -> bool {
        const LOOKED_AT: usize = 32;
        if !value.is_exp() {
            return false;
        }
        let header = self.heap.header(value.at());
        if !header.has(Header::EVALUATED)
            || header.has(Header::GROUND)
            || header.has(Header::OPEN)
            || header.has(Header::ERROR)
        {
            return false;
        }
        let mut pending: SmallVec<[Cell; 16]> = smallvec![value];
        let mut seen = 0;
        while let Some(part) = pending.pop() {
            if self.heap.header(part.at()).has(Header::GROUND) {
                continue;
            }
            let (first, count) = self.heap.elements(part.at());
            seen += count;
            if seen > LOOKED_AT {
                return false;
            }
            for at in first..first + count {
                let element = self.heap.word(at);
                if element.is_ref() && !self.heap.deref(element).is_ref() {
                    return true;
                }
                if element.is_exp() {
                    pending.push(element);
                }
            }
        }
        false
    }

    /// Evaluates a value and returns what it evaluates to: a call takes the place of
    /// the frame.
    #[inline(never)]
    pub(super) fn settle_last(
        &mut self,
        value: Cell,
        expected: TypeId,
        (part, of): (bool, Of),
        base: usize,
    ) -> Next {
        let pc = crate::fast::code::RETURN;
        if self.heap.take_remade(value) {
            return match self.typed_again(value, expected) {
                Some(again) => self.plain(again, expected, pc, base, 0),
                None => self.leave(value, base),
            };
        }
        // What a rule gives is an error however many parts it has.
        if self.stands(value, expected, part) || self.heap.is_error(value) {
            return self.leave(value, base);
        }
        if !value.is_exp() || self.gives_none(value) {
            return self.plain(value, expected, pc, base, 0);
        }
        self.fuel = self.fuel.saturating_sub(1).max(1);
        if of == Of::Result && self.runs_on(value) {
            return self.ask_plain(Ask::Result, value, expected, pc, base, 0);
        }
        // What has no variables was looked at whole.
        if !self.heap.is_ground(value)
            && let Some(data) = self.settled_copy(value)
        {
            return self.leave(data, base);
        }
        let Some((function, first, count)) = self.callable(value, expected) else {
            if let Some(next) = self.elements_of(value, expected, pc, base, 0) {
                return next;
            }
            return match self.compiled(value, expected) {
                Some(expression) => match self.enter_expression((expression, value), pc, base, 0) {
                    Settled::Called(to, frame) => Next::At(to, frame),
                    Settled::Value(value) => self.leave(value, base),
                    Settled::Next(next) => next,
                },
                None => self.plain(value, expected, pc, base, 0),
            };
        };
        let target = base.max(self.protected);
        self.stack.reserve(target + 2 + count);
        self.stack[target] = self.stack[base];
        self.stack[target + 1] = self.stack[base + 1] & !MATCHED;
        self.give_elements(first, count, target + 2);
        self.enter_last(function, count, target)
    }

    /// Data as it is evaluated again, if it is not of the type that is wanted where a rule hands it on.
    fn typed_again(&mut self, value: Cell, expected: TypeId) -> Option<Cell> {
        let is_fit = expected == ANY
            || types::is_meta_type(&self.program.types[usize::from(expected)])
            || self.is_known_fit(value, expected)
            || self.has_type(value, expected);
        (!is_fit).then(|| self.heap.not_evaluated(value))
    }

    /// Whether an argument of a call is `NotReducible`: given back by a rule, it says that the
    /// call has no result.
    fn gives_none(&self, value: Cell) -> bool {
        let (first, count) = self.heap.elements(value.at());
        let mut elements = (first..first + count).map(|at| self.heap.deref(self.heap.word(at)));
        elements.any(|element| element == self.heap.not_reducible)
    }

    /// Whether a rule's result is the body of a `function`, which runs before what it returns is
    /// evaluated.
    pub(super) fn runs_on(&self, value: Cell) -> bool {
        value.is_exp() && {
            let (first, count) = self.heap.elements(value.at());
            count == 2
                && self.heap.deref(self.heap.word(first)) == self.heap.function
                && self.heap.deref(self.heap.word(first + 1)).is_exp()
        }
    }

    /// Whether a value evaluates to itself and is of the type, `part` as a part of an
    /// expression.
    fn stands(&mut self, value: Cell, expected: TypeId, part: bool) -> bool {
        if value.is_ref() {
            return true;
        }
        if !value.is_exp() {
            return self.has_type(value, expected);
        }
        if self.heap.doubts.are_some() {
            self.look_at_doubts();
        }
        if self.heap.is_open(value) {
            return true;
        }
        let header = self.heap.header(value.at());
        let stays = part || header.has(Header::GROUND);
        header.has(Header::EVALUATED) && stays
            || header.has(Header::ERROR) && header.arity() == 3
            || header.arity() == 0
            || self.settles(value)
            || !part && self.is_kept_result(value)
    }

    /// Whether a value is a call of something typed that was evaluated, maybe with elements kept as
    /// they were, and none of its variables was bound since.
    fn is_kept_result(&mut self, value: Cell) -> bool {
        let header = self.heap.header(value.at());
        let is_open = !header.has(Header::GROUND) && !header.has(Header::ERROR);
        if !header.has(Header::EVALUATED) || !is_open {
            return false;
        }
        let (first, count) = self.heap.elements(value.at());
        let Term::Sym(id) = self.heap.deref(self.heap.word(first)).kind() else {
            return false;
        };
        let Some(Head::Typed(signature)) = self.program.known_head(id) else {
            return false;
        };
        let arity = signature.parameters.len();
        if arity + 1 != count {
            return false;
        }
        let mut elements = (first + 1..first + count).map(|at| self.heap.word(at));
        let are_results = signature.parameters.iter().all(|parameter| {
            let element = elements.next().expect("as many as parameters");
            let is_result = !element.is_exp() || {
                let header = self.heap.header(element.at());
                header.has(Header::EVALUATED) || header.arity() == 0
            };
            is_result || types::is_meta_type(parameter)
        });
        are_results && self.heap.is_unbound(value)
    }

    /// Puts elements of a value into slots, as what a call is given.
    fn give_elements(&mut self, first: usize, count: usize, to: usize) {
        for i in 0..count {
            let element = self.heap.word(first + i);
            self.heap.take_remade(element);
            self.stack[to + i] = element.0;
        }
    }

    /// Runs the code for a shape with the parts that were noted last.
    fn enter_expression(
        &mut self,
        (expression, value): (u32, Cell),
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Settled {
        let above = self.above(base, size);
        let temporary = &self.program.temporary[expression as usize];
        let (to, frame) = (temporary.pc, temporary.size);
        debug_assert_eq!(temporary.variables.len(), self.parts.len());
        self.open_frame(above, frame, pc, base);
        // Variables of an atom are told in the order in which a shape is written.
        for (slot, part) in self.parts.iter().enumerate() {
            self.heap.take_remade(*part);
            self.stack[above + 2 + slot] = part.0;
        }
        let needed = above + 2 + usize::from(frame);
        if self.stack.has_grown()
            && let Some(next) = self.beyond_bounds(TooDeep::Value(value), above, needed, base)
        {
            return Settled::Next(next);
        }
        if self.heap.cells.len() >= self.collect_at {
            self.collect(above, self.parts.len());
        }
        Settled::Called(to, above)
    }

    /// The function that a value is a call of, if its arguments need no evaluating;
    /// where they begin, and how many they are.
    fn callable(&mut self, value: Cell, expected: TypeId) -> Option<(u32, usize, usize)> {
        let (first, count) = self.heap.elements(value.at());
        let head = self.heap.deref(self.heap.word(first));
        let Term::Sym(id) = head.kind() else {
            return None;
        };
        // An element that is `Empty` ends the branch.
        if head == self.heap.empty {
            return None;
        }
        let function = if self.is_untyped(id) {
            for i in 1..count {
                let argument = self.heap.deref(self.heap.word(first + i));
                if !(argument.is_ref() || self.is_settled(argument)) {
                    return None;
                }
            }
            self.function_of(id, count - 1, expected)
        } else {
            self.typed_function(id, first..first + count, expected)?
        };
        Some((function, first + 1, count - 1))
    }

    /// Whether a ground expression evaluates to itself for all that is known
    /// now; notes it of every part that does.
    pub(in crate::fast) fn settles(&mut self, value: Cell) -> bool {
        if !self.heap.is_ground(value) {
            return false;
        }
        let mut pending: SmallVec<[(Cell, usize); 8]> = smallvec![(value, 0)];
        while let Some((cell, next)) = pending.pop() {
            let at = cell.at();
            let (first, count) = self.heap.elements(at);
            if next == 0 && !self.is_data_head_shallow(self.heap.word(first), count) {
                return false;
            }
            let mut place = next;
            let mut below = None;
            while place < count {
                let child = self.heap.word(first + place);
                place += 1;
                if child.is_exp() {
                    let header = self.heap.header(child.at());
                    if header.has(Header::ERROR) {
                        return false;
                    }
                    if header.has(Header::EVALUATED) {
                        continue;
                    }
                    if header.arity() == 0 {
                        continue;
                    }
                    below = Some(child);
                    break;
                }
                if child == self.heap.empty {
                    return false;
                }
            }
            match below {
                Some(child) => {
                    pending.push((cell, place));
                    pending.push((child, 0));
                }
                None => self.heap.cells[at] |= Header::DATA,
            }
        }
        true
    }

    /// What an expression with variables evaluates to, if it and all its parts are data: the
    /// same, with what its variables stand for now.
    pub(super) fn settled_copy(&mut self, value: Cell) -> Option<Cell> {
        let data_heads = &mut self.program.data_heads;
        if let Some(copy) = self.heap.copy_flat(data_heads, value) {
            return Some(copy);
        }
        let (top, box_top) = (self.heap.top(), self.heap.boxes.len());
        if let Some(copy) = self.heap.copy_spine(data_heads, value) {
            return Some(copy);
        }
        self.heap.cut(top, box_top);
        let copy = self.copy_data(value);
        if copy.is_none() {
            self.heap.cut(top, box_top);
        }
        copy
    }

    fn copy_data(&mut self, value: Cell) -> Option<Cell> {
        // Copies that are open, the place in each of the next element, and the elements
        // that are left.
        let mut open: SmallVec<[(usize, usize, Range<usize>); 8]> = SmallVec::new();
        let mut current = value;
        loop {
            // An expression that was not looked at yet.
            let (first, count) = self.heap.elements(current.at());
            if !self.is_data_head_deep(self.heap.word(first), count) {
                return None;
            }
            let copy = self.heap.begin(count);
            self.heap.cells.resize(copy + 1 + count, 0);
            open.push((copy, copy + 1, first..first + count));
            loop {
                let (copy, to, elements) = open.last_mut().expect("one is open");
                let done = match elements.next() {
                    None => {
                        let copy = *copy;
                        open.pop();
                        let done = self.heap.finish(copy, Header::DATA);
                        if !self.heap.is_ground(done) {
                            self.heap.cells[copy] |= Header::OPEN;
                        }
                        done
                    }
                    Some(from) => {
                        let element = self.heap.deref(self.heap.word(from));
                        if element == self.heap.empty {
                            return None;
                        }
                        if element.is_exp() {
                            let header = self.heap.header(element.at());
                            if header.has(Header::ERROR) {
                                return None;
                            }
                            if !header.has(Header::EVALUATED) && header.arity() > 0 {
                                if !header.has(Header::GROUND) {
                                    current = element;
                                    break;
                                }
                                if !self.settles(element) {
                                    return None;
                                }
                            }
                        }
                        self.heap.cells[*to] = element.0;
                        *to += 1;
                        continue;
                    }
                };
                match open.last_mut() {
                    None => return Some(done),
                    Some((_, to, _)) => {
                        self.heap.cells[*to] = done.0;
                        *to += 1;
                    }
                }
            }
        }
    }

    /// Whether there may be a rule for expressions of `count` elements with this head, which is one.
    pub(super) fn is_ruled(&self, head: Cell, count: usize) -> bool {
        self.program.expression_rules.has(count) && self.program.may_head_a_call(&self.heap, head)
    }

    /// Whether expressions of `count` elements with this head are data, if their elements are:
    /// a head that is an expression may be a result, and yet something that is called.
    fn is_data_head_deep(&mut self, head: Cell, count: usize) -> bool {
        let (mut head, mut count) = (self.heap.deref(head), count);
        while head.is_exp() {
            let (first, arity) = self.heap.elements(head.at());
            let is_ruled = self.is_ruled(head, count);
            if is_ruled || arity == 0 {
                return !is_ruled;
            }
            (head, count) = (self.heap.deref(self.heap.word(first)), arity);
        }
        self.is_data_head(head, count)
    }

    /// Whether values stay as they are as elements of data and, if `count` is not zero, the first
    /// heads no expression of so many elements that is called.
    #[inline(never)]
    pub(super) fn stay(&mut self, values: &[Cell], count: u8) -> bool {
        if self.heap.doubts.are_some() {
            self.look_at_doubts();
        }
        let heap = &self.heap;
        let stays = |value: &Cell| {
            let value = heap.deref(*value);
            value.is_ref() || heap.is_its_own(value) || heap.is_open(value)
        };
        values.iter().all(stays)
            && (count == 0 || self.is_data_head_deep(values[0], usize::from(count)))
    }

    /// As [`Machine::is_data_head`], of an expression whose head is looked at next.
    pub(super) fn is_data_head_shallow(&mut self, head: Cell, count: usize) -> bool {
        if head.is_exp() {
            return !self.is_ruled(head, count) && !self.heap.is_lambda(head.at());
        }
        self.is_data_head(head, count)
    }

    /// Whether something that a variable of a template stands for is yet to be evaluated.
    pub(super) fn calls_within(&mut self, template: u32, base: usize) -> bool {
        let template = std::sync::Arc::clone(&self.program.templates[template as usize]);
        template.variables().iter().any(|(_, slot)| {
            let value = self.heap.deref(slot!(self, base, *slot));
            if !value.is_exp() || self.stands(value, ANY, true) {
                return false;
            }
            // Shapes of data with variables in it may be any number.
            let (first, count) = self.heap.elements(value.at());
            self.heap.is_ground(value) || !self.is_data_head_deep(self.heap.word(first), count)
        })
    }

    /// Evaluates a term by the plain evaluator.
    #[inline(never)]
    pub(super) fn plain(
        &mut self,
        value: Cell,
        expected: TypeId,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Next {
        self.ask_plain(Ask::Value, value, expected, pc, base, size)
    }

    /// Whether the first argument of a call stands for something.
    pub(super) fn is_first_bound(&self, call: Cell) -> bool {
        let call = self.heap.deref(call);
        call.is_exp() && {
            let (first, count) = self.heap.elements(call.at());
            count > 1 && !self.heap.deref(self.heap.word(first + 1)).is_ref()
        }
    }

    pub(super) fn ask_plain(
        &mut self,
        ask: Ask,
        value: Cell,
        expected: TypeId,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Next {
        self.hold_rows();
        let mut atom = self.heap.export(value);
        if matches!(ask, Ask::Value) && value.is_exp() && !self.heap.is_ground(value) {
            atom = evaluated_again(atom);
        }
        let wanted = match ask {
            Ask::CallAsAtom | Ask::ResultAsAtom | Ask::RuleAsAtom => {
                Wanted::Type(Atom::Symbol(known().atom.clone()))
            }
            Ask::Value | Ask::Call | Ask::Changed | Ask::Result | Ask::Rule | Ask::Step => {
                let wanted = types::renamed(&self.program.types[usize::from(expected)]);
                if self.program.is_stood_for(expected) {
                    Wanted::ByVariable(wanted)
                } else {
                    Wanted::Type(wanted)
                }
            }
        };
        self.meter.spent += u64::from(FUEL - self.fuel);
        self.fuel = FUEL;
        self.watch_outside();
        let budget = self.meter.rest();
        let proving = self.program.proving;
        let (with, tables) = ((&budget, proving), &mut self.plain_tables);
        let run = match ask {
            Ask::Value => Plain::run_ways(self.host, &self.space, &atom, wanted, with, tables),
            Ask::Call | Ask::CallAsAtom | Ask::Changed => {
                let call = (&atom, matches!(ask, Ask::Changed));
                Plain::run_call(self.host, &self.space, call, wanted, with, tables)
            }
            Ask::Result | Ask::ResultAsAtom => {
                Plain::run_result(self.host, &self.space, &atom, wanted, with, tables)
            }
            Ask::Rule | Ask::RuleAsAtom => {
                let wanted = Some(wanted);
                Plain::run_rule(self.host, &self.space, &atom, wanted, with, tables)
            }
            Ask::Step => Plain::run_rule(self.host, &self.space, &atom, None, with, tables),
        };
        self.meter.spent += run.reductions;
        let used = self.note_peak(base + usize::from(size));
        self.peak_bytes = self.peak_bytes.max(used + run.peak_bytes);
        self.refresh();
        self.is_odd = true;
        if run.exhausted {
            self.has_ended = true;
            self.results.extend(run.ways.into_iter().map(|way| Answer {
                atom: way.0,
                proof: None,
            }));
            self.choices.clear();
            self.asides.clear();
            return Next::Fail;
        }
        if self.is_over(base) {
            return Next::Fail;
        }
        let ways = run
            .ways
            .into_iter()
            .map(|(atom, bindings, proof)| Way {
                bindings,
                atom: Some(atom),
                step: proof.map(|proof| Step::Plain(Rc::new(proof))),
            })
            .collect();
        self.ways(ways, pc, base, size)
    }

    /// Goes on with each of these results.
    #[inline(never)]
    pub(super) fn ways(&mut self, ways: Vec<Way>, pc: Pc, base: usize, size: Slot) -> Next {
        match ways.len() {
            0 => return Next::Fail,
            1 => {}
            _ => {
                let ways: Rc<[Way]> = ways.into();
                let kind = Kind::Ways {
                    ways: Rc::clone(&ways),
                    next: 1,
                    pc,
                };
                self.choose(kind, base, base + 2 + usize::from(size));
                return if self.take_way(&ways[0]) {
                    Next::At(pc, base)
                } else {
                    Next::Fail
                };
            }
        }
        if self.take_way(&ways[0]) {
            Next::At(pc, base)
        } else {
            Next::Fail
        }
    }

    pub(super) fn take_way(&mut self, way: &Way) -> bool {
        for (variable, atom) in &way.bindings {
            let variable = self.heap.named_variable(variable);
            let value = self.heap.import(atom);
            if !self.heap.unify(variable, value) {
                return false;
            }
        }
        self.log.extend(way.step.clone());
        if let Some(atom) = &way.atom {
            self.result = self.heap.import(atom);
            self.collect_if_much();
        }
        true
    }
}

/// What the plain evaluator is asked.
#[derive(Clone, Copy)]
pub(super) enum Ask {
    /// To evaluate a value.
    Value,
    /// To make a call whose arguments are as its function wants them.
    Call,
    /// The same, of a function whose results are not evaluated.
    CallAsAtom,
    /// To make a call that is one since its elements were evaluated.
    Changed,
    /// To go on with what a rule gave.
    Result,
    /// The same, of a function whose results are not evaluated.
    ResultAsAtom,
    /// To go on with what a rule gave, of a pair of the call and that.
    Rule,
    /// The same, of a function whose results are not evaluated.
    RuleAsAtom,
    /// To go on with what a rule gave, as one step of the call.
    Step,
}
