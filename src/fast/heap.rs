//! The heap of one evaluation: cells, the trail that undoes bindings, host values.
//!
//! The first `CONSTANTS` words are for the constants of compiled code and stay
//! from one evaluation to the next; a new evaluation begins above them. Going
//! back to a choice cuts the heap to what it was then.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::areas::Areas;
use crate::atom::{Atom, Grounded, Variable};
use crate::fast::cell::{Cell, Header, Kind, OPERATIONS};
use crate::fast::code::Arithmetic;
use crate::fast::machine::Tops;
use crate::fast::names::KeptNames;
use crate::fast::open::Doubts;
use crate::fast::operations::Operations;
use crate::number::Number;
use crate::seen::Seen;
use crate::symbol::Symbol;

/// Words set apart for constants. Untouched ones cost no memory.
pub(super) const CONSTANTS: usize = 1 << 20;
/// Host values set apart for constants.
pub(super) const CONSTANT_BOXES: u32 = 1 << 31;

pub(super) struct Heap {
    pub(super) cells: Vec<u64>,
    /// Where a small heap is copied to when it is collected: memory that was written to before.
    pub(super) spare: Vec<u64>,
    /// The same of one that is no longer small: the constants, and room behind them. Empty before
    /// the first collection.
    other: Vec<u64>,
    /// Whom large arrays are told to.
    pub(super) areas: Areas,
    /// Words in use below [`CONSTANTS`].
    pub(super) constants: usize,
    pub(super) trail: Vec<u32>,
    /// Variables below it are older than the newest choice: binding them is noted.
    pub(super) old: usize,
    /// The least that it was cut to since that was last taken note of.
    pub(super) lowest: usize,
    pub(super) boxes: Vec<Atom>,
    /// Bytes of texts and numbers that `boxes` hold beside them, or held since the last collection.
    pub(super) beside: usize,
    /// From so many on the heap is to be collected.
    pub(super) beside_max: usize,
    pub(super) constant_boxes: Vec<Atom>,
    pub(super) operations: Operations,
    /// Names that code refers to by their numbers.
    symbols: KeptNames,
    pub(super) error: Cell,
    pub(super) empty: Cell,
    /// What says that there is no result, where it is one.
    pub(super) not_reducible: Cell,
    /// The head of results that run on.
    pub(super) function: Cell,
    /// `()`.
    pub(super) unit: Cell,
    /// In the place of data that was taken apart as it was returned, and not made.
    pub(super) taken_apart: Cell,
    /// Variables of atoms that came in or went out, and the words they are.
    pub(super) names: Vec<(usize, Variable)>,
    named: HashMap<Variable, usize, FixedState>,
    /// Variables of shapes.
    pub(super) parts: Vec<Variable>,
    pub(super) variable_parts: Vec<Variable>,
    /// Variables of functions without names that shapes are calls of.
    pub(super) of_lambdas: Vec<Variable>,
    /// Whether open data may be something to evaluate by now.
    pub(super) doubts: Doubts,
}

/// A word in front of a list that no list has yet. No term is this cell.
const FREE: Cell = Cell::spare();

/// Bytes beside the heap that it is not collected for.
const BESIDE: usize = 4 << 20;

/// Bytes that a host value holds elsewhere, or may hold: what a set, a map or a space has by
/// itself, beside what it shares with others.
fn bytes_beside(atom: &Atom) -> usize {
    match atom {
        Atom::Grounded(Grounded::Value(_)) => 1 << 10,
        Atom::Grounded(Grounded::Space(_)) => 1 << 11,
        Atom::Grounded(Grounded::Text(text)) => text.len(),
        Atom::Grounded(Grounded::Number(number)) => number.bytes_beside(),
        _ => 0,
    }
}

