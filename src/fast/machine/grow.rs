//! Data made before its last element is evaluated.
//!
//! `(Cons ($f $x) (map $f $rest))` evaluates to data whose last element is what a last call
//! gives. It is made at once, with a hole where that goes, so that the call takes the place
//! of its frame: a list is made from its front in constant stack. A frame of its own, the
//! chain's, holds what was made first and what was made last, and waits for what goes into
//! the hole. A call that returns there, and makes data again, adds to the chain.
//!
//! A chain is only changed while no choice is newer than it, so going back finds it as it
//! was. A result that may be followed by others is put into a copy.
//!
//! Source: D. H. D. Warren, "DAI Research Report 141", University of Edinburgh, 1980, names
//! this last call modulo constructor.

use super::{HEIGHT, MATCHED, Machine, Next};
use crate::budget::Budget;
use crate::fast::cell::{Cell, Header};
use crate::fast::code::{ANY, CLOSE, Of, Slot};
use crate::fast::function::{Elements, Function, State};
use crate::fast::heap::TYPE_BITS;
use crate::fast::program::Program;
use crate::fast::site::LeafPlace;
use crate::fast::stack::{FRAME, STACK_MAX, place};
use crate::fast::types::{Argument, ArgumentKind, ValueType};
use crate::fast::value::data_header;

// Slots of a chain's frame: what was made first and last; then numbers.
const ROOT: Slot = 0;
const LAST: Slot = 1;
/// How many choices there were when it was begun.
const CHOICES: Slot = 2;
/// How much was made, that of chains below included.
const LENGTH: Slot = 3;
/// What had changed of rules and types then.
const EPOCH: Slot = 4;
/// Whether the types of what is made depend on their elements; the type that what goes into the hole is to
/// be of, 0 for any, if all that is made has its type noted as it will be then.
const TYPED: Slot = 5;
/// Words of a chain's frame.
const WORDS: usize = 2 + 6;
/// The slots that hold terms.
pub(in crate::fast) const LIVE: [u64; 1] = [1 << ROOT | 1 << LAST];

/// Room for the places of so many of a chain's expressions is kept.
const CHAINED_MAX: usize = 1 << 12;

/// Ground, evaluated, its elements too.
const WHOLE: u64 = Header::GROUND | Header::DATA;

/// How far the types of a chain's expressions are told, from its last.
enum Told {
    All,
    /// Not of so many from its first.
    Below(usize),
    /// The expression at this place is ill-typed.
    IllTyped(usize),
}

/// What was made last of a chain, and how much.
pub(super) struct Last {
    last: Cell,
    pub(super) length: i64,
}

impl Last {
    /// So much more was made, the last of it there.
    pub(super) fn add(&mut self, count: i64, at: usize) {
        self.length += count;
        self.last = Cell::expression(at);
    }
}

/// What was made last of the chain whose frame this is.
pub(super) fn last_of(frame: &[u64; FRAME]) -> Last {
    Last {
        last: Cell(frame[place(LAST)]),
        length: Cell(frame[place(LENGTH)]).as_int(),
    }
}

/// Notes in a chain's frame what was made last.
pub(super) fn set_last_of(frame: &mut [u64; FRAME], last: Last) {
    frame[place(LAST)] = last.last.0;
    frame[place(LENGTH)] = (last.length << 3) as u64;
}

/// How much is made without a frame for each; after that the depth is bounded as for others.
pub(super) fn most(budget: &Budget) -> i64 {
    budget.depth.min(STACK_MAX / 16) as i64
}

