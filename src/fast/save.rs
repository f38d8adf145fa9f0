//! Terms taken off the heap, to be put back after going back to a choice.
//!
//! Their words are written as they will stand on the heap, which is cut to where the choice
//! was made before they are put back: what they refer to below is older than it. So putting
//! many back is handing over the memory that they are in.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::areas::Areas;
use crate::atom::{Atom, Variable};
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::heap::{CONSTANT_BOXES, CONSTANTS, Heap, TYPE_BITS};
use crate::seen::Made;

/// Where words are said to stand once the heap was moved below them.
const FAR: usize = 1 << 40;
/// As [`FAR`], for host values.
const FAR_BOXES: u32 = 1 << 30;
const KEPT_FLAGS: u64 = Header::GROUND | Header::DATA | Header::ERROR | TYPE_BITS;
/// So many words get room for what comes before them on the heap.
const MANY: usize = 1 << 18;

/// Terms that were taken off the heap.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// Behind room for what comes before on the heap, if they are many.
    words: Vec<u64>,
    room: usize,
    /// Where the first of the words will stand. What is outside of them is below.
    base: usize,
    /// The terms themselves, as cells.
    roots: Vec<u64>,
    boxes: Vec<Atom>,
    /// Variables in it that have names, as cells, with these.
    names: Vec<(Cell, Variable)>,
    /// Where in `names` each is.
    named: HashMap<Variable, usize, FixedState>,
    /// As `base`, of host values.
    first_box: u32,
    /// Whether it refers to what is on the heap.
    points_out: bool,
}

impl Saved {
    pub(super) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Whether the first of the terms is this one, which is not on the heap.
    #[inline]
    pub(super) fn begins_with(&self, leaf: Cell) -> bool {
        self.roots.first() == Some(&leaf.0)
    }

    /// The terms, once they are back on the heap.
    pub(super) fn roots(&self) -> impl ExactSizeIterator<Item = Cell> {
        self.roots.iter().map(|root| Cell(*root))
    }

    /// Forgets all but the memory it has, if that is little. Whether it was.
    pub(super) fn clear(&mut self) -> bool {
        const LITTLE: usize = 1 << 10;
        let Saved {
            words,
            roots,
            boxes,
            names,
            named,
            ..
        } = self;
        words.clear();
        roots.clear();
        boxes.clear();
        names.clear();
        named.clear();
        (self.room, self.base, self.first_box) = (0, 0, 0);
        self.points_out = false;
        self.words.capacity().max(self.roots.capacity()) <= LITTLE
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        (self.words.len() - self.room + self.roots.len()) * 8
    }

    /// Replaces every word that refers to the heap, which changes.
    pub(super) fn replace(&mut self, replace: impl FnMut(Cell) -> Cell) {
        if self.points_out || self.base != FAR {
            self.rewrite(FAR, FAR_BOXES, replace);
        }
    }

    /// Lets the words stand elsewhere, and replaces those that refer to what is outside.
    fn rewrite(&mut self, base: usize, first_box: u32, mut outside: impl FnMut(Cell) -> Cell) {
        let (old, old_box) = (self.base, self.first_box);
        (self.base, self.first_box) = (base, first_box);
        let mut one = |word: Cell| match word.kind() {
            Kind::Exp(at) | Kind::Flt(at) | Kind::Ref(at) if at >= CONSTANTS => {
                if at < old {
                    outside(word)
                } else {
                    Cell(word.0 - ((old as u64) << 3) + ((base as u64) << 3))
                }
            }
            Kind::Box(id) if id < old_box => outside(word),
            Kind::Box(id) if id < CONSTANT_BOXES => Cell::boxed(id - old_box + first_box),
            _ => word,
        };
        for root in &mut self.roots {
            *root = one(Cell(*root)).0;
        }
        for (variable, _) in &mut self.names {
            *variable = one(*variable);
        }
        let mut raw = false;
        for word in &mut self.words[self.room..] {
            if raw {
                raw = false;
            } else if Cell(*word).is_header() {
                raw = Header(*word).has(Header::FLOAT);
            } else {
                *word = one(Cell(*word)).0;
            }
        }
    }

    /// Makes room where it will be needed: memory that nothing was written to costs nothing,
    /// moving what was written does.
    fn make_room(&mut self, areas: Areas) {
        const TIMES: usize = 64;
        grow(&mut self.roots, areas);
        if self.words.len() < MANY {
            return;
        }
        if self.room == 0 && self.base != FAR {
            let mut words = vec![0; self.base + TIMES * self.words.len()];
            words.truncate(self.base);
            words.extend_from_slice(&self.words);
            (self.words, self.room) = (words, self.base);
            areas.tell_of_room(&mut self.words);
        } else {
            grow(&mut self.words, areas);
        }
    }
}

