//! `match`: each way in which patterns unify with rows of a space, one after the other.
//!
//! The patterns of a query are levels of nested loops. A level has the rows that may
//! match its pattern as it is under what the levels before it bound, and goes back by
//! itself between its rows. To the rest of the machine all levels are one choice, whose
//! tops are those of the deepest level that has rows left.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::fast::cell::{Cell, Kind as Term};
use crate::fast::choice::Kind;
use crate::fast::code::{Pc, Slot};
pub(super) use crate::space::Open;
use crate::space::{Layers, Row, Space, changes};

use super::ahead::Ahead;
use super::answers::{Answers, Looked};
use super::blocks::Blocks;
use super::pattern::Place;
use super::{Machine, Next};

/// Rows looked at under one lock.
pub(super) const BATCH: usize = 256;

/// Spaces whose layers are kept.
const SPACES: usize = 8;

/// A query that has rows left to look at.
#[derive(Default)]
pub(in crate::fast) struct Join {
    /// None while it is no query.
    layers: Option<Rc<Layers>>,
    /// How many patterns there are.
    pub(super) width: usize,
    /// The patterns, unless they are compiled.
    pub(super) patterns: SmallVec<[Cell; 4]>,
    /// The first of them, if they are; the others have the numbers after it.
    pub(super) compiled: Option<Place>,
    /// Whether rows that the deepest level has left may be plain; answers that were found in those
    /// before them.
    pub(super) is_plain: bool,
    pub(super) answers: Answers,
    pub(super) levels: SmallVec<[Level; 4]>,
    /// The rows of all levels, the outermost first.
    pub(super) rows: Vec<Row>,
    /// For each pattern, layers that have nothing for its head.
    pub(super) without: SmallVec<[Without; 4]>,
    /// Whether the pattern with the fewest rows is always next.
    pub(super) greedy: bool,
    /// The solutions that are known already, a row for each pattern.
    pub(super) tuples: Vec<Row>,
    pub(super) ahead: Ahead,
    pub(super) blocks: Blocks,
    /// Where each solution goes on.
    pc: Pc,
}

/// What the machine was like before a row of the level was taken.
#[derive(Clone, Copy, Default)]
pub(in crate::fast) struct Tops {
    pub(in crate::fast) heap: usize,
    pub(in crate::fast) boxes: u32,
    pub(in crate::fast) trail: u32,
}

#[derive(Clone, Copy)]
pub(super) struct Level {
    /// Of which pattern.
    pub(super) pattern: usize,
    /// Its rows in the list of rows.
    pub(super) first: usize,
    pub(super) next: usize,
    pub(super) end: usize,
    pub(super) tops: Tops,
}

/// Layers without atoms of this head, a bit each.
#[derive(Clone, Copy, Default)]
pub(super) struct Without {
    pub(super) head: [u32; 2],
    layers: u64,
}

impl Without {
    /// The only one of so many layers that has anything for the head; `None` before a first row was
    /// looked for.
    pub(super) fn only_layer(&self, layers: usize) -> Option<u32> {
        let mut left = (0..layers as u32)
            .filter(|layer| self.layers & 1_u64.checked_shl(*layer).unwrap_or(0) == 0);
        let only = left.next().filter(|_| left.next().is_none());
        only.filter(|_| self.head != Without::default().head)
    }
}

/// The patterns of a query.
enum Asked {
    Terms(SmallVec<[Cell; 4]>),
    /// So many, which have numbers one after the other, from the first on.
    Compiled(Place, usize),
}

impl Asked {
    fn width(&self) -> usize {
        match self {
            Asked::Terms(patterns) => patterns.len(),
            Asked::Compiled(_, width) => *width,
        }
    }
}

/// What came of looking for a solution.
pub(super) enum Solved {
    /// There is one, and there are rows left.
    More,
    /// There is one, and nothing is left.
    Last,
    Nothing,
    /// A bound was hit.
    Exhausted,
}