impl Machine<'_> {
    /// Makes data of a function's name and these elements, with a hole for the last; the
    /// frame that goes on. `None` where it has to be made in the usual order.
    pub(super) fn grow(
        &mut self,
        function: u32,
        values: [Cell; 2],
        count: u8,
        size: Slot,
        base: usize,
    ) -> Option<usize> {
        if self.may_grow(base) && self.grow_on(function, values, count, self.stack[base]) {
            return Some(base);
        }
        let entry = &self.program.functions[function as usize];
        let target = base.max(self.protected);
        if !self.may_grow(base) || entry.state != State::Data || !self.stack.holds(target + WORDS) {
            return None;
        }
        let (is_typed, knows) = (entry.types_elements, entry.made != 0);
        let (made, header) = self
            .heap
            .make_open(&self.program, entry, values, count, true);
        let typed = if knows && header & TYPE_BITS != 0 {
            Cell::small(entry.last_type.into())
        } else {
            Cell::boolean(is_typed || knows)
        };
        Some(self.begin_chain(made, typed, size, base))
    }

    /// Whether the frame's call has left nothing to choose. Where it has, each of several
    /// results would be put into a copy of what was made before it.
    #[inline(always)]
    pub(super) fn may_grow(&self, base: usize) -> bool {
        self.stack.frame(base)[1] >> HEIGHT == self.choices.len() as u64
    }

    /// As [`Machine::grow`], if that adds to the chain that a frame returns to, whose call has
    /// left nothing to choose: then the frame goes on.
    #[inline(always)]
    pub(super) fn grow_on(
        &mut self,
        function: u32,
        values: [Cell; 2],
        count: u8,
        return_to: u64,
    ) -> bool {
        let entry = &self.program.functions[function as usize];
        if return_to >> 32 != u64::from(CLOSE) || entry.state != State::Data {
            return false;
        }
        let Some(frame) = self.stack.at_mut(return_to as u32 as usize) else {
            return false;
        };
        let length = frame[place(LENGTH)] as i64;
        if frame[place(EPOCH)] != Cell::small(self.program.epoch as i32).0
            || length >= self.growing_max << 3
        {
            return false;
        }
        let (root, last) = (Cell(frame[place(ROOT)]), Cell(frame[place(LAST)]));
        let (typed, knows) = (Cell(frame[place(TYPED)]), entry.made != 0);
        // Of others the types are found once the last element is there.
        let is_as_others = knows && entry.is_of_type(typed);
        let notes = is_as_others || !knows;
        let (made, header) = self
            .heap
            .make_open(&self.program, entry, values, count, notes);
        let is_as_others = is_as_others && header & TYPE_BITS != 0;
        if is_as_others {
            frame[place(TYPED)] = Cell::small(entry.last_type.into()).0;
        } else if knows || typed.is_int() {
            frame[place(TYPED)] = Cell::TRUE.0;
        }
        frame[place(LAST)] = made.0;
        frame[place(LENGTH)] = (length + (1 << 3)) as u64;
        self.heap.set_last(last.at(), made);
        if header & WHOLE != WHOLE {
            self.heap.cells[root.at()] &= !Header::ELEMENTS;
        }
        true
    }

    /// Begins a chain: its frame takes the place of the one that is left, which goes on
    /// above it.
    #[inline(never)]
    fn begin_chain(&mut self, made: Cell, typed: Cell, size: Slot, base: usize) -> usize {
        let target = base.max(self.protected);
        let above = target + WORDS;
        let (return_to, state) = (self.stack[base], self.stack[base + 1]);
        let length = if return_to >> 32 == u64::from(CLOSE) {
            let chain = (return_to & 0xffff_ffff) as usize;
            slot!(self, chain, LENGTH).as_int()
        } else {
            0
        };
        let slots = base + 2..base + 2 + usize::from(size);
        self.stack.copy_within(slots, above + 2);
        let choices = self.choices.len() as u64;
        self.stack[target] = return_to;
        self.stack[target + 1] = state & !MATCHED;
        set!(self, target, ROOT, made);
        set!(self, target, LAST, made);
        set!(self, target, CHOICES, Cell(choices << 3));
        set!(self, target, LENGTH, Cell(((length + 1) as u64) << 3));
        set!(self, target, EPOCH, Cell::small(self.program.epoch as i32));
        set!(self, target, TYPED, typed);
        self.stack[above] = (u64::from(CLOSE) << 32) | target as u64;
        self.stack[above + 1] = (choices << HEIGHT) | above as u64;
        above
    }

    /// Puts the result into the hole of the chain whose frame this is, and returns what
    /// was made first.
    #[inline(never)]
    pub(super) fn close_chain(&mut self, base: usize) -> Next {
        let value = self.heap.deref(self.result);
        if value.is_exp() && self.heap.is_error(value) {
            return self.leave(value, base);
        }
        let (root, last) = (slot!(self, base, ROOT), slot!(self, base, LAST));
        if slot!(self, base, EPOCH) != Cell::small(self.program.epoch as i32) {
            return self.close_late(root, value, base);
        }
        let typed = slot!(self, base, TYPED);
        if self.choices.len() as u64 > slot!(self, base, CHOICES).0 >> 3 {
            let copy = self.copied_chain(root, value, typed);
            self.note_remade(copy, typed);
            return self.leave(copy, base);
        }
        self.heap.set_last(last.at(), value);
        let is_whole = self.heap.cells[root.at()] & WHOLE == WHOLE;
        if !is_whole || !self.is_plain_part(value) {
            let chain = self.heap.chain(root, value);
            self.note_chain(&chain, typed);
        } else if typed != Cell::FALSE && !self.is_chain_typed(typed, last, value) {
            self.type_chain(root, value);
        }
        self.note_remade(root, typed);
        self.leave(root, base)
    }

    /// Notes of a chain that its last elements are others than they were.
    fn note_remade(&mut self, root: Cell, typed: Cell) {
        let is_typed = typed != Cell::FALSE || self.heap.noted_type(root.at()) != 0;
        if is_typed && self.is_plain_part(root) {
            self.heap.cells[root.at()] |= Header::REMADE;
        }
    }

    /// Whether all that a chain is made of is of the types that are noted, now that the last has
    /// its value.
    fn is_chain_typed(&mut self, typed: Cell, last: Cell, value: Cell) -> bool {
        if !typed.is_int() {
            return false;
        }
        if typed == Cell::small(0) {
            return true;
        }
        let noted = self
            .heap
            .noted_argument(&self.program, value, LeafPlace::Part);
        if noted.is_some_and(|noted| i64::from(noted.found().0) == typed.as_int()) {
            return true;
        }
        // That of the last is as it was noted where the value is of a type that fits as well.
        let found = self.heap.noted_type(last.at());
        let of_late =
            noted.and_then(|noted| self.heap.type_of_chained(&self.program, last.at(), noted));
        if of_late.is_some_and(|known| known.0 == found) {
            return true;
        }
        self.heap.cells[last.at()] &= !TYPE_BITS;
        self.type_of(last).is_some_and(|known| known.0 == found)
    }

    /// Whether an element leaves an expression ground and evaluated.
    fn is_plain_part(&self, value: Cell) -> bool {
        if value.is_exp() {
            let header = self.heap.header(value.at());
            header.has(Header::GROUND | Header::EVALUATED)
        } else {
            !value.is_ref()
        }
    }

    /// Notes of each expression of a chain what holds of it, the last first.
    fn note_chain(&mut self, chain: &[usize], typed: Cell) {
        for at in chain.iter().rev() {
            let (first, count) = self.heap.elements(*at);
            let mut all = Header::GROUND | Header::EVALUATED;
            for place in first..first + count {
                let mut element = self.heap.word(place);
                self.heap.note(&mut element, &mut all);
            }
            let is_open =
                all == Header::EVALUATED && self.is_data_head(self.heap.word(first), count);
            let open = if is_open { Header::OPEN } else { 0 };
            let mut header = data_header(count, all, open, Header::ELEMENTS);
            // What was noted for something else in the hole may not hold.
            if header & WHOLE == WHOLE && typed == Cell::FALSE {
                header |= self.heap.cells[*at] & TYPE_BITS;
            }
            self.heap.cells[*at] = header;
            if typed != Cell::FALSE {
                self.look_at_made(Cell::expression(*at), Elements::Seen);
            }
        }
    }

    /// Notes the types of what a chain is made of, the last first, as far as they are plain
    /// to see: whoever takes it apart asks for each. What is ill-typed is no result.
    #[inline(never)]
    fn type_chain(&mut self, root: Cell, value: Cell) {
        let mut chain = std::mem::take(&mut self.chained);
        self.heap.chain_into(root, value, &mut chain);
        let without_type = match self.type_from_last(&chain, value) {
            Told::All => 0,
            Told::Below(count) => count,
            Told::IllTyped(place) => {
                self.heap.cells[chain[place]] &= !(Header::EVALUATED | TYPE_BITS);
                for at in &chain[..place] {
                    self.heap.cells[*at] &= !Header::DATA;
                }
                place
            }
        };
        for at in &chain[..without_type] {
            self.heap.cells[*at] &= !TYPE_BITS;
        }
        chain.clear();
        chain.shrink_to(CHAINED_MAX);
        self.chained = chain;
    }

    /// Notes the types of a chain's expressions, the last first, as far as they are told.
    fn type_from_last(&mut self, chain: &[usize], value: Cell) -> Told {
        let Some(found) = self.type_of(value) else {
            return Told::Below(chain.len());
        };
        let mut below = Argument::new(found, self.kind_of(value));
        for (number, &at) in chain.iter().enumerate().rev() {
            // Most often it was looked up lately.
            if let Some(found) = self.heap.type_of_chained(&self.program, at, below) {
                below = Argument::new(found, ArgumentKind::Expression);
                self.heap.note_type(at, found.0);
                continue;
            }
            let Some(head) = self.type_of_head(self.heap.word(at + 1)) else {
                return Told::Below(number + 1);
            };
            let count = self.heap.header(at).arity() - 1;
            let Some(arguments) = self.arguments_of_chained(at, count, below) else {
                return Told::Below(number + 1);
            };
            let types = &mut self.program.value_types;
            let Some(found) = types.application(head, &arguments[..count]) else {
                return match types.is_ill_typed(head, &arguments[..count]) {
                    true => Told::IllTyped(number),
                    false => Told::Below(number + 1),
                };
            };
            below = Argument::new(found, ArgumentKind::Expression);
            self.heap.note_type(at, found.0);
        }
        Told::All
    }

    /// The types of so many elements of a chain's expression behind its head, the last being of this one.
    #[inline(always)]
    fn arguments_of_chained(
        &mut self,
        at: usize,
        count: usize,
        last: Argument,
    ) -> Option<[Argument; 3]> {
        let mut arguments = [last; 3];
        for (place, argument) in arguments[..count - 1].iter_mut().enumerate() {
            let element = self.heap.word(at + 2 + place);
            let noted = self
                .heap
                .noted_argument(&self.program, element, LeafPlace::Part);
            *argument = match noted {
                Some(noted) => noted,
                None => Argument::new(self.type_of(element)?, self.kind_of(element)),
            };
        }
        Some(arguments)
    }

    /// The chain once more, with the value in its hole.
    fn copied_chain(&mut self, root: Cell, value: Cell, typed: Cell) -> Cell {
        let first = self.heap.cells.len();
        let mut next = root.at();
        loop {
            let end = next + 1 + self.heap.header(next).arity();
            self.heap.cells.extend_from_within(next..end);
            let last = self.heap.cells.len() - 1;
            if self.heap.cells[last] == Cell::HOLE.0 {
                self.heap.cells[last] = value.0;
                break;
            }
            // The next one comes right behind.
            next = self.heap.word(last).at();
            self.heap.cells[last] = Cell::expression(last + 1).0;
        }
        let copy = Cell::expression(first);
        let is_whole = self.heap.cells[first] & WHOLE == WHOLE;
        if !is_whole || typed != Cell::FALSE || !self.is_plain_part(value) {
            let copies = self.heap.chain(copy, value);
            self.note_chain(&copies, typed);
        }
        copy
    }

    /// As [`Machine::close_chain`], where there may be rules by now for what was taken to be data:
    /// it is evaluated, with its elements as they are.
    #[cold]
    #[inline(never)]
    fn close_late(&mut self, root: Cell, value: Cell, base: usize) -> Next {
        let value = self.kept(value);
        let copy = self.copied_chain(root, value, Cell::TRUE);
        for at in self.heap.chain(copy, value) {
            let (first, count) = self.heap.elements(at);
            for place in first..first + count - 1 {
                let element = self.heap.word(place);
                self.heap.cells[place] = self.kept(element).0;
            }
            self.heap.cells[at] &= !(Header::DATA | TYPE_BITS);
        }
        self.settle_last(copy, ANY, (false, Of::Result), base)
    }

    /// A value as an element that is not evaluated again.
    fn kept(&mut self, value: Cell) -> Cell {
        let value = self.heap.deref(value);
        if !value.is_exp() || self.heap.header(value.at()).has(Header::EVALUATED) {
            return value;
        }
        let (first, count) = self.heap.elements(value.at());
        let copy = self.heap.begin(count);
        self.heap.cells.extend_from_within(first..first + count);
        self.heap.finish(copy, Header::EVALUATED)
    }
}