/// Makes room for eight times as many words if they are many and there is little left.
fn grow(words: &mut Vec<u64>, areas: Areas) {
    const LITTLE: usize = 1 << 12;
    if words.len() >= MANY && words.capacity() - words.len() < LITTLE {
        // Else they grow as others do.
        let _ = words.try_reserve_exact(7 * words.len());
        areas.tell_of_room(words);
    }
}

/// Variables that stand for something in a [`Saved`], by their place on the heap: terms saved
/// later have the same.
pub(super) type Shared = HashMap<usize, Cell, FixedState>;

/// Saves one term.
struct Keep<'k> {
    heap: &'k Heap,
    top: usize,
    box_top: usize,
    words: &'k mut Vec<u64>,
    /// How much further than in `words` they will stand.
    shift: usize,
    boxes: &'k mut Vec<Atom>,
    first_box: u32,
    names: &'k mut Vec<(Cell, Variable)>,
    named: &'k mut HashMap<Variable, usize, FixedState>,
    variables: &'k mut Shared,
    /// Where expressions are that were put there, once there are many.
    made: Made<Cell>,
    points_out: bool,
}

impl Keep<'_> {
    fn place(&self) -> usize {
        self.words.len() + self.shift
    }

    /// What stands for a cell in the saved term. The elements of an expression are
    /// put there as they are, to be looked at later.
    fn cell(&mut self, cell: Cell) -> Cell {
        let cell = self.heap.deref(cell);
        match cell.kind() {
            Kind::Int(_) | Kind::Sym(_) | Kind::Bool(_) | Kind::Char(_) => cell,
            Kind::Box(id) if id >= CONSTANT_BOXES => cell,
            Kind::Box(id) if (id as usize) < self.box_top => {
                self.points_out = true;
                cell
            }
            Kind::Box(_) => {
                self.boxes.push(self.heap.box_of(cell).clone());
                Cell::boxed(self.first_box + self.boxes.len() as u32 - 1)
            }
            Kind::Flt(at) if at < self.top => {
                self.points_out |= at >= CONSTANTS;
                cell
            }
            Kind::Flt(at) => {
                let place = self.place();
                self.words.extend_from_slice(&self.heap.cells[at..at + 2]);
                Cell::float(place)
            }
            Kind::Ref(at) if at < self.top => {
                self.points_out = true;
                cell
            }
            Kind::Ref(at) => {
                let place = self.place();
                let (words, names, named) = (&mut *self.words, &mut *self.names, &mut *self.named);
                *self.variables.entry(at).or_insert_with(|| {
                    let name = self.heap.known_name(at);
                    // One that was taken off the heap and put back is what it was.
                    if let Some(known) = name.and_then(|name| named.get(name)) {
                        return names[*known].0;
                    }
                    let cell = Cell::reference(place);
                    words.push(cell.0);
                    if let Some(name) = name {
                        named.insert(name.clone(), names.len());
                        names.push((cell, name.clone()));
                    }
                    cell
                })
            }
            Kind::Exp(_) => self.expression(cell),
        }
    }

    #[inline(always)]
    fn expression(&mut self, cell: Cell) -> Cell {
        let at = cell.at();
        let header = self.heap.header(at);
        if at < self.top && header.has(Header::GROUND) {
            self.points_out |= at >= CONSTANTS;
            return cell;
        }
        if let Some(known) = self.made.get(at) {
            return *known;
        }
        let (first, arity) = self.heap.elements(at);
        let place = self.place();
        self.made.remember(at, || Cell::expression(place));
        // Bindings that are undone later are now part of the term.
        let header = Header::new(arity, header.0 & KEPT_FLAGS).0;
        match self.heap.cells[first..first + arity] {
            [a, b] => self.words.extend_from_slice(&[header, a, b]),
            [a, b, c] => self.words.extend_from_slice(&[header, a, b, c]),
            ref elements => {
                self.words.push(header);
                self.words.extend_from_slice(elements);
            }
        }
        Cell::expression(place)
    }

    /// Looks at what was put into `words` from there on, and at all that this puts there.
    fn elements(&mut self, from: usize) {
        let mut at = from;
        while let Some(word) = self.words.get(at) {
            let header = Header(*word);
            at += 1;
            if !Cell(*word).is_header() {
                // A variable.
                continue;
            }
            let end = at + header.arity();
            if header.has(Header::FLOAT) {
                at = end;
            }
            while at < end {
                let word = Cell(self.words[at]);
                if word.is_exp() {
                    self.words[at] = self.expression(word).0;
                } else if !word.is_immediate() {
                    self.words[at] = self.cell(word).0;
                }
                at += 1;
            }
        }
    }
}

