//! The collector: copies what can still be reached, so that endless loops run in
//! constant memory.
//!
//! It runs at calls only, where the code says which slots of each waiting frame hold
//! something. With choices left, all that survives counts as older than any of them.
//!
//! Source: C. J. Cheney, "A Nonrecursive List Compacting Algorithm", CACM 13(11), 1970.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};

use crate::atom::Atom;
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::choice::{Choice, Kind};
use crate::fast::code::{FINISH, Pc, RETURN};
use crate::fast::heap::{CONSTANT_BOXES, CONSTANTS};
use crate::fast::machine::Machine;
use crate::symbol;

/// Words of terms before a heap is collected first: what stays in the processor's caches, and
/// more where each collection goes through many frames.
fn smallest(frames: usize) -> usize {
    const FRAMES: usize = 1 << 15;
    if frames < FRAMES { 1 << 16 } else { 1 << 19 }
}

/// As much is collected anew once it is so many times as large.
const GROWTH: usize = 3;
/// The same where nearly all was still in use: what is being built is copied less often, and
/// less memory is written to for the first time. Up to so many words.
const GROWTH_OF_BUILT: usize = 6;
const BUILT: usize = 1 << 23;
/// Heaps of so many words are copied off and back.
const SMALL: usize = 1 << 18;

/// The slots that hold something.
enum Live {
    /// Of frames that each wait for the one before, which begins to run with so many
    /// arguments: by where they go on.
    Line(Vec<(u32, Pc)>),
    /// By frame, some of which choices go on with.
    Frames(Frames),
}

type Frames = HashMap<usize, Vec<u64>, FixedState>;

struct Copy<'c> {
    from: &'c mut Vec<u64>,
    to: Vec<u64>,
    /// How much further than in `to` its words will stand.
    shift: usize,
    boxes: &'c mut Vec<Atom>,
    kept_boxes: Vec<Atom>,
    box_places: HashMap<u32, u32, FixedState>,
    /// Unbound variables among what was copied.
    unbound: Vec<usize>,
    /// Whether no choice can undo a binding.
    settled: bool,
    /// The names in use, if the others are to be freed.
    names: Option<Vec<u32>>,
}