impl Heap {
    pub(super) fn new(areas: Areas) -> Heap {
        /// Words for terms at first, so that a small evaluation moves nothing.
        const ROOM: usize = (1 << 18) + (1 << 12);
        let known = crate::atom::known();
        // Zeroed pages cost nothing until they are used; moved, all of them would be.
        let mut cells = vec![0; CONSTANTS + ROOM];
        cells.truncate(CONSTANTS);
        let mut heap = Heap {
            cells,
            spare: Vec::new(),
            other: Vec::new(),
            areas,
            constants: 0,
            trail: Vec::new(),
            old: 0,
            lowest: 0,
            boxes: Vec::new(),
            beside: 0,
            beside_max: BESIDE,
            constant_boxes: Vec::new(),
            operations: Operations::default(),
            symbols: KeptNames::default(),
            error: Cell::symbol(known.error.id()),
            empty: Cell::symbol(known.empty.id()),
            not_reducible: Cell::symbol(known.not_reducible.id()),
            function: Cell::symbol(known.function.id()),
            unit: Cell::FALSE,
            taken_apart: Cell::FALSE,
            names: Vec::new(),
            named: HashMap::default(),
            parts: Vec::new(),
            variable_parts: Vec::new(),
            of_lambdas: Vec::new(),
            doubts: Doubts::default(),
        };
        let unit = heap.constant(&Atom::unit());
        heap.unit = unit.expect("there is room for the first constant");
        heap.taken_apart = Cell::expression(heap.constants);
        heap.cells[heap.constants] = Header::new(0, Header::GROUND | Header::DATA).0;
        heap.constants += 1;
        heap
    }

    /// Forgets the last evaluation.
    pub(super) fn reset(&mut self) {
        const KEPT: usize = 1 << 22;
        self.cells.truncate(CONSTANTS);
        if self.cells.capacity() > CONSTANTS + KEPT {
            self.cells.shrink_to(CONSTANTS + KEPT);
        }
        self.other = Vec::new();
        self.trail.clear();
        self.boxes.clear();
        (self.beside, self.beside_max) = (0, BESIDE);
        self.names.clear();
        self.named.clear();
        self.old = 0;
        self.doubts = Doubts::default();
    }

    /// Makes room for so many words in all, and for some more. Only what is in use is moved:
    /// an allocator that has to move a growing array writes to all of it.
    pub(super) fn make_room(&mut self, top: usize) {
        if self.cells.capacity() >= top {
            return;
        }
        let mut cells = self.only_constants(2 * (top - CONSTANTS));
        cells.extend_from_slice(&self.cells[CONSTANTS..]);
        self.cells = cells;
    }

    /// The constants, and room for so many words of terms.
    pub(super) fn only_constants(&self, room: usize) -> Vec<u64> {
        // Zeroed pages cost nothing until they are used.
        let mut cells = vec![0; CONSTANTS + room];
        cells.truncate(CONSTANTS);
        cells[..self.constants].copy_from_slice(&self.cells[..self.constants]);
        self.areas.tell_of_room(&mut cells);
        cells
    }

    /// The same for a collection, of memory that the one before it left if there is so much.
    pub(super) fn room_to_copy(&mut self, room: usize) -> Vec<u64> {
        if self.other.capacity() < CONSTANTS + room {
            self.other = Vec::new();
            return self.only_constants(room);
        }
        let mut cells = std::mem::take(&mut self.other);
        cells[..self.constants].copy_from_slice(&self.cells[..self.constants]);
        cells
    }

    /// Keeps memory for the next collection, of which so many words were written to: giving it back
    /// and taking other costs more than what is done with it.
    pub(super) fn keep_other(&mut self, mut cells: Vec<u64>, used: usize) {
        const KEPT: usize = 1 << 21;
        if used <= KEPT {
            cells.truncate(CONSTANTS);
            self.other = cells;
        }
    }

    pub(super) fn top(&self) -> usize {
        self.cells.len()
    }

    /// All there is by now, to go back to.
    #[inline(always)]
    pub(super) fn tops(&self) -> Tops {
        Tops {
            heap: self.cells.len(),
            boxes: self.boxes.len() as u32,
            trail: self.trail.len() as u32,
        }
    }

    /// The number of a name that code refers to: it stays in use as long as the heap.
    pub(super) fn symbol(&mut self, symbol: &Symbol) -> u32 {
        self.symbols.keep(symbol);
        symbol.id()
    }

    pub(super) fn symbol_of(&self, id: u32) -> Symbol {
        self.symbols.symbol(id)
    }

    #[inline(always)]
    pub(super) fn word(&self, at: usize) -> Cell {
        Cell(self.cells[at])
    }

    #[inline(always)]
    pub(super) fn header(&self, at: usize) -> Header {
        Header(self.cells[at])
    }