impl Heap {
    /// Gives names to the variables of a term that are at places from `top` up to `next`: by these
    /// they are known to be the same in other terms that are saved.
    pub(super) fn name_variables(&mut self, cell: Cell, (top, next): (usize, usize)) {
        let mut pending = vec![cell];
        let mut seen = HashSet::<usize, FixedState>::default();
        while let Some(cell) = pending.pop() {
            let cell = self.deref(cell);
            match cell.kind() {
                Kind::Ref(at) if (top..next).contains(&at) => {
                    self.name_of(at);
                }
                Kind::Exp(at) if !self.header(at).has(Header::GROUND) && seen.insert(at) => {
                    let (first, count) = self.elements(at);
                    pending.extend((first..first + count).map(|at| self.word(at)));
                }
                _ => {}
            }
        }
    }

    /// Takes a term off the heap so that the heap can be cut to `top`. What is
    /// ground and below stays where it is. Its other variables are added to `shared`.
    pub(super) fn save(
        &self,
        cell: Cell,
        (top, box_top): (usize, usize),
        saved: &mut Saved,
        shared: &mut Shared,
    ) {
        if saved.roots.is_empty() {
            (saved.base, saved.first_box) = (top, box_top as u32);
        }
        saved.make_room(self.areas);
        if self.save_plain(cell, top, saved) {
            return;
        }
        let from = saved.words.len();
        let mut keep = Keep {
            heap: self,
            top,
            box_top,
            shift: saved.base - saved.room,
            words: &mut saved.words,
            boxes: &mut saved.boxes,
            first_box: saved.first_box,
            names: &mut saved.names,
            named: &mut saved.named,
            variables: shared,
            made: Made::new(),
            points_out: saved.points_out,
        };
        let root = keep.cell(cell);
        keep.elements(from);
        saved.points_out = keep.points_out;
        saved.roots.push(root.0);
    }

    /// Saves a term that takes no looking into: a name, a small number, a constant or an
    /// expression of such. Whether it is one.
    #[inline(always)]
    fn save_plain(&self, cell: Cell, top: usize, saved: &mut Saved) -> bool {
        let is_leaf = |word: &u64| {
            let cell = Cell(*word);
            cell.is_immediate() || cell.is_exp() && cell.at() < CONSTANTS
        };
        if is_leaf(&cell.0) {
            saved.roots.push(cell.0);
            return true;
        }
        if !cell.is_exp() || cell.at() < top {
            return false;
        }
        let header = self.header(cell.at());
        let words = &self.cells[cell.at() + 1..];
        let arity = header.arity();
        if header.has(Header::SLICE) || arity > words.len() || !words[..arity].iter().all(is_leaf) {
            return false;
        }
        let place = saved.words.len() + saved.base - saved.room;
        saved
            .words
            .push(Header::new(arity, header.0 & KEPT_FLAGS).0);
        saved.words.extend_from_slice(&words[..arity]);
        saved.roots.push(Cell::expression(place).0);
        true
    }

    /// Puts saved terms back, in the order in which they were saved.
    pub(super) fn restore(&mut self, saved: &mut Saved) {
        let (top, box_top) = (self.cells.len(), self.boxes.len() as u32);
        if (saved.base, saved.first_box) != (top, box_top) {
            saved.rewrite(top, box_top, |word| word);
        }
        self.boxes.append(&mut saved.boxes);
        if saved.room == top && top - CONSTANTS < saved.words.len() - top {
            let used = self.constants;
            saved.words[..used].copy_from_slice(&self.cells[..used]);
            saved.words[CONSTANTS..top].copy_from_slice(&self.cells[CONSTANTS..]);
            self.cells = std::mem::take(&mut saved.words);
        } else {
            let words = &saved.words[saved.room..];
            self.make_room(top + words.len());
            self.cells.extend_from_slice(words);
        }
        saved.named.clear();
        for (variable, name) in saved.names.drain(..) {
            self.name_again(variable.at(), name);
        }
    }
}
