//! What is plainly seen of values: that they evaluate to themselves, that calls of them need
//! nothing evaluated before; and expressions made of such.

use crate::fast::applied::Applied;
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::code::{ANY, NUMBER, Quick, QuickKind, TypeId};
use crate::fast::function::{Function, State};
use crate::fast::head::Passing;
use crate::fast::heap::{Heap, TYPE_BITS};
use crate::fast::program::Program;
use crate::fast::site::LeafPlace;
use crate::fast::stack::{FRAME, place};
use crate::fast::types::{Argument, ArgumentKind, PACKED_MAX, ValueType, ValueTypes};

/// Ground, evaluated; and, turned round, no error.
pub(super) const PLAIN: u64 = Header::GROUND | Header::EVALUATED | Header::ERROR;
const EVALUATED: u64 = Header::EVALUATED | Header::GROUND;
/// What tells whether a value is handed on as it is.
const HANDED: u64 = PLAIN | Header::REMADE;

impl Heap {
    /// Whether a value is plainly seen to evaluate to itself, and to be of the type.
    #[inline(always)]
    pub(super) fn is_plain(&self, value: Cell, expected: TypeId) -> bool {
        if value.is_int() {
            expected == ANY || expected == NUMBER
        } else if value.is_exp() {
            self.cells[value.at()] & HANDED == EVALUATED
        } else if value.is_float() {
            expected == ANY || expected == NUMBER
        } else {
            expected == ANY && value.is_symbol() && value != self.empty
        }
    }

    /// Whether a value plainly evaluates to itself, also once more variables have values.
    #[inline(always)]
    pub(super) fn is_its_own(&self, value: Cell) -> bool {
        if value.is_exp() {
            self.cells[value.at()] & PLAIN == EVALUATED
        } else if value.is_ref() {
            self.is_its_own_bound(value)
        } else {
            value != self.empty
        }
    }

    /// As [`Heap::is_its_own`], of what is given to a call, for which nothing is to be noted of it.
    #[inline(always)]
    pub(super) fn is_given(&self, value: Cell) -> bool {
        if value.is_exp() {
            self.cells[value.at()] & HANDED == EVALUATED
        } else if value.is_ref() {
            self.is_given_bound(value)
        } else {
            value != self.empty
        }
    }

    #[inline(never)]
    fn is_given_bound(&self, value: Cell) -> bool {
        let value = self.deref(value);
        !value.is_ref() && self.is_given(value)
    }

    /// Whether it is data that is typed again where it is handed on, see [`Header::REMADE`]: only once.
    #[inline(always)]
    pub(super) fn take_remade(&mut self, value: Cell) -> bool {
        const REMADE: u64 = EVALUATED | Header::REMADE;
        let is_remade = value.is_exp() && self.cells[value.at()] & HANDED == REMADE;
        if is_remade {
            self.cells[value.at()] &= !Header::REMADE;
        }
        is_remade
    }

    /// Whether a value is none of a variable and plainly evaluates to itself.
    #[inline(always)]
    pub(super) fn is_settled(&self, value: Cell) -> bool {
        if value.is_exp() {
            self.cells[value.at()] & PLAIN == EVALUATED
        } else {
            !value.is_ref() && value != self.empty
        }
    }

    /// Whether a value plainly evaluates to itself and is of a type that was compared with its
    /// own lately; a number is a small integer.
    #[inline(always)]
    pub(super) fn is_known_as(
        &self,
        types: &ValueTypes,
        (fit, name_fit): ((u16, TypeId), (Cell, TypeId)),
        value: Cell,
        expected: TypeId,
    ) -> bool {
        if value.is_int() {
            return expected == ANY || expected == NUMBER;
        }
        if !value.is_exp() {
            return expected != NUMBER
                && value.is_symbol()
                && ((value, expected) == name_fit
                    || self.is_name_known_as(types, value, expected));
        }
        let header = self.cells[value.at()];
        if header & HANDED != EVALUATED || expected == NUMBER {
            return false;
        }
        let noted = self.noted_type(value.at());
        if expected == ANY || (noted, expected) == fit {
            return true;
        }
        let noted = types.of_header(noted);
        noted.and_then(|noted| types.known_fit(noted, expected)) == Some(true)
    }

    /// Whether a name plainly evaluates to itself and is of a type that was compared with its own lately.
    #[inline(never)]
    pub(super) fn is_name_known_as(
        &self,
        types: &ValueTypes,
        name: Cell,
        expected: TypeId,
    ) -> bool {
        match types.symbol_of_late(name.at() as u32) {
            Some((Some(found), _)) if name != self.empty && !types.is_atom(found) => {
                types.known_fit(found, expected) == Some(true)
            }
            _ => false,
        }
    }