impl Copy<'_> {
    fn place(&self) -> usize {
        self.shift + self.to.len()
    }

    fn forward(&mut self, mut cell: Cell) -> Cell {
        loop {
            match cell.kind() {
                Term::Int(_) | Term::Bool(_) | Term::Char(_) => return cell,
                Term::Sym(id) => {
                    if let Some(names) = &mut self.names
                        && names.last() != Some(&id)
                    {
                        names.push(id);
                    }
                    return cell;
                }
                Term::Box(id) if id >= CONSTANT_BOXES => return cell,
                Term::Box(id) => {
                    let kept = &mut self.kept_boxes;
                    let boxes = &mut *self.boxes;
                    let place = *self.box_places.entry(id).or_insert_with(|| {
                        let atom = std::mem::replace(&mut boxes[id as usize], Atom::boolean(false));
                        kept.push(atom);
                        (kept.len() - 1) as u32
                    });
                    return Cell::boxed(place);
                }
                Term::Exp(_) => return self.expression(cell),
                Term::Flt(at) if at < CONSTANTS => return cell,
                Term::Flt(at) => {
                    let header = Header(self.from[at]);
                    if header.has(Header::MOVED) {
                        return Cell::float(header.arity());
                    }
                    let place = self.copy(at, 2);
                    return Cell::float(place);
                }
                Term::Ref(at) => {
                    let word = Cell(self.from[at]);
                    if word.is_header() {
                        return Cell::reference(Header(word.0).arity());
                    }
                    if word == cell {
                        let place = self.copy(at, 1);
                        self.unbound.push(place - self.shift);
                        // Not to be taken for a place of old.
                        self.to[place - self.shift] = Cell::FALSE.0;
                        return Cell::reference(place);
                    }
                    if self.settled {
                        cell = word;
                        continue;
                    }
                    let place = self.copy(at, 1);
                    return Cell::reference(place);
                }
            }
        }
    }

    /// Forwards what the slots of a frame hold.
    fn frame(&mut self, stack: &mut [u64], base: usize, mask: &[u64]) {
        for (word, bits) in mask.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let place = base + 2 + word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                stack[place] = self.forward(Cell(stack[place])).0;
            }
        }
    }

    fn copy(&mut self, at: usize, words: usize) -> usize {
        let place = self.place();
        match self.from[at..at + words] {
            [a, b, c] => self.to.extend_from_slice(&[a, b, c]),
            [a, b, c, d] => self.to.extend_from_slice(&[a, b, c, d]),
            ref words => self.to.extend_from_slice(words),
        }
        self.from[at] = Header::new(place, Header::MOVED).0;
        place
    }

    /// Forwards what was copied but not looked at yet.
    fn scan(&mut self, from: usize) -> usize {
        let mut at = from;
        while at < self.to.len() {
            let word = Cell(self.to[at]);
            if word.is_header() {
                let raw = Header(word.0).has(Header::FLOAT);
                at += if raw { 2 } else { 1 };
                continue;
            }
            if word.is_exp() {
                self.to[at] = self.expression(word).0;
            } else if !(word.is_int() || word.is_symbol() && self.is_noted(word)) {
                self.to[at] = self.forward(word).0;
            }
            at += 1;
        }
        at
    }

    /// Whether a name is in no need of being noted to be in use.
    #[inline(always)]
    fn is_noted(&self, name: Cell) -> bool {
        let last = self.names.as_ref().map(|names| names.last());
        last.is_none_or(|last| last == Some(&(name.at() as u32)))
    }

    #[inline(always)]
    fn expression(&mut self, cell: Cell) -> Cell {
        let at = cell.at();
        if at < CONSTANTS {
            return cell;
        }
        let header = Header(self.from[at]);
        if header.has(Header::MOVED) {
            return Cell::expression(header.arity());
        }
        let words = if header.has(Header::SLICE) {
            3
        } else {
            header.arity() + 1
        };
        Cell::expression(self.copy(at, words))
    }
}