impl Join {
    /// Makes it a query of which nothing was looked at yet.
    fn begin(&mut self, layers: Rc<Layers>, asked: Asked, pc: Pc) {
        self.layers = Some(layers);
        self.width = asked.width();
        (self.patterns, self.compiled) = match asked {
            Asked::Terms(patterns) => (patterns, None),
            Asked::Compiled(first, _) => (SmallVec::new(), Some(first)),
        };
        self.is_plain = false;
        self.levels.clear();
        self.rows.clear();
        self.greedy = false;
        self.tuples.clear();
        self.ahead.clear();
        self.blocks.clear();
        self.without.clear();
        self.without.resize(self.width, Without::default());
        self.pc = pc;
    }

    /// Makes it the rest of a query of one compiled pattern: its rows that are left.
    pub(super) fn begin_rest(
        &mut self,
        layers: Rc<Layers>,
        place: Place,
        rows: &[Row],
        tops: Tops,
        pc: Pc,
    ) {
        self.begin(layers, Asked::Compiled(place, 1), pc);
        self.rows.extend_from_slice(rows);
        self.levels.push(Level {
            pattern: 0,
            first: 0,
            next: 0,
            end: rows.len(),
            tops,
        });
    }

    pub(super) fn layers(&self) -> &Rc<Layers> {
        self.layers.as_ref().expect("it is a query")
    }

    /// What the machine was like before the query.
    pub(in crate::fast) fn tops(&self) -> Option<Tops> {
        self.levels.first().map(|level| level.tops)
    }

    /// Whether there are rows that were not looked at.
    #[inline(always)]
    pub(super) fn has_rows(&self) -> bool {
        self.levels.iter().any(|level| level.next < level.end)
    }

    /// Whether the next solution is an answer that is known; not of a join that has no others.
    #[inline(always)]
    pub(super) fn knows_next(&self) -> bool {
        match self.answers.left() {
            0 => false,
            1 => self.width == 1 || self.has_rows(),
            _ => true,
        }
    }

    /// A pattern in its frame, if they are compiled.
    #[inline(always)]
    pub(super) fn place_of(&self, number: usize) -> Option<Place> {
        self.compiled.map(|Place { pattern, base }| Place {
            pattern: pattern + number as u32,
            base,
        })
    }

    /// The row that a level has taken.
    fn taken(&self, depth: usize) -> Row {
        let of_answer = self.answers.row().filter(|_| depth + 1 == self.width);
        of_answer.unwrap_or_else(|| self.rows[self.levels[depth].next - 1])
    }

    /// The deepest level that has rows or answers left.
    pub(super) fn resumes(&self) -> Option<&Level> {
        if self.answers.left() > 0 {
            return self.levels.last();
        }
        self.levels
            .iter()
            .rev()
            .find(|level| level.next < level.end)
    }

    /// The terms that it holds, for the collector.
    pub(in crate::fast) fn patterns_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        self.patterns.iter_mut()
    }

    /// How long the trail was at each level, outermost first.
    pub(in crate::fast) fn trail_tops(&self) -> impl Iterator<Item = u32> {
        self.levels.iter().map(|level| level.tops.trail)
    }

    /// Takes note of a collection: all that survived is older than every level.
    pub(in crate::fast) fn moved(
        &mut self,
        heap: usize,
        boxes: u32,
        trails: &mut impl Iterator<Item = u32>,
    ) {
        for level in &mut self.levels {
            let trail = trails.next().expect("one for each level");
            level.tops = Tops { heap, boxes, trail };
        }
    }

    /// What the machine was like before the row that it goes back to next: the tops of its
    /// choice.
    pub(in crate::fast) fn resumes_at(&self) -> Tops {
        self.resumes().expect("rows are left").tops
    }

    /// What came of looking for a solution that was found.
    fn solved(&self) -> Solved {
        match self.resumes() {
            Some(_) => Solved::More,
            None => Solved::Last,
        }
    }

    /// Where its solutions go on.
    pub(in crate::fast) fn pc(&self) -> Pc {
        self.pc
    }
}

/// The store of a layer, locked; never two at once.
pub(super) fn opened<'o, 'l>(
    layers: &'l Layers,
    layer: u32,
    open: &'o mut Option<(u32, Open<'l>)>,
) -> &'o Open<'l> {
    if open.as_ref().is_none_or(|(other, _)| *other != layer) {
        *open = None;
        *open = Some((layer, layers.open(layer as usize)));
    }
    &open.as_ref().expect("just opened").1
}