impl Function {
    /// Whether data that it makes is of the type that is told of a chain's hole.
    #[inline(always)]
    fn is_of_type(&self, typed: Cell) -> bool {
        typed == Cell::small(0) || typed == Cell::small(self.data_type.into())
    }

    /// Whether of a chain of data that it makes each expression has the type that it knows.
    pub(super) fn is_as_its_last(&self) -> bool {
        self.made == 0 || self.last_type == 0 || self.last_type == self.data_type
    }
}

impl crate::fast::heap::Heap {
    /// Data of a function's name and these elements, with a hole for the last, its type being
    /// noted if it `notes` that; and its header.
    #[inline(always)]
    fn make_open(
        &mut self,
        program: &Program,
        entry: &Function,
        [mut a, mut b]: [Cell; 2],
        count: u8,
        notes: bool,
    ) -> (Cell, u64) {
        let name = Cell::symbol(entry.symbol).0;
        let mut all = Header::GROUND | Header::EVALUATED;
        // The hole is taken to become something plain: what does not is mended.
        let header = |arity: usize, all: u64| {
            let header = data_header(arity, all, 0, Header::ELEMENTS);
            match header & WHOLE {
                WHOLE if notes => header | u64::from(entry.data_type) << TYPE_BITS.trailing_zeros(),
                _ => header,
            }
        };
        let (made, header) = match count {
            2 => {
                self.note(&mut a, &mut all);
                self.note(&mut b, &mut all);
                let header = header(4, all);
                (self.put([header, name, a.0, b.0, Cell::HOLE.0]), header)
            }
            1 => {
                self.note(&mut a, &mut all);
                let header = header(3, all);
                (self.put([header, name, a.0, Cell::HOLE.0]), header)
            }
            _ => {
                let header = header(2, all);
                (self.put([header, name, Cell::HOLE.0]), header)
            }
        };
        if entry.looks_before_last && header & TYPE_BITS != 0 {
            let [first, second, _] = entry.parts;
            let are_plainly = self.is_plainly_made_of(program, a, first)
                && (count < 2 || self.is_plainly_made_of(program, b, second));
            if !are_plainly {
                return self.open_as_made(program, entry, made, header);
            }
        }
        (made, header)
    }