    /// Follows variables to what they stand for.
    #[inline(always)]
    pub(super) fn deref(&self, cell: Cell) -> Cell {
        if cell.is_ref() {
            self.follow(cell)
        } else {
            cell
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn follow(&self, cell: Cell) -> Cell {
        self.value_of(cell)
    }

    /// Where the elements of an expression are: the index of the first, and how many.
    #[inline(always)]
    pub(super) fn elements(&self, at: usize) -> (usize, usize) {
        let header = self.header(at);
        if header.has(Header::SLICE) {
            self.slice_elements(at, header)
        } else {
            (at + 1, header.arity())
        }
    }

    fn slice_elements(&self, at: usize, header: Header) -> (usize, usize) {
        let base = self.word(at + 1).at();
        let offset = self.word(at + 2).as_int() as usize;
        (base + 1 + offset, header.arity())
    }

    /// An expression as another that is yet to be evaluated.
    pub(super) fn not_evaluated(&mut self, expression: Cell) -> Cell {
        let ground = self.header(expression.at()).0 & Header::GROUND;
        let (first, count) = self.elements(expression.at());
        let at = self.cells.len();
        self.cells.push(Header::new(count, ground).0);
        self.cells.extend_from_within(first..first + count);
        Cell::expression(at)
    }

    /// A fresh variable.
    pub(super) fn variable(&mut self) -> Cell {
        let cell = Cell::reference(self.cells.len());
        self.cells.push(cell.0);
        cell
    }

    #[inline(always)]
    pub(super) fn bind(&mut self, at: usize, value: Cell) {
        if at < self.old {
            self.trail.push(at as u32);
        }
        self.cells[at] = value.0;
    }

    /// Forgets the bindings noted since the trail had this length.
    #[inline(always)]
    pub(super) fn undo(&mut self, trail_top: usize) {
        if self.trail.len() > trail_top {
            self.undo_to(trail_top);
        }
    }

    #[inline(never)]
    fn undo_to(&mut self, trail_top: usize) {
        while self.trail.len() > trail_top {
            let at = self.trail.pop().expect("longer") as usize;
            self.cells[at] = Cell::reference(at).0;
        }
    }

    /// Cuts the heap to what it was.
    #[inline(always)]
    pub(super) fn cut(&mut self, top: usize, box_top: usize) {
        self.cells.truncate(top);
        self.lowest = self.lowest.min(top);
        let is_named = self.names.last().is_some_and(|(at, _)| *at >= top);
        if self.boxes.len() > box_top || is_named || self.doubts.are_some() {
            self.cut_others(top, box_top);
        }
    }

    #[inline(never)]
    fn cut_others(&mut self, top: usize, box_top: usize) {
        self.boxes.truncate(box_top);
        self.doubts.cut(top);
        while let Some((at, _)) = self.names.last()
            && *at >= top
        {
            let (_, name) = self.names.pop().expect("just seen");
            self.named.remove(&name);
        }
    }

    pub(super) fn float(&mut self, value: f64) -> Cell {
        let at = self.cells.len();
        self.cells
            .push(Header::new(1, Header::FLOAT | Header::GROUND).0);
        self.cells.push(value.to_bits());
        Cell::float(at)
    }

    /// What arithmetic makes of two doubles.
    #[cold]
    #[inline(never)]
    pub(super) fn of_floats(&mut self, operation: Arithmetic, left: Cell, right: Cell) -> Cell {
        let (a, b) = (self.float_of(left), self.float_of(right));
        self.float(match operation {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide => a / b,
            Arithmetic::Remainder => a % b,
        })
    }

    pub(super) fn float_of(&self, cell: Cell) -> f64 {
        f64::from_bits(self.cells[cell.at() + 1])
    }

    pub(super) fn boxed(&mut self, atom: Atom) -> Cell {
        let id = self.boxes.len() as u32;
        self.beside += bytes_beside(&atom);
        self.boxes.push(atom);
        Cell::boxed(id)
    }

    /// Whether so much is held beside the heap that it is to be collected.
    pub(super) fn holds_much(&self) -> bool {
        self.beside > self.beside_max
    }

    /// These boxes are left; much is twice what they hold.
    pub(super) fn keep_boxes(&mut self, kept: Vec<Atom>) {
        self.beside = kept.iter().map(bytes_beside).sum();
        self.beside_max = BESIDE.max(2 * self.beside);
        self.boxes = kept;
    }

    pub(super) fn box_of(&self, cell: Cell) -> &Atom {
        let id = cell.at() as u32;
        if id >= OPERATIONS {
            self.operations.atom(id - OPERATIONS)
        } else if id >= CONSTANT_BOXES {
            &self.constant_boxes[(id - CONSTANT_BOXES) as usize]
        } else {
            &self.boxes[id as usize]
        }
    }

    pub(super) fn integer(&mut self, value: i64) -> Cell {
        match Cell::int(value) {
            Some(cell) => cell,
            None => self.boxed(Atom::integer(value)),
        }
    }

    pub(super) fn number(&mut self, number: Number) -> Cell {
        match number {
            Number::Integer(value) => self.integer(value),
            Number::Float(value) => self.float(value),
            big @ Number::Big(_) => self.boxed(Atom::number(big)),
        }
    }

    pub(super) fn number_of(&self, cell: Cell) -> Option<Number> {
        match cell.kind() {
            Kind::Int(value) => Some(Number::Integer(value)),
            Kind::Flt(_) => Some(Number::Float(self.float_of(cell))),
            Kind::Box(_) => self.box_of(cell).as_number().cloned(),
            _ => None,
        }
    }

    /// Whether it is a number of any kind.
    pub(super) fn is_number(&self, cell: Cell) -> bool {
        cell.is_int()
            || cell.is_float()
            || (cell.is_box() && self.box_of(cell).as_number().is_some())
    }

    /// Whether an element leaves an expression ground.
    #[inline(always)]
    pub(super) fn is_ground(&self, cell: Cell) -> bool {
        if cell.is_exp() {
            self.header(cell.at()).has(Header::GROUND)
        } else {
            !cell.is_ref()
        }
    }

    /// Whether no variable without a value is in a term.
    pub(super) fn is_ground_now(&self, cell: Cell) -> bool {
        let cell = self.deref(cell);
        if !cell.is_exp() {
            return !cell.is_ref();
        }
        let mut pending: SmallVec<[Cell; 16]> = SmallVec::new();
        pending.push(cell);
        let mut seen = Seen::new();
        while let Some(cell) = pending.pop() {
            let cell = self.deref(cell);
            if cell.is_ref() {
                return false;
            }
            if cell.is_exp()
                && !self.header(cell.at()).has(Header::GROUND)
                && !seen.again(cell.0, 0)
            {
                let (first, n) = self.elements(cell.at());
                pending.extend((first..first + n).map(|at| self.word(at)));
            }
        }
        true
    }

    /// Puts an expression on the heap; bound variables in it are followed one step.
    pub(super) fn build(&mut self, elements: &[Cell]) -> Cell {
        self.build_of(elements.iter().copied())
    }

    /// As [`Heap::build`], of elements from wherever they are.
    pub(super) fn build_of(&mut self, elements: impl ExactSizeIterator<Item = Cell>) -> Cell {
        self.make_room(self.cells.len() + 1 + elements.len());
        let at = self.begin(elements.len());
        for element in elements {
            let element = self.deref(element);
            self.cells.push(element.0);
        }
        self.finish(at, 0)
    }

    /// Puts an expression on the heap: its header, and elements that are no bound variables.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, words: [u64; N]) -> Cell {
        let at = self.cells.len();
        self.cells.extend_from_slice(&words);
        Cell::expression(at)
    }

    /// Opens an expression of `arity` elements, to be pushed next.
    #[inline(always)]
    pub(super) fn begin(&mut self, arity: usize) -> usize {
        let at = self.cells.len();
        self.cells.push(Header::new(arity, 0).0);
        at
    }

    /// Closes an expression whose elements were pushed; notes what holds of it.
    /// `EVALUATED` among the flags counts only if it is ground.
    #[inline(always)]
    pub(super) fn finish(&mut self, at: usize, mut flags: u64) -> Cell {
        let arity = self.header(at).arity();
        let ground = (at + 1..at + 1 + arity).all(|place| self.is_ground(self.word(place)));
        if ground {
            flags |= Header::GROUND;
        } else {
            flags &= !Header::ELEMENTS;
        }
        if arity == 0 {
            flags |= Header::DATA;
        } else if self.cells[at + 1] == self.error.0 {
            flags |= Header::ERROR;
        }
        self.cells[at] = Header::new(arity, flags).0;
        Cell::expression(at)
    }

    /// The number of the type that was noted in an expression's header; 0 is none.
    #[inline(always)]
    pub(super) fn noted_type(&self, at: usize) -> u16 {
        ((self.cells[at] & TYPE_BITS) >> TYPE_BITS.trailing_zeros()) as u16
    }

    /// Notes the number of a ground expression's type in its header.
    pub(super) fn note_type(&mut self, at: usize, number: u16) {
        let bits = u64::from(number) << TYPE_BITS.trailing_zeros();
        self.cells[at] = (self.cells[at] & !TYPE_BITS) | bits;
    }

    /// Notes the type of what was just built, if it is data that stays as it is.
    #[inline(always)]
    pub(super) fn note_type_of_data(&mut self, built: Cell, number: u16) {
        if number != 0 && self.header(built.at()).has(Header::DATA | Header::GROUND) {
            self.note_type(built.at(), number);
        }
    }

    /// The elements of an expression from `offset` on, shared.
    pub(super) fn tail(&mut self, at: usize, offset: usize) -> Cell {
        let header = self.header(at);
        let (base, start) = if header.has(Header::SLICE) {
            (
                self.word(at + 1),
                self.word(at + 2).as_int() as usize + offset,
            )
        } else {
            (Cell::expression(at), offset)
        };
        let arity = header.arity() - offset;
        if arity == 0 {
            let at = self.begin(0);
            return self.finish(at, 0);
        }
        let mut flags = Header::SLICE | (header.0 & (Header::GROUND | Header::ELEMENTS));
        let first = self.word(base.at() + 1 + start);
        if first == self.error {
            flags |= Header::ERROR;
        }
        let slice = self.cells.len();
        self.cells.push(Header::new(arity, flags).0);
        self.cells.push(base.0);
        self.cells.push(Cell::small(start as i32).0);
        Cell::expression(slice)
    }

    /// The elements of a list from the second on, if it is data and its rest plainly is, too: for
    /// lists of small numbers and of data.
    #[inline(never)]
    pub(super) fn rest_of_data(&mut self, at: usize) -> Option<Cell> {
        const WHOLE: u64 = Header::GROUND | Header::DATA;
        let header = self.header(at);
        if !header.has(WHOLE) || header.arity() < 2 {
            return None;
        }
        let (base, start) = if header.has(Header::SLICE) {
            (self.word(at + 1), self.word(at + 2).as_int() + 1)
        } else {
            (Cell::expression(at), 1)
        };
        let head = self.word(base.at() + 1 + start as usize);
        let is_value = head.is_int() || head.is_exp() && self.header(head.at()).has(Header::DATA);
        is_value.then(|| {
            let rest = Header::new(header.arity() - 1, Header::SLICE | WHOLE);
            self.put([rest.0, base.0, Cell::small(start as i32).0])
        })
    }

    /// The elements of an expression with one before them.
    ///
    /// Long ones are copied with room in front, which the next element takes as long as
    /// nothing else has, nor is a choice newer: so a list that grows costs linear time.
    pub(super) fn prepend(&mut self, first: Cell, at: usize) -> Cell {
        const SHORT: usize = 8;
        let (elements, arity) = self.elements(at);
        if arity < SHORT {
            let list = self.begin(arity + 1);
            self.cells.push(first.0);
            for place in elements..elements + arity {
                let element = self.deref(self.word(place));
                self.cells.push(element.0);
            }
            return self.finish(list, 0);
        }
        let ground = self.header(at).has(Header::GROUND) && self.is_ground(first);
        let before = elements - 1;
        let has_room = self.header(at).has(Header::SLICE)
            && before > self.word(at + 1).at()
            && before >= self.old.max(CONSTANTS)
            && self.cells[before] == FREE.0;
        let (base, start) = if has_room {
            self.cells[before] = first.0;
            let base = self.word(at + 1).at();
            (base, before - base - 1)
        } else {
            let base = self.begin(2 * arity + 1);
            self.cells.resize(base + 1 + arity, FREE.0);
            self.cells.push(first.0);
            self.cells.extend_from_within(elements..elements + arity);
            (base, arity)
        };
        let mut flags = Header::SLICE;
        if ground {
            flags |= Header::GROUND;
        }
        if first == self.error {
            flags |= Header::ERROR;
        }
        let list = self.cells.len();
        self.cells.push(Header::new(arity + 1, flags).0);
        self.cells.push(Cell::expression(base).0);
        self.cells.push(Cell::small(start as i32).0);
        Cell::expression(list)
    }

    pub(super) fn is_error(&self, cell: Cell) -> bool {
        cell.is_exp() && self.header(cell.at()).has(Header::ERROR)
    }

    /// The atom of a term that is neither variable nor expression.
    pub(super) fn leaf(&self, cell: Cell) -> Atom {
        match cell.kind() {
            Kind::Int(value) => Atom::integer(value),
            Kind::Flt(_) => Atom::float(self.float_of(cell)),
            Kind::Sym(id) => Atom::Symbol(self.symbol_of(id)),
            Kind::Bool(value) => Atom::boolean(value),
            Kind::Char(value) => Atom::Grounded(Grounded::Char(value)),
            Kind::Box(_) => self.box_of(cell).clone(),
            Kind::Ref(_) | Kind::Exp(_) => unreachable!("no leaf"),
        }
    }

    /// Whether a term has no more than so many parts.
    pub(super) fn is_within(&self, term: Cell, most: usize) -> bool {
        let mut pending: SmallVec<[Cell; 16]> = smallvec::smallvec![term];
        let mut seen = 0;
        while let Some(term) = pending.pop() {
            seen += 1;
            let term = self.deref(term);
            if term.is_exp() {
                let (first, n) = self.elements(term.at());
                if seen + pending.len() + n > most {
                    return false;
                }
                pending.extend((first..first + n).map(|at| self.word(at)));
            }
        }
        true
    }

    /// Whether variables are in a term, and none of them stands for something by now.
    pub(super) fn is_unbound(&self, term: Cell) -> bool {
        let mut is_open = false;
        let mut pending: SmallVec<[Cell; 16]> = smallvec::smallvec![term];
        let mut seen = Seen::new();
        while let Some(term) = pending.pop() {
            if term.is_ref() {
                if !self.deref(term).is_ref() {
                    return false;
                }
                is_open = true;
            }
            if term.is_exp()
                && !self.header(term.at()).has(Header::GROUND)
                && !seen.again(term.0, 0)
            {
                let (first, n) = self.elements(term.at());
                pending.extend((first..first + n).map(|at| self.word(at)));
            }
        }
        is_open
    }

    /// The word of a variable of an atom, made if it has none yet.
    pub(super) fn named_variable(&mut self, variable: &Variable) -> Cell {
        if let Some(at) = self.named.get(variable) {
            return Cell::reference(*at);
        }
        let cell = self.variable();
        self.names.push((cell.at(), variable.clone()));
        self.named.insert(variable.clone(), cell.at());
        cell
    }

    /// Moves the places of named variables; `None` where nothing refers to one any more.
    pub(super) fn move_names(&mut self, mut place: impl FnMut(usize) -> Option<usize>) {
        let names = std::mem::take(&mut self.names);
        self.named.clear();
        for (at, name) in names {
            if let Some(at) = place(at) {
                self.named.insert(name.clone(), at);
                self.names.push((at, name));
            }
        }
        self.names.sort_by_key(|(at, _)| *at);
    }

    /// The name of a variable, if it has got one.
    pub(super) fn known_name(&self, at: usize) -> Option<&Variable> {
        let found = self.names.binary_search_by_key(&at, |(at, _)| *at).ok()?;
        Some(&self.names[found].1)
    }

    pub(super) fn name_of(&mut self, at: usize) -> Variable {
        if let Ok(found) = self.names.binary_search_by_key(&at, |(at, _)| *at) {
            return self.names[found].1.clone();
        }
        let name = Variable::new("x").renamed();
        self.add_name(at, name.clone());
        name
    }

    /// Names a variable as a rule does, if it has no name yet.
    pub(super) fn name(&mut self, at: usize, as_written: &Variable) {
        if as_written.id() == 0 && self.known_name(at).is_none() {
            self.add_name(at, as_written.renamed());
        }
    }

    /// Gives a variable that was taken off the heap its name back, unless another has it.
    pub(super) fn name_again(&mut self, at: usize, name: Variable) {
        if !self.named.contains_key(&name) {
            self.add_name(at, name);
        }
    }

    fn add_name(&mut self, at: usize, name: Variable) {
        let place = self.names.partition_point(|(other, _)| *other < at);
        self.names.insert(place, (at, name.clone()));
        self.named.insert(name, at);
    }
}

/// The bits of a header that hold the number of a type.
pub(super) const TYPE_BITS: u64 = 0x3fff << 10;
