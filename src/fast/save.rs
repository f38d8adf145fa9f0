//! Terms taken off the heap, to be put back after going back to a choice.
//!
//! Words that are new to a saved term are relative to its beginning and bear a mark;
//! what is ground and older than the choice stays where it is.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::Atom;
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::heap::{CONSTANT_BOXES, CONSTANTS, Heap, TYPE_BITS};
use crate::seen::Made;

/// Marks an index into a [`Saved`].
const RELATIVE: usize = 1 << 40;
/// Marks a host value of a [`Saved`].
const RELATIVE_BOX: u64 = 1 << 60;
const KEPT_FLAGS: u64 = Header::GROUND | Header::DATA | Header::ERROR | TYPE_BITS;
/// A piece with more words is full.
const PIECE: usize = 1 << 16;

/// Terms that were taken off the heap.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// Their words, no term in two pieces: so they are given back piece by piece.
    pieces: Vec<Vec<u64>>,
    /// Words of the full pieces.
    full: usize,
    roots: Vec<Cell>,
    boxes: Vec<Atom>,
    /// Whether it refers to what is on the heap.
    points_out: bool,
}

impl Saved {
    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let last = self.pieces.last().map_or(0, Vec::len);
        (self.full + last + self.roots.len()) * 8
    }

    /// Replaces every word that refers to the heap.
    pub(super) fn replace(&mut self, mut replace: impl FnMut(Cell) -> Cell) {
        if !self.points_out {
            return;
        }
        let mut one = |word: Cell| match word.kind() {
            Kind::Exp(at) | Kind::Flt(at) | Kind::Ref(at) if at & RELATIVE == 0 => replace(word),
            Kind::Box(_) if word.0 & RELATIVE_BOX == 0 => replace(word),
            _ => word,
        };
        for root in &mut self.roots {
            *root = one(*root);
        }
        for piece in &mut self.pieces {
            let mut raw = false;
            for word in piece {
                if raw {
                    raw = false;
                } else if Cell(*word).is_header() {
                    raw = Header(*word).has(Header::FLOAT);
                } else {
                    *word = one(Cell(*word)).0;
                }
            }
        }
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
    /// The place of the first of these words.
    first: usize,
    boxes: &'k mut Vec<Atom>,
    variables: &'k mut Shared,
    /// Where expressions are that were put there, once there are many.
    made: Made<Cell>,
    points_out: bool,
}

impl Keep<'_> {
    fn place(&self) -> usize {
        RELATIVE + self.first + self.words.len()
    }

    /// What stands for a cell in the saved term. The elements of an expression are
    /// put there as they are, to be looked at later.
    fn cell(&mut self, cell: Cell) -> Cell {
        if cell.is_ref() && cell.at() & RELATIVE != 0 {
            return cell;
        }
        let cell = self.heap.deref(cell);
        match cell.kind() {
            Kind::Int(_) | Kind::Sym(_) | Kind::Bool(_) => cell,
            Kind::Box(id) if id >= CONSTANT_BOXES => cell,
            Kind::Box(id) if (id as usize) < self.box_top => {
                self.points_out = true;
                cell
            }
            Kind::Box(_) => {
                self.boxes.push(self.heap.box_of(cell).clone());
                Cell(Cell::boxed((self.boxes.len() - 1) as u32).0 | RELATIVE_BOX)
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
                let words = &mut *self.words;
                *self.variables.entry(at).or_insert_with(|| {
                    let cell = Cell::reference(place);
                    words.push(cell.0);
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
}

impl Heap {
    /// Takes a term off the heap so that the heap can be cut to `top`. What is
    /// ground and below stays where it is. Its other variables are added to `shared`.
    pub(super) fn save(
        &self,
        cell: Cell,
        (top, box_top): (usize, usize),
        saved: &mut Saved,
        shared: &mut Shared,
    ) {
        match saved.pieces.last() {
            Some(piece) if piece.len() < PIECE => {}
            last => {
                saved.full += last.map_or(0, Vec::len);
                saved.pieces.push(Vec::new());
            }
        }
        let words = saved.pieces.last_mut().expect("a piece is open");
        let mut scanned = words.len();
        let mut keep = Keep {
            heap: self,
            top,
            box_top,
            words,
            first: saved.full,
            boxes: &mut saved.boxes,
            variables: shared,
            made: Made::new(),
            points_out: saved.points_out,
        };
        let root = keep.cell(cell);
        while scanned < keep.words.len() {
            let word = Cell(keep.words[scanned]);
            if word.is_header() {
                let raw = Header(word.0).has(Header::FLOAT);
                scanned += if raw { 2 } else { 1 };
                continue;
            }
            if word.is_exp() {
                keep.words[scanned] = keep.expression(word).0;
            } else if !word.is_immediate() {
                keep.words[scanned] = keep.cell(word).0;
            }
            scanned += 1;
        }
        saved.points_out = keep.points_out;
        saved.roots.push(root);
    }

    /// Puts saved terms back, in the order in which they were saved.
    pub(super) fn restore(&mut self, saved: Saved) -> Vec<Cell> {
        let base = self.cells.len();
        let first_box = self.boxes.len() as u32;
        self.boxes.extend(saved.boxes);
        let relocate = |cell: Cell| -> Cell {
            if cell.is_immediate() {
                return cell;
            }
            if cell.is_box() {
                if cell.0 & RELATIVE_BOX == 0 {
                    return cell;
                }
                let id = Cell(cell.0 & !RELATIVE_BOX).at() as u32;
                return Cell::boxed(first_box + id);
            }
            if cell.at() & RELATIVE == 0 {
                return cell;
            }
            Cell(cell.0 - ((RELATIVE as u64) << 3) + ((base as u64) << 3))
        };
        let last = saved.pieces.last().map_or(0, Vec::len);
        self.cells.reserve(saved.full + last);
        for piece in saved.pieces {
            let mut raw = false;
            self.cells.extend(piece.iter().map(|word| {
                if raw {
                    raw = false;
                    *word
                } else if Cell(*word).is_header() {
                    raw = Header(*word).has(Header::FLOAT);
                    *word
                } else {
                    relocate(Cell(*word)).0
                }
            }));
        }
        let mut roots = saved.roots;
        for root in &mut roots {
            *root = relocate(*root);
        }
        roots
    }
}