    /// The same; its type is noted only if its other elements are of the types that it goes by.
    #[inline(never)]
    fn open_as_made(
        &mut self,
        program: &Program,
        entry: &Function,
        made: Cell,
        header: u64,
    ) -> (Cell, u64) {
        let known = program.made_by(entry).map(|made| made.parts.split_last());
        let fits = match known {
            Some(Some((_, others))) => self.are_of(program, made.at(), others),
            _ => true,
        };
        if fits {
            return (made, header);
        }
        self.cells[made.at()] &= !TYPE_BITS;
        (made, header & !TYPE_BITS)
    }

    /// The header of data as [`Heap::make_open`] makes, of elements that are plain but for
    /// these; `None` if one of these is not, or its type goes by what they are.
    pub(super) fn header_of_next(&self, entry: &Function, elements: &[Cell]) -> Option<Header> {
        let plain = |value: &Cell| !value.is_ref() && self.is_its_own(*value);
        let header = data_header(
            elements.len() + 2,
            Header::GROUND | Header::EVALUATED,
            0,
            Header::ELEMENTS,
        );
        let noted = u64::from(entry.data_type) << TYPE_BITS.trailing_zeros();
        let is_known = noted == 0 || !entry.looks_before_last;
        (is_known && elements.iter().all(plain)).then_some(Header(header | noted))
    }