impl Machine<'_> {
    /// Collects, if the code tells all that is needed. The frame is about to run with so
    /// many arguments.
    pub(super) fn collect(&mut self, base: usize, arguments: usize) {
        let smallest = smallest(base);
        if self.heap.cells.len() < CONSTANTS + smallest && !self.heap.holds_much() {
            self.collect_at = CONSTANTS + smallest;
            return;
        }
        self.note_peak(base);
        self.look_at_doubts();
        let live = match self.live(base, arguments) {
            Some(live) if self.asides.is_empty() => live,
            _ => {
                self.collect_at = self.heap.cells.len() * 2;
                self.heap.make_room(self.collect_at);
                self.heap.beside_max = 2 * self.heap.beside;
                return;
            }
        };
        let settled = self.choices.is_empty();
        // What is copied off a large heap is the new heap, behind the constants.
        let used = self.heap.cells.len() - CONSTANTS;
        let to = if used > SMALL {
            let times = if used < BUILT {
                GROWTH_OF_BUILT
            } else {
                GROWTH
            };
            self.heap.room_to_copy(times * used + used / 8)
        } else {
            let mut spare = std::mem::take(&mut self.heap.spare);
            spare.reserve(used);
            spare
        };
        let mut scanned = to.len();
        let mut copy = Copy {
            shift: CONSTANTS - to.len(),
            to,
            from: &mut self.heap.cells,
            boxes: &mut self.heap.boxes,
            kept_boxes: Vec::new(),
            box_places: HashMap::default(),
            unbound: Vec::new(),
            settled,
            names: symbol::are_held_by_one().then(Vec::new),
        };
        let stack = &mut self.stack;
        match &live {
            Live::Frames(frames) => {
                for (base, mask) in frames {
                    copy.frame(stack, *base, mask);
                    scanned = copy.scan(scanned);
                }
            }
            Live::Line(line) => {
                copy.frame(stack, base, &first_slots(arguments));
                let mut known: (Pc, &[u64]) = (RETURN, &[]);
                for (base, pc) in line {
                    if *pc != known.0 {
                        known = (*pc, self.program.live_at(*pc).unwrap_or_default());
                    }
                    copy.frame(stack, *base as usize, known.1);
                    scanned = copy.scan(scanned);
                }
            }
        }
        for choice in &mut self.choices {
            match &mut choice.kind {
                Kind::Elements { list, .. } => *list = copy.forward(*list),
                Kind::Join(join) => {
                    for pattern in join.patterns_mut() {
                        *pattern = copy.forward(*pattern);
                    }
                }
                Kind::Loops(loops) if copy.names.is_some() => {
                    for name in loops.names() {
                        copy.forward(name);
                    }
                }
                Kind::Gather { gathered, .. } => {
                    gathered.saved.replace(|cell| copy.forward(cell));
                    gathered.shared.clear();
                }
                Kind::Rules { .. }
                | Kind::Chain { .. }
                | Kind::Places { .. }
                | Kind::Ways { .. }
                | Kind::Loops(_)
                | Kind::Case { .. }
                | Kind::Fill { .. }
                | Kind::Answers { .. }
                | Kind::Aside => {}
            }
            scanned = copy.scan(scanned);
        }
        copy.scan(scanned);
        let Copy {
            mut to,
            shift,
            kept_boxes,
            unbound,
            names,
            ..
        } = copy;
        if let Some(mut names) = names {
            names.extend(self.tables.names());
            symbol::free_unused(&names);
            // Known by bare ids.
            self.program.symbol_types.clear();
        }
        for place in unbound {
            to[place] = Cell::reference(shift + place).0;
        }
        // Names and bindings of variables that nothing reaches any more are dropped.
        let moved = |cells: &[u64], at: usize| {
            let word = Cell(cells[at]);
            word.is_header().then(|| Header(word.0).arity())
        };
        let old = std::mem::take(&mut self.heap.trail);
        let tops: Vec<u32> = self.choices.iter().flat_map(Choice::trail_tops).collect();
        let mut tops = tops.into_iter().peekable();
        let mut new_tops = Vec::with_capacity(tops.len());
        for (number, at) in old.iter().enumerate() {
            while tops.next_if(|top| *top as usize <= number).is_some() {
                new_tops.push(self.heap.trail.len() as u32);
            }
            if let Some(at) = moved(&self.heap.cells, *at as usize) {
                self.heap.trail.push(at as u32);
            }
        }
        new_tops.extend(tops.map(|_| self.heap.trail.len() as u32));
        let cells = std::mem::take(&mut self.heap.cells);
        self.heap.move_names(|at| moved(&cells, at));
        self.heap.cells = cells;
        self.heap.cells.truncate(CONSTANTS);
        // A heap that is still small is let grow, where most of it stays in use.
        let kept = shift + to.len() - CONSTANTS;
        let is_built = kept > SMALL && kept < BUILT && kept > used - used / 8;
        let times = match is_built {
            true => GROWTH_OF_BUILT,
            false if kept < smallest => 4,
            false => GROWTH,
        };
        let collect_at = CONSTANTS + (kept * times).max(smallest);
        let with_room = collect_at + collect_at / 64;
        let is_in_place = shift == 0 && to.capacity() >= with_room;
        if is_in_place && (kept > used / 8 || self.heap.cells.capacity() < with_room) {
            let cells = std::mem::replace(&mut self.heap.cells, to);
            self.heap.keep_other(cells, used);
        } else {
            // Little is left: it goes where memory was written to before.
            self.heap.make_room(with_room);
            self.heap.cells.extend_from_slice(&to[CONSTANTS - shift..]);
            if shift != 0 {
                to.clear();
                self.heap.spare = to;
            } else {
                self.heap.keep_other(to, kept);
            }
        }
        self.heap.keep_boxes(kept_boxes);
        let top = self.heap.cells.len();
        let box_top = self.heap.boxes.len() as u32;
        let mut new_tops = new_tops.into_iter();
        for choice in &mut self.choices {
            choice.move_tops(top, box_top, &mut new_tops);
        }
        self.heap.old = if settled { 0 } else { top };
        self.note_collected(collect_at);
    }

    /// The slots that hold something, of every frame that is still to go on.
    fn live(&self, base: usize, arguments: usize) -> Option<Live> {
        if self.choices.is_empty() {
            return self.line(base).map(Live::Line);
        }
        let mut live = Frames::default();
        self.runs(&mut live, base, arguments)?;
        for choice in &self.choices {
            let base = choice.base as usize;
            match &choice.kind {
                Kind::Rules { function, .. } => {
                    let arity = self.program.functions[*function as usize].arity;
                    self.runs(&mut live, base, arity)?;
                }
                Kind::Chain { kept, .. } => {
                    self.runs(&mut live, base, usize::from(*kept))?;
                }
                Kind::Places { next, left } => {
                    for at in *next..next + left {
                        let pc = self.program.operands[at as usize].0;
                        self.waits(&mut live, base, pc)?;
                    }
                }
                Kind::Elements { pc, .. } | Kind::Ways { pc, .. } => {
                    self.waits(&mut live, base, *pc)?;
                }
                Kind::Join(join) => self.waits(&mut live, base, join.pc())?,
                Kind::Loops(loops) => self.waits(&mut live, base, loops.pc)?,
                Kind::Gather { done, .. } => self.waits(&mut live, base, *done)?,
                Kind::Case { empty, .. } => self.waits(&mut live, base, *empty)?,
                Kind::Fill { kept, .. } | Kind::Answers { kept, .. } => {
                    self.runs(&mut live, base, usize::from(*kept))?;
                }
                Kind::Aside => return None,
            }
        }
        Some(Live::Frames(live))
    }

    /// The frames that wait for this one, and where they go on.
    fn line(&self, mut base: usize) -> Option<Vec<(u32, Pc)>> {
        let mut line = Vec::new();
        let mut known = RETURN;
        loop {
            let word = self.stack[base];
            let (pc, below) = ((word >> 32) as Pc, word as u32);
            if pc == FINISH {
                return Some(line);
            }
            if pc != known {
                self.program.live_at(pc)?;
                known = pc;
            }
            line.push((below, pc));
            base = below as usize;
        }
    }

    /// A frame that begins to run with its arguments.
    fn runs(&self, live: &mut Frames, base: usize, arguments: usize) -> Option<()> {
        add(live, base, &first_slots(arguments));
        self.callers(live, base)
    }

    /// A frame that waits for something to come back to `pc`.
    fn waits(&self, live: &mut Frames, base: usize, pc: Pc) -> Option<()> {
        add(live, base, self.program.live_at(pc)?);
        self.callers(live, base)
    }

    fn callers(&self, live: &mut Frames, base: usize) -> Option<()> {
        let mut base = base;
        loop {
            let word = self.stack[base];
            let (pc, below) = ((word >> 32) as Pc, (word & 0xffff_ffff) as usize);
            if pc == FINISH || !add(live, below, self.program.live_at(pc)?) {
                return Some(());
            }
            base = below;
        }
    }
}

/// The mask of so many slots.
fn first_slots(count: usize) -> SmallVec<[u64; 2]> {
    let mut mask: SmallVec<[u64; 2]> = smallvec![u64::MAX; count.div_ceil(64)];
    if let Some(last) = mask.last_mut()
        && !count.is_multiple_of(64)
    {
        *last = (1 << (count % 64)) - 1;
    }
    mask
}

/// Adds slots of a frame; whether any are new, or the frame is.
fn add(live: &mut Frames, base: usize, mask: &[u64]) -> bool {
    let mut new = false;
    let known = live.entry(base).or_insert_with(|| {
        new = true;
        Vec::new()
    });
    if known.len() < mask.len() {
        known.resize(mask.len(), 0);
    }
    for (known, bits) in known.iter_mut().zip(mask) {
        new |= *bits & !*known != 0;
        *known |= *bits;
    }
    new
}