    /// Whether an expression of so many elements that are data, this first, is plainly seen to be none
    /// that is called.
    #[inline(always)]
    pub(super) fn heads_data(&self, names: &mut Passing, head: Cell, count: u8) -> bool {
        if head.is_exp() {
            let header = self.header(head.at());
            return header.has(Header::DATA) && header.arity() > 0;
        }
        if head.is_symbol() {
            return names.get(head.at() as u32, usize::from(count)) == Some(true);
        }
        head.is_int() || head.is_bool()
    }

    #[inline(never)]
    fn is_its_own_bound(&self, value: Cell) -> bool {
        let value = self.deref(value);
        !value.is_ref() && self.is_its_own(value)
    }

    /// Whether a value is data, whose elements plainly evaluate to themselves as it does.
    #[inline(always)]
    pub(super) fn is_whole_data(&self, value: Cell) -> bool {
        const DATA: u64 = Header::DATA | Header::GROUND;
        if value.is_exp() {
            self.cells[value.at()] & (DATA | Header::ERROR | Header::REMADE) == DATA
        } else {
            value.is_ref() && self.is_whole_data_bound(value)
        }
    }

    #[cold]
    #[inline(never)]
    fn is_whole_data_bound(&self, value: Cell) -> bool {
        let value = self.follow(value);
        !value.is_ref() && self.is_whole_data(value)
    }