    /// Where the hole of a chain is.
    pub(super) fn hole_of(&self, last: &Last) -> usize {
        let at = last.last.at();
        at + self.header(at).arity()
    }

    /// The type of a chain's expression whose last element is of this one, if that of all else is
    /// noted and what follows was looked up lately.
    #[inline(always)]
    fn type_of_chained(&self, program: &Program, at: usize, last: Argument) -> Option<ValueType> {
        let head = self.word(at + 1);
        if !head.is_symbol() {
            return None;
        }
        let types = &program.value_types;
        let (head, types_calls) = types.symbol_of_late(head.at() as u32)?;
        let mut packed = head.filter(|_| !types_calls)?.packed();
        for place in at + 2..at + self.header(at).arity() {
            let element = self.argument_of_late(program, self.word(place))?;
            packed = element.packed_after(packed);
        }
        types.application_of_late(last.packed_after(packed))
    }

    /// Puts something into the last place of an expression.
    #[inline(always)]
    fn set_last(&mut self, at: usize, value: Cell) {
        let place = at + self.header(at).arity();
        self.cells[place] = value.0;
    }

    /// The expressions of a chain, each the last element of the one before; `end` is that
    /// of the last.
    fn chain(&self, root: Cell, end: Cell) -> Vec<usize> {
        let mut chain = Vec::new();
        self.chain_into(root, end, &mut chain);
        chain
    }

    fn chain_into(&self, root: Cell, end: Cell, chain: &mut Vec<usize>) {
        let mut next = root;
        while next != end {
            let at = next.at();
            chain.push(at);
            next = self.word(at + self.header(at).arity());
        }
    }
}
