//! Types of values, as far as they are found without asking the typing of atoms.

use super::Machine;
use crate::atom::{Atom, Grounded, known};
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, AtomKind, BOOL, NUMBER, TypeId};
use crate::fast::function::Elements;
use crate::fast::program::Program;
use crate::fast::types::{Argument, ArgumentKind, Arguments, SymbolType, ValueType};
use crate::space::TypedHeads;
use crate::types;

/// Longer expressions without a function type are not typed by their parts.
const TUPLE_MAX: usize = 8;

/// So far expressions with variables are looked into where they are made, as no type is noted of them.
const OPEN_LEVELS: u8 = 2;
/// Expressions whose type has no number are typed as atoms if they have no more parts.
const TYPED_CELLS: usize = 64;

/// An expression whose parts are being typed.
struct Level {
    cell: Cell,
    head: ValueType,
    /// Where the types of its arguments begin.
    from: usize,
}

impl Machine<'_> {
    /// Whether it is plain to see that two values have a type in common; one may be `alike` that leaves
    /// open what the other says.
    #[inline(never)]
    pub(super) fn may_have_one_type(&mut self, left: Cell, right: Cell, alike: bool) -> bool {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        if self.are_names_of_one_type(left, right) {
            return true;
        }
        for value in [left, right] {
            self.settle_if_data(value);
            self.look_up_head(value);
        }
        let (Some(a), Some(b)) = (self.type_class(left), self.type_class(right)) else {
            return false;
        };
        if a == Class::Typed && b == Class::Typed {
            let (Some(left), Some(right)) = (self.type_of(left), self.type_of(right)) else {
                return false;
            };
            return left == right || alike && self.program.value_types.are_known_alike(left, right);
        }
        a == Class::Unknown || b == Class::Unknown || a == b
    }

    /// Has what is known of the type of an expression's head, if that is a name, looked up lately.
    fn look_up_head(&mut self, value: Cell) {
        if value.is_exp() {
            let (first, count) = self.heap.elements(value.at());
            if count > 0
                && let Term::Sym(id) = self.heap.word(first).kind()
            {
                self.type_of_symbol(id);
            }
        }
    }

    /// Whether a value is an expression headed by a symbol without types, and no error.
    pub(super) fn is_tuple(&mut self, value: Cell) -> bool {
        let value = self.heap.deref(value);
        if !value.is_exp() || self.heap.header(value.at()).has(Header::ERROR) {
            return false;
        }
        let (first, count) = self.heap.elements(value.at());
        if count == 0 {
            return false;
        }
        match self.heap.deref(self.heap.word(first)).kind() {
            Term::Sym(id) => self.program.types_of_symbol(&self.heap, id).is_none(),
            _ => false,
        }
    }

    /// Looks at an expression that was handed on as it stands: most often it is data, which is
    /// noted of it.
    pub(super) fn settle_if_data(&mut self, value: Cell) {
        if value.is_exp() {
            let header = self.heap.header(value.at());
            if header.arity() > 0 && !header.has(Header::EVALUATED) {
                self.settles(value);
            }
        }
    }

    /// Whether two values are names that are plainly seen to have a type in common.
    #[inline(always)]
    pub(super) fn are_names_of_one_type(&mut self, left: Cell, right: Cell) -> bool {
        let (Term::Sym(a), Term::Sym(b)) = (left.kind(), right.kind()) else {
            return false;
        };
        if left == self.heap.empty || right == self.heap.empty {
            return false;
        }
        let (Some(a), Some(b)) = (self.type_of_symbol(a).0, self.type_of_symbol(b).0) else {
            return false;
        };
        let unknown = self.program.value_types.unknown();
        a == b || a == unknown || b == unknown
    }

    /// Whether the type noted in a value's header was just seen to be what is expected.
    #[inline(always)]
    pub(super) fn is_known_fit(&self, value: Cell, expected: TypeId) -> bool {
        value.is_exp() && (self.heap.noted_type(value.at()), expected) == self.fit
    }

    /// Forgets of data headed by a name that it is a result, if its type is not plain to see.
    pub(super) fn retype(&mut self, value: Cell) {
        if value.is_exp()
            && self.heap.header(value.at()).has(Header::EVALUATED)
            && !self.heap.is_error(value)
            && self.type_of(value).is_none()
        {
            self.heap.cells[value.at()] &= !Header::DATA;
        }
    }

    /// The type of the head of an expression, if such expressions have no types of
    /// their own.
    pub(super) fn type_of_head(&mut self, head: Cell) -> Option<ValueType> {
        match head.kind() {
            Term::Sym(id) => {
                let (found, types_calls) = self.type_of_symbol(id);
                found.filter(|_| !types_calls)
            }
            Term::Box(_) => match self.heap.box_of(head) {
                Atom::Grounded(Grounded::Operation(_)) => {
                    let typed = self.typed_heads().operations;
                    (!typed).then(|| self.type_of_leaf(head))?
                }
                Atom::Grounded(Grounded::Number(_) | Grounded::Text(_)) => {
                    self.type_of_value_head(head)
                }
                _ => None,
            },
            Term::Int(_) | Term::Flt(_) | Term::Bool(_) | Term::Char(_) => {
                self.type_of_value_head(head)
            }
            // Of what it gives nothing is known.
            Term::Exp(_) if self.typed_heads().expressions => None,
            Term::Exp(at) if self.heap.is_lambda(at) => Some(self.program.value_types.unknown()),
            Term::Exp(_) => {
                let unknown = self.program.value_types.unknown();
                self.is_call_of_unknown(head).then_some(unknown)
            }
            Term::Ref(_) => None,
        }
    }

    /// Whether nothing is known of the type of a call since nothing is of its head's, which may be
    /// such a call.
    fn is_call_of_unknown(&mut self, call: Cell) -> bool {
        let mut call = call;
        while call.is_exp() && self.heap.header(call.at()).arity() > 0 {
            let (first, _) = self.heap.elements(call.at());
            call = self.heap.deref(self.heap.word(first));
        }
        let Term::Sym(name) = call.kind() else {
            return false;
        };
        let (found, types_calls) = self.type_of_symbol(name);
        found == Some(self.program.value_types.unknown()) && !types_calls
    }

    fn type_of_value_head(&mut self, head: Cell) -> Option<ValueType> {
        if self.typed_heads().values {
            return None;
        }
        self.type_of_leaf(head)
    }

    /// Which expressions may have types that no `(: (name …) T)` gives them.
    pub(super) fn typed_heads(&mut self) -> TypedHeads {
        let types = &mut self.program.value_types;
        *types
            .typed_heads
            .get_or_insert_with(|| self.space.typed_heads())
    }

    /// The only type of a value; `None` where the typing of atoms has to be asked.
    /// Noted in headers, so that a part of a term is looked at once.
    pub(super) fn type_of(&mut self, cell: Cell) -> Option<ValueType> {
        let cell = self.heap.deref(cell);
        let found = self.type_of_near(cell);
        if found.is_none() && cell.is_exp() {
            return self.type_of_deep(cell);
        }
        found
    }

    /// As [`Machine::type_of`], of what is no reference, if no more than its elements is to be
    /// looked at.
    pub(super) fn type_of_near(&mut self, cell: Cell) -> Option<ValueType> {
        if !cell.is_exp() {
            return self.type_of_leaf(cell);
        }
        match self.known_type(cell) {
            None => self.type_of_shallow(cell),
            found => found,
        }
    }

    /// The type of an expression whose elements are leaves or have types that are noted.
    fn type_of_shallow(&mut self, cell: Cell) -> Option<ValueType> {
        const ELEMENTS_MAX: usize = 6;
        let (first, count) = self.heap.elements(cell.at());
        if count > ELEMENTS_MAX {
            return None;
        }
        let head = self.heap.deref(self.heap.word(first));
        let head = self.type_of_head(head)?;
        let unknown = self.program.value_types.unknown();
        if head == unknown {
            return Some(head);
        }
        let mut found = [Argument::new(unknown, ArgumentKind::Symbol); ELEMENTS_MAX];
        if self.heap.is_lambda(cell.at()) {
            let kept = Argument::new(unknown, ArgumentKind::Expression);
            let known = self.program.value_types.application(head, &[kept, kept])?;
            self.heap.note_type(cell.at(), known.0);
            return Some(known);
        }
        for (place, found) in found[..count].iter_mut().enumerate().skip(1) {
            let child = self.heap.deref(self.heap.word(first + place));
            let known = if child.is_exp() {
                self.known_type(child)?
            } else {
                self.type_of_leaf(child)?
            };
            *found = Argument::new(known, self.kind_of(child));
        }
        let known = self
            .program
            .value_types
            .application(head, &found[1..count])?;
        if self.heap.is_ground(cell) {
            self.heap.note_type(cell.at(), known.0);
        }
        Some(known)
    }

    fn type_of_deep(&mut self, cell: Cell) -> Option<ValueType> {
        let mut levels: Vec<Level> = Vec::new();
        let mut found: Vec<Argument> = Vec::new();
        let mut current = cell;
        loop {
            let mut done = match self.known_type(current) {
                Some(known) => Some(known),
                None => {
                    let (first, count) = self.heap.elements(current.at());
                    let head = self.heap.deref(self.heap.word(first));
                    let head_type = self.type_of_head(head)?;
                    let types = &self.program.value_types;
                    if head_type == types.unknown() {
                        Some(head_type)
                    } else if !types.is_function(head_type) && count > TUPLE_MAX {
                        return None;
                    } else {
                        levels.push(Level {
                            cell: current,
                            head: head_type,
                            from: found.len(),
                        });
                        None
                    }
                }
            };
            loop {
                if let Some(known) = done.take() {
                    if levels.is_empty() {
                        return Some(known);
                    }
                    found.push(Argument::new(known, ArgumentKind::Expression));
                }
                let level = levels.last().expect("a level is open or the type returned");
                let (first, count) = self.heap.elements(level.cell.at());
                let next = 1 + found.len() - level.from;
                if next < count {
                    let child = self.heap.deref(self.heap.word(first + next));
                    if child.is_exp() {
                        current = child;
                        break;
                    }
                    let leaf = self.type_of_leaf(child)?;
                    let kind = self.kind_of(child);
                    found.push(Argument::new(leaf, kind));
                    continue;
                }
                let level = levels.pop().expect("just seen");
                let arguments = &found[level.from..];
                let known = self
                    .program
                    .value_types
                    .application(level.head, arguments)?;
                found.truncate(level.from);
                if self.heap.is_ground(level.cell) {
                    self.heap.note_type(level.cell.at(), known.0);
                }
                done = Some(known);
            }
        }
    }

    /// Looks at data of which no type was noted as it was made, though its elements tell one. If
    /// these are of types that do not fit, it is no result: evaluating it again gives an error. So may
    /// that of a call with variables in it whose elements are not settled. One of elements that were kept as
    /// they are is a result.
    #[cold]
    #[inline(never)]
    pub(super) fn look_at_made(&mut self, made: Cell, elements: Elements) {
        let header = self.heap.header(made.at());
        if elements == Elements::Kept && !header.has(Header::DATA) {
            if !header.has(Header::ERROR) {
                self.heap.cells[made.at()] |= Header::EVALUATED;
            }
            return;
        }
        let is_result = if header.has(Header::DATA | Header::GROUND) {
            self.is_well_typed(made)
                && (elements != Elements::Unsettled && !self.has_list(made)
                    || !self.is_of_no_type(made))
        } else {
            elements != Elements::Unsettled && !self.is_shallowly_ill_typed(made)
        };
        if !is_result {
            self.heap.cells[made.at()] &= !Header::EVALUATED;
        }
    }

    /// Whether a value is an expression that is plainly seen to be ill-typed.
    pub(super) fn is_no_data(&mut self, value: Cell) -> bool {
        let value = self.heap.deref(value);
        value.is_exp() && !self.heap.is_error(value) && !self.is_well_typed(value)
    }

    /// Whether an element is a list that no name heads, the type of which is that of its elements.
    fn has_list(&self, cell: Cell) -> bool {
        let (first, count) = self.heap.elements(cell.at());
        (first + 1..first + count).any(|place| {
            let element = self.heap.deref(self.heap.word(place));
            element.is_exp() && self.heap.header(element.at()).arity() > 0 && {
                let head = self.heap.elements(element.at()).0;
                !self.heap.deref(self.heap.word(head)).is_symbol()
            }
        })
    }

    /// Whether a short expression whose type has no number is ill-typed.
    fn is_of_no_type(&mut self, cell: Cell) -> bool {
        if self.type_of(cell).is_some() || !self.heap.is_within(cell, TYPED_CELLS) {
            return false;
        }
        let atom = self.heap.export(cell);
        let found = types::typed(&self.space, &atom);
        !found.is_empty() && found.iter().all(|found| found.error().is_some())
    }

    /// Whether an expression is not plainly seen to be ill-typed.
    pub(super) fn is_well_typed(&mut self, cell: Cell) -> bool {
        self.type_of(cell).is_some() || !self.is_ill_typed(cell)
    }

    fn is_ill_typed(&mut self, cell: Cell) -> bool {
        self.is_ill_typed_by(cell, Machine::type_of)
    }

    /// As [`Machine::is_ill_typed`], if that is seen without looking far into elements of which no
    /// type is noted: those with variables may be long.
    fn is_shallowly_ill_typed(&mut self, cell: Cell) -> bool {
        self.is_ill_typed_by(cell, |this, element| this.type_within(element, OPEN_LEVELS))
    }

    /// The type of a value, if it shows within so many levels of expressions with variables.
    fn type_within(&mut self, cell: Cell, levels: u8) -> Option<ValueType> {
        if !cell.is_exp() || self.heap.is_ground(cell) {
            return self.type_of(cell);
        }
        let (first, count) = self.heap.elements(cell.at());
        let head = self.heap.deref(self.heap.word(first));
        let head = self.type_of_head(head)?;
        if head == self.program.value_types.unknown() {
            return Some(head);
        }
        if levels == 0 || count > TUPLE_MAX {
            return None;
        }
        let within = |this: &mut Self, element| this.type_within(element, levels - 1);
        let arguments = self.arguments_by(cell, within)?;
        self.program.value_types.application(head, &arguments)
    }

    /// Whether an expression is ill-typed, of whose elements the types are found so.
    fn is_ill_typed_by(
        &mut self,
        cell: Cell,
        type_of: impl Fn(&mut Self, Cell) -> Option<ValueType>,
    ) -> bool {
        let (first, _) = self.heap.elements(cell.at());
        let head = self.heap.deref(self.heap.word(first));
        let Some(head) = self.type_of_head(head) else {
            return false;
        };
        let arguments = self.arguments_by(cell, type_of);
        arguments.is_some_and(|found| self.program.value_types.is_ill_typed(head, &found))
    }

    /// The arguments of an expression, whose types are found so; `None` if one is not.
    fn arguments_by(
        &mut self,
        cell: Cell,
        type_of: impl Fn(&mut Self, Cell) -> Option<ValueType>,
    ) -> Option<Arguments> {
        let (first, count) = self.heap.elements(cell.at());
        let mut arguments = Arguments::new();
        for place in first + 1..first + count {
            let element = self.heap.deref(self.heap.word(place));
            let found = type_of(self, element)?;
            arguments.push(Argument::new(found, self.kind_of(element)));
        }
        Some(arguments)
    }

    /// The type of an expression that is noted, or needs no looking for.
    fn known_type(&self, cell: Cell) -> Option<ValueType> {
        let types = &self.program.value_types;
        if self.heap.header(cell.at()).arity() == 0 {
            return Some(types.unknown());
        }
        types.of_header(self.heap.noted_type(cell.at()))
    }

    fn type_of_leaf(&mut self, cell: Cell) -> Option<ValueType> {
        let numbers = &mut self.program.value_types;
        match cell.kind() {
            Term::Int(_) | Term::Flt(_) => Some(numbers.number()),
            Term::Bool(_) => Some(numbers.bool()),
            Term::Char(_) => Some(numbers.char()),
            Term::Ref(_) => Some(numbers.unknown()),
            Term::Sym(id) => self.type_of_symbol(id).0,
            Term::Box(_) => match self.heap.box_of(cell) {
                Atom::Grounded(Grounded::Number(_)) => Some(numbers.number()),
                Atom::Grounded(Grounded::Text(_)) => Some(numbers.string()),
                Atom::Grounded(Grounded::Operation(operation)) => numbers.of_operation(operation),
                Atom::Grounded(Grounded::State(state)) => numbers.of_state(state),
                _ => None,
            },
            Term::Exp(_) => unreachable!("no leaf"),
        }
    }

    /// The type of a symbol, and whether expressions with this head may have types of
    /// their own.
    #[inline(always)]
    fn type_of_symbol(&mut self, id: u32) -> SymbolType {
        match self.program.value_types.symbol(id) {
            Some(known) => known,
            None => self.find_type_of_symbol(id),
        }
    }

    #[inline(never)]
    fn find_type_of_symbol(&mut self, id: u32) -> SymbolType {
        let found = match self.program.types_of_symbol(&self.heap, id) {
            None => Some(self.program.value_types.unknown()),
            Some(found) => {
                let found = found.clone();
                self.program.value_types.number_of_several(&found)
            }
        };
        let atom = Atom::Symbol(self.heap.symbol_of(id));
        let known = (found, self.space.may_type_expression(&atom));
        self.program.value_types.note_symbol(id, known);
        known
    }

    /// Whether each of one or two values plainly evaluates to itself and is of its type.
    #[inline(never)]
    pub(super) fn are_plainly(&mut self, values: [Cell; 2], types: [TypeId; 2], count: u8) -> bool {
        self.is_plainly(values[0], types[0]) && (count == 1 || self.is_plainly(values[1], types[1]))
    }

    /// Whether a value plainly evaluates to itself and is of a type; a number is a small
    /// integer.
    #[inline(always)]
    pub(super) fn is_plainly(&mut self, value: Cell, expected: TypeId) -> bool {
        if expected == NUMBER {
            return value.is_int();
        }
        if expected == ANY {
            return self.heap.is_its_own(value);
        }
        if value.is_exp() && self.heap.is_its_own(value) {
            let noted = self.heap.noted_type(value.at());
            if let Some(found) = self.program.value_types.of_header(noted)
                && let Some(fits) = self.program.value_types.known_fit(found, expected)
            {
                return fits;
            }
        }
        self.is_plainly_of(value, expected)
    }

    #[inline(never)]
    fn is_plainly_of(&mut self, value: Cell, expected: TypeId) -> bool {
        let value = self.heap.deref(value);
        self.heap.is_its_own(value) && !value.is_ref() && self.has_type(value, expected)
    }

    /// Whether a value is an atom of a kind, and not `Empty`.
    #[inline(always)]
    pub(super) fn is_of_kind(&mut self, value: Cell, kind: AtomKind) -> bool {
        let is_grounded = !value.is_exp() && !value.is_symbol() && !value.is_ref();
        match kind {
            AtomKind::Expression => value.is_exp(),
            AtomKind::Symbol => value.is_symbol() && value != self.heap.empty,
            AtomKind::Grounded => is_grounded,
            AtomKind::NoName if value.is_exp() => {
                let header = self.heap.header(value.at());
                header.has(Header::GROUND | Header::DATA)
                    && !header.has(Header::ERROR)
                    && header.arity() > 0
                    && !self.program.may_head_a_call(&self.heap, value)
                    && !self.heap.is_lambda(value.at())
            }
            AtomKind::NoName => {
                is_grounded && (!value.is_box() || self.heap.box_of(value).as_operation().is_none())
            }
            AtomKind::Variable => value.is_ref(),
            AtomKind::Lambda => value.is_exp() && self.heap.is_lambda(value.at()),
            AtomKind::Called => {
                value.is_exp()
                    && self.heap.is_its_own(value)
                    && self.program.may_have_curried()
                    && self.type_of_head(value) == Some(self.program.value_types.unknown())
            }
            AtomKind::Own => self.heap.is_its_own(value),
            AtomKind::Argument => true,
            AtomKind::BoundArgument => !value.is_ref(),
        }
    }

    /// Whether a value is no expression of a function's type.
    pub(super) fn is_no_function(&mut self, value: Cell) -> bool {
        !value.is_exp()
            || self
                .type_of(value)
                .is_some_and(|found| !self.program.value_types.is_function(found))
    }

    /// Whether a value is evaluated where a type variable is all that is expected of it: a call of
    /// what returns a meta-type is not, as that is what the variable stands for then.
    pub(super) fn is_evaluated_as_argument(&mut self, value: Cell) -> bool {
        if !value.is_exp() || self.heap.header(value.at()).has(Header::EVALUATED) {
            return true;
        }
        let (first, count) = self.heap.elements(value.at());
        let head = (count > 0).then(|| self.heap.deref(self.heap.word(first)));
        if head.is_some_and(|head| head.is_exp() && self.is_no_function(head)) {
            return true;
        }
        let found = self.type_of(value);
        let types = &self.program.value_types;
        found.is_some_and(|found| {
            !types.is_several(found) && !types.atom(found).is_some_and(types::is_meta_type)
        })
    }

    pub(super) fn kind_of(&self, cell: Cell) -> ArgumentKind {
        match cell.kind() {
            Term::Sym(_) => ArgumentKind::Symbol,
            Term::Ref(_) => ArgumentKind::Variable,
            Term::Exp(_) => ArgumentKind::Expression,
            Term::Int(_) | Term::Flt(_) | Term::Bool(_) | Term::Char(_) | Term::Box(_) => {
                ArgumentKind::Grounded
            }
        }
    }

    /// What is quickly known of a value's type; `None` if it has to be evaluated first.
    pub(super) fn type_class(&mut self, cell: Cell) -> Option<Class> {
        Some(match cell.kind() {
            Term::Int(_) | Term::Flt(_) => Class::Number,
            Term::Bool(_) => Class::Bool,
            Term::Char(_) => Class::Char,
            Term::Ref(_) => Class::Unknown,
            Term::Sym(_) if cell == self.heap.empty => return None,
            Term::Sym(id) => {
                if self.program.types_of_symbol(&self.heap, id).is_none() {
                    Class::Unknown
                } else {
                    Class::Typed
                }
            }
            Term::Box(_) => match self.heap.box_of(cell) {
                Atom::Grounded(crate::atom::Grounded::Text(_)) => Class::Text,
                Atom::Grounded(crate::atom::Grounded::Number(_)) => Class::Number,
                _ => Class::Typed,
            },
            Term::Exp(at) => {
                let (first, count) = self.heap.elements(at);
                if count == 0 {
                    return Some(Class::Unknown);
                }
                if !self.heap.header(at).has(Header::EVALUATED)
                    || self.heap.header(at).has(Header::ERROR)
                {
                    return None;
                }
                match self.heap.deref(self.heap.word(first)).kind() {
                    Term::Sym(id) if self.program.types_of_symbol(&self.heap, id).is_none() => {
                        Class::Unknown
                    }
                    _ => Class::Typed,
                }
            }
        })
    }

    /// Whether it is plain to see that the value may be used where this type is expected,
    /// also inside of an argument, where a value of the type `Atom` fits no other type.
    #[inline(never)]
    pub(super) fn has_type(&mut self, value: Cell, expected: TypeId) -> bool {
        if expected == ANY || value.is_ref() {
            return true;
        }
        if expected == NUMBER && self.heap.is_number(value) {
            return true;
        }
        if expected == BOOL && value.is_bool() {
            return true;
        }
        if let Some(found) = self.type_of(value) {
            let Program {
                value_types, types, ..
            } = &mut self.program;
            let fits = !value_types.is_atom(found)
                && value_types.fits(found, expected, &types[usize::from(expected)]);
            if fits && value.is_symbol() && value != self.heap.empty {
                self.name_fit = (value, expected);
            } else if fits {
                self.fit = (found.0, expected);
            }
            return fits;
        }
        let wanted = types::renamed(&self.program.types[usize::from(expected)]);
        let atom = self.heap.export(value);
        types::types_of(&self.space, &atom).iter().any(|actual| {
            let mut bindings = crate::unify::Bindings::new();
            !actual.is_symbol(&known().atom) && types::match_types(&wanted, actual, &mut bindings)
        })
    }
}

/// What is quickly known of a value's type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Unknown,
    Number,
    Bool,
    Char,
    Text,
    Typed,
}