    /// The argument of a call that needs no evaluating for it.
    #[inline(always)]
    pub(super) fn quick(
        &self,
        program: &Program,
        frame: &[u64; FRAME],
        argument: Quick,
    ) -> Option<u64> {
        let word = frame[place(argument.slot())];
        match argument.kind() {
            QuickKind::AsIs => Some(word),
            QuickKind::Plain => {
                let value = Cell(word);
                if value.is_exp() {
                    let header = self.cells[value.at()];
                    (header & HANDED == EVALUATED || self.doubts.none(header)).then_some(word)
                } else if value.is_ref() {
                    self.quick_followed(value)
                } else {
                    (value != self.empty).then_some(word)
                }
            }
            QuickKind::Constant(index) => Some(program.constants[index as usize].0),
            QuickKind::Sum(added) => {
                let sum = (word as i64).checked_add(added << 3)?;
                Cell(word).is_int().then_some(sum as u64)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn quick_followed(&self, value: Cell) -> Option<u64> {
        let value = self.follow(value);
        let stays = value.is_ref() || self.is_given(value) || self.is_open(value);
        stays.then_some(value.0)
    }

    /// As [`Heap::quick`], of an element of what is made; what is not noted of it, is not of
    /// all.
    #[inline(always)]
    fn quick_noted(
        &self,
        program: &Program,
        frame: &[u64; FRAME],
        argument: Quick,
        all: &mut u64,
    ) -> Option<u64> {
        let word = frame[place(argument.slot())];
        let mut value = match argument.kind() {
            QuickKind::Plain => {
                let value = Cell(word);
                if value.is_exp() {
                    let header = self.cells[value.at()];
                    if header & PLAIN == EVALUATED {
                        return Some(word);
                    }
                    *all &= !Header::GROUND;
                    return self.doubts.none(header).then_some(word);
                } else if value.is_ref() {
                    let followed = Cell(self.quick_followed(value)?);
                    if !self.is_ground(followed) {
                        *all &= !Header::GROUND;
                    }
                    return Some(followed.0);
                }
                return (value != self.empty).then_some(word);
            }
            QuickKind::Sum(added) => {
                let sum = (word as i64).checked_add(added << 3)?;
                return Cell(word).is_int().then_some(sum as u64);
            }
            QuickKind::AsIs => Cell(word),
            QuickKind::Constant(index) => program.constants[index as usize],
        };
        self.note(&mut value, all);
        Some(value.0)
    }

    /// A call that no rule is for, of at most three arguments that need no evaluating for it;
    /// `None` where one does.
    #[inline(always)]
    pub(super) fn try_make(
        &mut self,
        program: &Program,
        frame: &[u64; FRAME],
        function: &Function,
        arguments: [Quick; 3],
    ) -> Option<Cell> {
        let name = Cell::symbol(function.symbol).0;
        let [a, b, c] = arguments;
        let mut all = EVALUATED;
        let a = self.quick_noted(program, frame, a, &mut all)?;
        let made = match function.arity {
            1 => self.put([data_header(2, all, function.open, function.whole), name, a]),
            2 => {
                let b = self.quick_noted(program, frame, b, &mut all)?;
                self.put([
                    data_header(3, all, function.open, function.whole),
                    name,
                    a,
                    b,
                ])
            }
            _ => {
                let b = self.quick_noted(program, frame, b, &mut all)?;
                let c = self.quick_noted(program, frame, c, &mut all)?;
                self.put([
                    data_header(4, all, function.open, function.whole),
                    name,
                    a,
                    b,
                    c,
                ])
            }
        };
        self.note_type_of_call(program, function, made);
        Some(made)
    }

    /// A call that no rule is for, of at most three evaluated arguments.
    #[inline(always)]
    pub(super) fn make_call(
        &mut self,
        program: &Program,
        function: &Function,
        values: [Cell; 3],
    ) -> Cell {
        let name = Cell::symbol(function.symbol).0;
        let [mut a, mut b, mut c] = values;
        let mut all = EVALUATED;
        self.note(&mut a, &mut all);
        let made = match function.arity {
            1 => self.put([
                data_header(2, all, function.open, function.whole),
                name,
                a.0,
            ]),
            2 => {
                self.note(&mut b, &mut all);
                self.put([
                    data_header(3, all, function.open, function.whole),
                    name,
                    a.0,
                    b.0,
                ])
            }
            _ => {
                self.note(&mut b, &mut all);
                self.note(&mut c, &mut all);
                self.put([
                    data_header(4, all, function.open, function.whole),
                    name,
                    a.0,
                    b.0,
                    c.0,
                ])
            }
        };
        self.note_type_of_call(program, function, made);
        made
    }

    /// Whether nothing of a call that no rule is for is to be looked at, as a type that its elements
    /// tell and that is not noted.
    #[inline(always)]
    pub(super) fn is_made(&self, function: &Function, made: Cell) -> bool {
        !function.types_elements || self.noted_type(made.at()) != 0
    }

    /// Notes the type of a call that no rule is for.
    #[inline(always)]
    fn note_type_of_call(&mut self, program: &Program, function: &Function, made: Cell) {
        if function.types_elements {
            self.note_type_of_made(program, function, made);
        } else {
            self.note_type_of_data(made, function.data_type);
        }
    }

    /// An expression of `count` elements that are at most three, before which the name of
    /// `function` comes, if there is one; that is not `Error`. It is noted to be data if its
    /// elements are, and its head no symbol or that name, for which there must be no rules.
    /// Also whether it is.
    #[inline(always)]
    pub(super) fn make_noted(
        &mut self,
        program: &Program,
        function: u32,
        values: [Cell; 3],
        count: u8,
    ) -> (Cell, bool) {
        let [mut a, mut b, mut c] = values;
        let mut all = PLAIN;
        if function == Function::NONE {
            self.note_head(&mut a, &mut all);
            if count > 1 {
                self.note(&mut b, &mut all);
            }
            if count > 2 {
                self.note(&mut c, &mut all);
            }
            let mut flags = all & Header::GROUND;
            let mut is_data = false;
            if program.is_data_by_head(a, usize::from(count)) {
                (flags, is_data) = noted_flags(all, Header::OPEN);
            }
            if a == self.error {
                flags |= Header::ERROR;
            }
            let header = Header::new(usize::from(count), flags).0;
            let made = match count {
                1 => self.put([header, a.0]),
                2 => self.put([header, a.0, b.0]),
                _ => self.put([header, a.0, b.0, c.0]),
            };
            return (made, is_data);
        }
        self.note(&mut a, &mut all);
        if count > 1 {
            self.note(&mut b, &mut all);
        }
        if count > 2 {
            self.note(&mut c, &mut all);
        }
        let entry = &program.functions[function as usize];
        let name = Cell::symbol(entry.symbol).0;
        let mut flags = all & Header::GROUND;
        let mut is_data = false;
        if entry.state == State::Data {
            (flags, is_data) = noted_flags(all, entry.open);
        }
        let header = Header::new(usize::from(count) + 1, flags).0;
        let made = match count {
            1 => self.put([header, name, a.0]),
            2 => self.put([header, name, a.0, b.0]),
            _ => self.put([header, name, a.0, b.0, c.0]),
        };
        (made, is_data)
    }

    /// Follows an element; what is not noted of it, as [`Heap::noted`], is not of all.
    #[inline(always)]
    pub(super) fn note(&self, element: &mut Cell, all: &mut u64) {
        if element.is_exp() {
            *all &= self.cells[element.at()] ^ Header::ERROR;
        } else if element.is_ref() {
            let noted;
            (*element, noted) = self.noted_followed(*element);
            *all &= noted;
        } else if *element == self.empty {
            *all &= !Header::ERROR;
        }
    }

    #[cold]
    #[inline(never)]
    fn noted_followed(&self, element: Cell) -> (Cell, u64) {
        let element = self.follow(element);
        (element, self.noted(element, false))
    }

    #[inline(always)]
    fn note_head(&self, head: &mut Cell, all: &mut u64) {
        if head.is_int() {
            return;
        }
        *head = self.deref(*head);
        *all &= self.noted(*head, true);
    }

    /// What is noted of an element: as [`PLAIN`].
    #[inline(always)]
    pub(super) fn noted(&self, element: Cell, is_head: bool) -> u64 {
        if element.is_exp() {
            let header = self.cells[element.at()];
            let header = if is_head {
                header | Header::EVALUATED
            } else {
                header
            };
            // Errors and `Empty` are results, but no parts of data.
            header ^ Header::ERROR
        } else if element.is_ref() {
            !Header::GROUND
        } else if element == self.empty {
            !Header::ERROR
        } else {
            !0
        }
    }

    /// Notes the type of data that was just made, if it depends on its elements and these
    /// have types that were met lately.
    #[inline(never)]
    pub(super) fn note_type_of_made(
        &mut self,
        program: &Program,
        function: &Function,
        made: Cell,
    ) -> Option<ValueType> {
        let at = made.at();
        if function.made != 0 && self.header(at).has(Header::DATA | Header::GROUND) {
            if self.is_plainly_made(program, function, at) {
                self.note_type(at, function.data_type);
                return Some(ValueType(function.data_type));
            }
            if let Some(known) = program.made_by(function)
                && self.are_of(program, at, &known.parts)
            {
                self.note_type(at, known.found.0);
                return Some(known.found);
            }
        }
        let arity = self.header(at).arity();
        let types = &program.value_types;
        let mut packed = match function.head_type {
            0 => {
                let (head, types_calls) = types.symbol_of_late(self.word(at + 1).at() as u32)?;
                head.filter(|_| !types_calls)?.packed()
            }
            known => ValueType(known).packed(),
        };
        if arity > PACKED_MAX {
            return None;
        }
        let element = |place| self.argument_of_late(program, self.word(place));
        // Mostly one or two: without a loop.
        if arity > 1 {
            packed = element(at + 2)?.packed_after(packed);
        }
        if arity > 2 {
            packed = element(at + 3)?.packed_after(packed);
        }
        for place in at + 4..at + 1 + arity {
            packed = element(place)?.packed_after(packed);
        }
        let found = types.application_of_late(packed)?;
        self.note_type(at, found.0);
        Some(found)
    }

    /// Whether an element is plainly seen to be of a type, if one is wanted.
    #[inline(always)]
    pub(super) fn is_plainly_made_of(&self, program: &Program, element: Cell, wanted: u16) -> bool {
        if wanted == 0 {
            return true;
        }
        match element.is_exp() {
            true => self.is_noted_as(element.at(), ValueType(wanted)),
            false => element.is_int() && wanted == program.value_types.number().0,
        }
    }

    /// Whether the elements of data are plainly seen to be of the types that its type goes by.
    #[inline(always)]
    fn is_plainly_made(&self, program: &Program, function: &Function, at: usize) -> bool {
        let is_of = |place: usize| {
            let wanted = function.parts[place];
            wanted == 0 || self.is_plainly_made_of(program, self.word(at + 2 + place), wanted)
        };
        // No more elements are known at hand.
        function.arity <= 3 && is_of(0) && is_of(1) && is_of(2)
    }

    /// As [`Heap::noted_argument`], of an element of data.
    #[inline(always)]
    pub(super) fn argument_of_late(&self, program: &Program, element: Cell) -> Option<Argument> {
        let types = &program.value_types;
        if element.is_int() {
            return Some(Argument::new(types.number(), ArgumentKind::Grounded));
        }
        if element.is_exp()
            && self.cells[element.at()] & PLAIN == EVALUATED
            && let Some(found) = types.of_header(self.noted_type(element.at()))
        {
            return Some(Argument::new(found, ArgumentKind::Expression));
        }
        self.argument_of_part(program, element)
    }

    #[inline(never)]
    fn argument_of_part(&self, program: &Program, element: Cell) -> Option<Argument> {
        self.noted_argument(program, element, LeafPlace::Part)
    }

    /// Whether elements of data are plainly seen to be of these types, where one is wanted.
    #[inline(always)]
    pub(super) fn are_of(&self, program: &Program, at: usize, parts: &[Option<ValueType>]) -> bool {
        let elements = &self.cells[at + 2..][..parts.len()];
        for (element, wanted) in elements.iter().zip(parts) {
            let (element, Some(wanted)) = (Cell(*element), *wanted) else {
                continue;
            };
            let is_plainly = match element.is_exp() {
                true => self.is_noted_as(element.at(), wanted),
                false => element.is_int() && wanted == program.value_types.number(),
            };
            if is_plainly {
                continue;
            }
            let noted = self.noted_argument(program, element, LeafPlace::Part);
            if noted.is_none_or(|noted| noted.found() != wanted) {
                return false;
            }
        }
        true
    }

    /// Whether an expression evaluates to itself and is noted to be of this type.
    #[inline(always)]
    pub(super) fn is_noted_as(&self, at: usize, wanted: ValueType) -> bool {
        const LOOKED_AT: u64 = TYPE_BITS | Header::EVALUATED | Header::ERROR;
        let number = u64::from(wanted.0) << TYPE_BITS.trailing_zeros();
        self.cells[at] & LOOKED_AT == number | Header::EVALUATED
    }

    /// The type of an expression whose head has none, so that nothing is known of it.
    fn type_by_head(&self, types: &ValueTypes, at: usize) -> Option<ValueType> {
        let (first, count) = self.elements(at);
        let head = (count > 0).then(|| self.word(first))?;
        let Kind::Sym(id) = head.kind() else {
            return None;
        };
        let (found, types_calls) = types.symbol_of_late(id)?;
        found.filter(|found| *found == types.unknown() && !types_calls)
    }

    /// A value as an argument, if its type is known without looking for it.
    #[inline(always)]
    pub(super) fn noted_argument(
        &self,
        program: &Program,
        value: Cell,
        leaf: LeafPlace,
    ) -> Option<Argument> {
        let types = &program.value_types;
        if let LeafPlace::Named(count) = leaf {
            let known = program.applied.find(value, Applied::TELLING | count, ANY)?;
            return Some(Argument::telling(known.function as u16));
        }
        let is_at_hand = matches!(leaf, LeafPlace::Argument | LeafPlace::Part);
        let (found, kind) = match value.kind() {
            Kind::Int(_) if leaf != LeafPlace::Head => (types.number(), ArgumentKind::Grounded),
            Kind::Flt(_) if is_at_hand => (types.number(), ArgumentKind::Grounded),
            Kind::Bool(_) if is_at_hand => (types.bool(), ArgumentKind::Grounded),
            Kind::Sym(id) if value != self.empty => {
                let (found, types_calls) = types.symbol_of_late(id)?;
                let fits = leaf != LeafPlace::Head || !types_calls;
                (found.filter(|_| fits)?, ArgumentKind::Symbol)
            }
            Kind::Exp(at) if is_at_hand => {
                let header = self.header(at);
                if !header.has(Header::EVALUATED) || header.has(Header::ERROR) {
                    return None;
                }
                let noted = match types.of_header(self.noted_type(at)) {
                    Some(noted) => noted,
                    None => self.type_by_head(types, at)?,
                };
                (noted, ArgumentKind::Expression)
            }
            _ => return None,
        };
        Some(Argument::new(found, kind))
    }
}

impl Program {
    /// Whether an expression of so many plain elements is data, whose head this is.
    #[inline(always)]
    pub(super) fn is_data_by_head(&self, head: Cell, count: usize) -> bool {
        (head.is_int() || head.is_bool()) && !self.value_rules.has(count)
    }

    /// What holds of an expression of plain elements, by its head.
    pub(super) fn noted_data(&self, head: Cell, count: usize, function: u32) -> u64 {
        let is_data = if function == Function::NONE {
            self.is_data_by_head(head, count)
        } else {
            self.functions[function as usize].state == State::Data
        };
        if is_data { Header::DATA } else { 0 }
    }
}

/// What to note of data by what holds of all its elements, and whether it evaluates to itself; `open`
/// if they have variables in them.
#[inline(always)]
fn noted_flags(all: u64, open: u64) -> (u64, bool) {
    if all == PLAIN {
        (Header::GROUND | Header::DATA, true)
    } else if all == PLAIN & !Header::GROUND {
        (open, open != 0)
    } else {
        (all & Header::GROUND, false)
    }
}

/// The header of data, by what holds of all its elements; `open` if they have variables in them, else
/// `whole`.
#[inline(always)]
pub(super) fn data_header(arity: usize, all: u64, open: u64, whole: u64) -> u64 {
    let mut flags = all & EVALUATED;
    if flags == EVALUATED {
        flags |= whole;
    } else if flags == Header::EVALUATED {
        flags |= open;
    }
    Header::new(arity, flags).0
}