impl Machine<'_> {
    pub(super) fn space_of(&self, cell: Cell) -> Option<Space> {
        cell.is_box()
            .then(|| self.heap.box_of(cell).as_space().cloned())?
    }

    /// Whether a pattern is `(, …)`.
    #[inline(never)]
    pub(super) fn is_conjunction(&self, pattern: Cell) -> bool {
        let pattern = self.heap.deref(pattern);
        pattern.is_exp() && {
            let (first, count) = self.heap.elements(pattern.at());
            count > 0 && {
                let head = self.heap.deref(self.heap.word(first));
                matches!(head.kind(), Term::Sym(id) if id == self.comma)
            }
        }
    }

    /// Puts the parts of joins among `patterns` in their places, if a module is asked.
    #[cold]
    fn flatten(&self, space: Cell, patterns: &mut SmallVec<[Cell; 4]>) {
        let asked = self.heap.box_of(space).as_space();
        if !asked.is_some_and(Space::is_module) {
            return;
        }
        let whole = std::mem::take(patterns);
        for part in whole {
            if self.is_conjunction(part) {
                let (first, count) = self.heap.elements(self.heap.deref(part).at());
                patterns.extend((1..count).map(|i| self.heap.word(first + i)));
            } else {
                patterns.push(part);
            }
        }
    }

    /// The layers of the space that a cell is, and whether it takes changes; `None` if it is
    /// no space. Those asked for last are kept: even to count a use of the space is a word
    /// that threads would take from each other.
    pub(super) fn layers_at(&mut self, cell: Cell) -> Option<(Rc<Layers>, bool)> {
        let now = changes();
        if !cell.is_box() {
            return None;
        }
        let space = self.heap.box_of(cell).as_space()?;
        if self.layers_then != now {
            self.layers_then = now;
            self.layers.clear();
        }
        let mut known = self.layers.iter();
        if let Some((known, layers)) = known.find(|(known, _)| known.is_same(space)) {
            return Some((Rc::clone(layers), known.is_writable()));
        }
        let (space, layers) = (space.clone(), Rc::new(Layers::asked(space)));
        let is_writable = space.is_writable();
        if self.layers.len() == SPACES {
            self.layers.remove(0);
        }
        self.layers.push((space, Rc::clone(&layers)));
        Some((layers, is_writable))
    }

    /// The layers of the space that a cell is, if they stay as they are: rows that are recorded do.
    /// Those known first are looked at in place: recorded queries ask each time.
    #[inline(always)]
    pub(super) fn layers_that_stay(&mut self, cell: Cell) -> Option<Rc<Layers>> {
        let is_same = |known: &Space| {
            let space = self.heap.box_of(cell).as_space();
            space.is_some_and(|space| known.is_same(space))
        };
        let layers = match self.layers.first() {
            Some((known, layers)) if self.layers_then == changes() && is_same(known) => {
                Rc::clone(layers)
            }
            _ => self.layers_at(cell)?.0,
        };
        layers.is_frozen().then_some(layers)
    }

    /// Goes on with each solution of a query of compiled patterns, from the first on. `None` if what
    /// is asked is no space.
    #[inline(never)]
    pub(super) fn query_all(
        &mut self,
        space: Cell,
        (first, width): (Place, usize),
        pc: Pc,
        size: Slot,
    ) -> Option<Next> {
        let (layers, is_writable) = self.layers_at(space)?;
        let asked = Asked::Compiled(first, width);
        Some(self.begin_query((layers, is_writable), asked, pc, first.base, size))
    }

    /// Goes on with each solution of a query: of one pattern, or of all in `(, …)`. `None`
    /// if what is asked is no space.
    #[inline(never)]
    pub(super) fn find(
        &mut self,
        space: Cell,
        pattern: Cell,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Option<Next> {
        let layers = self.layers_at(space)?;
        let mut patterns: SmallVec<[Cell; 4]> = SmallVec::new();
        if self.is_conjunction(pattern) {
            let (first, count) = self.heap.elements(pattern.at());
            patterns.extend((1..count).map(|i| self.heap.word(first + i)));
            if patterns.iter().any(|part| self.is_conjunction(*part)) {
                self.flatten(space, &mut patterns);
            }
            if patterns.is_empty() {
                return Some(Next::At(pc, base));
            }
        } else {
            patterns.push(pattern);
        }
        Some(self.begin_query(layers, Asked::Terms(patterns), pc, base, size))
    }

    fn begin_query(
        &mut self,
        (mut layers, is_writable): (Rc<Layers>, bool),
        asked: Asked,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Next {
        let joins = asked.width() > 1;
        if joins && is_writable && !layers.is_frozen() {
            // All patterns are about what is there now.
            layers = Rc::new(layers.frozen());
        }
        let mut join = self.joins.pop().unwrap_or_default();
        join.begin(Rc::clone(&layers), asked, pc);
        join.answers.clear();
        let log_top = self.log.len();
        let mut open = None;
        let mut is_reordered = joins && self.is_reordered_again(&mut join, &layers);
        if !is_reordered {
            self.open_level(&mut join, 0, &layers, &mut open);
            if joins {
                open = None;
            }
            is_reordered = joins && self.is_better_reordered(&mut join, &layers);
            if joins && !is_reordered {
                self.prepare_blocks(&mut join);
            }
        }
        let solved = match is_reordered {
            true => self.solve_greedily(&mut join, &layers),
            false => self.solve_on(&mut join, &layers, open),
        };
        if self.program.proving && matches!(solved, Solved::More | Solved::Last) {
            self.record_facts(&join);
        }
        match solved {
            Solved::More => {
                if !joins && is_writable {
                    self.held = self.held.min(self.choices.len());
                }
                let tops = join.resumes_at();
                let top = base + 2 + usize::from(size);
                self.push_choice(Kind::Join(join), base, top, tops, log_top);
                Next::At(pc, base)
            }
            Solved::Last => {
                self.settle_trail(join.tops());
                self.give_back(join);
                Next::At(pc, base)
            }
            Solved::Nothing | Solved::Exhausted => {
                self.give_back(join);
                Next::Fail
            }
        }
    }

    /// Keeps the memory of a query for the next.
    pub(super) fn give_back(&mut self, mut join: Box<Join>) {
        const KEPT: usize = 8;
        const ROWS: usize = 1 << 13;
        join.layers = None;
        join.answers.clear();
        let held = join.rows.capacity().max(join.tuples.capacity());
        let known = join.ahead.capacity().max(join.answers.capacity());
        let known = known.max(join.blocks.capacity());
        if self.joins.len() < KEPT && held.max(known) <= ROWS {
            self.joins.push(join);
        }
    }

    /// Something may be removed from spaces next: the rows that queries have found already
    /// count, whatever is done with the first of them.
    pub(super) fn hold_rows(&mut self) {
        let from = std::mem::replace(&mut self.held, self.choices.len());
        let proving = self.program.proving;
        for choice in self.choices.iter_mut().skip(from) {
            if let Kind::Join(join) = &mut choice.kind
                && (proving || join.has_rows())
                && let Some(layers) = &mut join.layers
                && !layers.is_frozen()
            {
                *layers = Rc::new(layers.frozen());
            }
        }
    }

    /// Goes on with the next solution of the query that the newest choice is for. `Ok(None)` if
    /// there is none; an error if a bound was hit.
    pub(super) fn find_next(&mut self) -> Result<Option<Pc>, ()> {
        let choice = self.choices.last_mut().expect("a choice is being taken");
        let Kind::Join(mut join) = std::mem::replace(&mut choice.kind, Kind::Aside) else {
            unreachable!("the newest choice is a query's");
        };
        let before = join.tops().expect("rows are left");
        let solved = if join.tuples.is_empty() {
            self.solve(&mut join)
        } else {
            self.solve_tuple(&mut join)
        };
        if self.program.proving && matches!(solved, Solved::More | Solved::Last) {
            self.record_facts(&join);
        }
        let pc = join.pc;
        match solved {
            Solved::More => {
                let tops = join.resumes_at();
                let choice = self.choices.last_mut().expect("still there");
                choice.kind = Kind::Join(join);
                choice.set_tops(tops);
                self.heap.old = tops.heap;
                Ok(Some(pc))
            }
            Solved::Last | Solved::Nothing => {
                let choice = self.choices.last_mut().expect("still there");
                choice.set_tops(before);
                self.give_back(join);
                self.exhaust();
                self.heap.old = self.old();
                self.settle_trail(Some(before));
                Ok(matches!(solved, Solved::Last).then_some(pc))
            }
            Solved::Exhausted => Err(()),
        }
    }

    /// Forgets the notes of bindings that no choice undoes.
    pub(super) fn settle_trail(&mut self, tops: Option<Tops>) {
        let old = self.old();
        self.heap.old = old;
        let Some(tops) = tops else {
            return;
        };
        let trail = &mut self.heap.trail;
        let first = tops.trail as usize;
        let mut kept = first;
        for place in first..trail.len() {
            let at = trail[place];
            if (at as usize) < old {
                trail[kept] = at;
                kept += 1;
            }
        }
        trail.truncate(kept);
    }

    pub(super) fn take_back(&mut self, tops: Tops) {
        self.heap.undo(tops.trail as usize);
        self.heap.cut(tops.heap, tops.boxes as usize);
    }

    /// Goes on from row to row until all patterns have one.
    pub(super) fn solve(&mut self, join: &mut Join) -> Solved {
        let layers = Rc::clone(join.layers());
        self.solve_on(join, &layers, None)
    }

    /// As [`Machine::solve`], perhaps with a layer open already.
    fn solve_on<'l>(
        &mut self,
        join: &mut Join,
        layers: &'l Layers,
        mut open: Option<(u32, Open<'l>)>,
    ) -> Solved {
        let mut looked = 0;
        loop {
            let depth = join.levels.len();
            let Some(level) = join.levels.last_mut() else {
                return Solved::Nothing;
            };
            if depth == 1 && join.blocks.are_possible() {
                let tops = level.tops;
                match self.look_in_blocks(join, layers, &mut open) {
                    Looked::Through(rows) => looked += rows,
                    Looked::Unknown(_) => {}
                    Looked::Exhausted => return Solved::Exhausted,
                }
                if join.answers.left() > 0 {
                    self.heap.old = tops.heap;
                    self.take_answer(join);
                    return join.solved();
                }
            } else if depth == join.width && join.is_plain {
                let tops = level.tops;
                match self.look_on(join, layers, &mut open) {
                    Looked::Through(rows) => looked += rows,
                    Looked::Unknown(_) => join.is_plain = false,
                    Looked::Exhausted => return Solved::Exhausted,
                }
                if join.answers.left() > 0 {
                    self.heap.old = tops.heap;
                    self.take_answer(join);
                    return join.solved();
                }
            }
            let level = join.levels.last_mut().expect("it is still there");
            if level.next == level.end {
                join.rows.truncate(level.first);
                join.levels.pop();
                if let Some(level) = join.levels.last() {
                    self.take_back(level.tops);
                }
                continue;
            }
            let row = join.rows[level.next];
            let (tops, number) = (level.tops, level.pattern);
            level.next += 1;
            self.fuel -= 1;
            if self.fuel == 0 && self.check_bounds(self.protected + join.tuples.len()) {
                return Solved::Exhausted;
            }
            looked += 1;
            if looked >= BATCH {
                looked = 0;
                open = None;
            }
            let store = opened(layers, row.layer, &mut open);
            self.heap.old = tops.heap;
            let unified = match join.place_of(number) {
                Some(place) => self.matches(place, row, store),
                None => store.row(row).is_some_and(|found| {
                    let pattern = join.patterns[number];
                    let (tokens, values) = (found.tokens(), found.values());
                    self.frame.clear();
                    let frame = &mut self.frame;
                    self.heap.unify_row(pattern, tokens, values, frame)
                }),
            };
            if !unified {
                self.take_back(tops);
                continue;
            }
            if depth < join.width {
                let next = if join.greedy {
                    open = None;
                    self.fewest(join, layers).0
                } else {
                    depth
                };
                self.open_level(join, next, layers, &mut open);
                if depth + 1 == join.width
                    && let Some(place) = join.place_of(depth)
                {
                    join.answers.clear();
                    // A proof has the facts of all levels.
                    join.is_plain =
                        !self.program.proving && self.wants_plain(place, &mut join.answers);
                }
                continue;
            }
            return join.solved();
        }
    }

    /// Finds the rows for a pattern.
    pub(super) fn open_level<'l>(
        &mut self,
        join: &mut Join,
        number: usize,
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) {
        if number == 1 && !join.greedy && self.open_ahead(join, layers, open) {
            return;
        }
        let tops = self.tops();
        let place = join.place_of(number);
        match place {
            Some(place) => {
                let is_long = self.program.patterns[place.pattern as usize].is_long;
                self.probe_for(place, is_long);
            }
            None => {
                let pattern = join.patterns[number];
                self.probe.set(|keys| self.heap.keys(pattern, keys));
            }
        }
        if join.without[number].head != self.probe.head() {
            join.without[number] = self.without(layers);
        }
        let first = join.rows.len();
        let without = &mut join.without[number];
        self.rows_for(layers, without, open, &mut join.rows, place);
        if place.is_none() {
            self.pass_over_few(layers, open, &mut join.rows, first);
        }
        join.levels.push(Level {
            pattern: number,
            first,
            next: first,
            end: join.rows.len(),
            tops,
        });
    }

    /// Takes rows that plainly are not what the probe asks for out of a short list, so that no choice
    /// is left for them.
    fn pass_over_few<'l>(
        &self,
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
        rows: &mut Vec<Row>,
        from: usize,
    ) {
        const FEW: usize = 16;
        if !(2..=FEW).contains(&(rows.len() - from)) {
            return;
        }
        let mut kept = from;
        for place in from..rows.len() {
            let row = rows[place];
            let found = opened(layers, row.layer, open).row(row);
            if found.is_some_and(|found| self.probe.admits(found.tokens(), found.values())) {
                rows[kept] = row;
                kept += 1;
            }
        }
        rows.truncate(kept);
    }

    /// The layers that have nothing for what the probe asks for, as far as that is known.
    pub(super) fn without(&self, layers: &Layers) -> Without {
        let head = self.probe.head();
        let layers = layers.lacking(head);
        Without { head, layers }
    }

    /// Appends the rows that may match what the probe asks for, by layer. `place` has the
    /// pattern that a partial probe is of.
    pub(super) fn rows_for<'l>(
        &mut self,
        layers: &'l Layers,
        without: &mut Without,
        open: &mut Option<(u32, Open<'l>)>,
        rows: &mut Vec<Row>,
        place: Option<Place>,
    ) {
        for layer in 0..layers.len() as u32 {
            let bit = 1_u64.checked_shl(layer).unwrap_or(0);
            if without.layers & bit != 0 {
                continue;
            }
            loop {
                let store = opened(layers, layer, open);
                if store.candidates(&self.probe, &mut self.found) {
                    if self.found.is_empty() && store.lacks_head(&self.probe) {
                        without.layers |= bit;
                        layers.note_lacking(without.head, bit);
                    }
                    break;
                }
                if let Some(place) = place.filter(|_| self.probe.is_partial()) {
                    self.program.patterns[place.pattern as usize].is_long = true;
                    self.probe_for(place, true);
                    continue;
                }
                *open = None;
                layers.make_indexes(layer as usize, &self.probe);
            }
            rows.extend(self.found.drain(..).map(|row| Row { layer, row }));
        }
    }

    fn record_facts(&mut self, join: &Join) {
        if join.tuples.is_empty() {
            for depth in 0..join.levels.len() {
                self.record_fact(join.layers(), join.taken(depth));
            }
        } else {
            let width = join.width;
            let next = join.levels.first().map_or(0, |level| level.next);
            for row in &join.tuples[(next - 1) * width..next * width] {
                self.record_fact(join.layers(), *row);
            }
        }
    }
}
