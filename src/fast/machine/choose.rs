//! Choices: made, gone back to, set aside for errors; results that are gathered.

use std::rc::Rc;

use super::{Machine, Tops};
use crate::fast::cell::Cell;
use crate::fast::choice::{Aside, Choice, Gathered, Gathers, Kind};
use crate::fast::code::{Instruction as I, Operands, Pc, Slot};
use crate::fast::save::{Saved, Shared};
use crate::fast::stack::place;

/// So many lists of what was gathered are kept for the next.
const GATHERED_KEPT: usize = 32;

impl Machine<'_> {
    /// Variables below it have to be noted when they are bound.
    pub(super) fn old(&self) -> usize {
        self.choices.last().map_or(0, |choice| choice.heap_top)
    }

    pub(in crate::fast) fn choose(&mut self, kind: Kind, base: usize, stack_top: usize) {
        let tops = self.tops();
        let log_top = self.log.len();
        self.push_choice(kind, base, stack_top, tops, log_top);
    }

    /// Begins to try rules, of which operands tell where each begins. Where the first does.
    #[inline(always)]
    pub(super) fn begin_rules(&mut self, rules: Operands, kept: Slot, base: usize) -> Pc {
        let (first, left) = self.program.chain_at(rules);
        self.begin_rules_at((first, left), kept, base, self.tops());
        self.program.operands[first as usize].0
    }

    /// As [`Machine::begin_rules`], with which rule to go on where the tops are those of before the
    /// first began.
    #[inline(always)]
    fn begin_rules_at(&mut self, (first, left): (u32, u32), kept: Slot, base: usize, tops: Tops) {
        let next = first + 1;
        let kind = Kind::Chain { kept, next, left };
        let log_top = self.log.len();
        self.add_choice(kind, base, base + 2 + usize::from(kept), tops, log_top);
    }

    /// As [`Machine::begin_rules`], of rules that begin with unifying: those that plainly do not
    /// match, up to the first that may, leave nothing to go back to.
    #[inline(never)]
    pub(super) fn begin_unifying(&mut self, rules: Operands, kept: Slot, base: usize) -> Pc {
        let (mut first, mut left) = self.program.chain_at(rules);
        let tops = self.tops();
        loop {
            let begin = self.program.operands[first as usize].0;
            let mut pc = begin;
            if let I::Unpack { slot, to, skip } = self.program.code[pc as usize] {
                let frame = self.stack.frame_mut(base);
                let whole = self.heap.deref(Cell(frame[place(slot)]));
                let (at, count) = self.heap.elements(whole.at());
                let elements = &self.heap.cells[at + usize::from(skip)..at + count];
                frame[place(to)..][..elements.len()].copy_from_slice(elements);
                pc += 1;
            }
            let unified = match self.program.code[pc as usize] {
                I::Unify { left, right, .. } => {
                    let frame = self.stack.frame(base);
                    let (left, right) = (Cell(frame[place(left)]), Cell(frame[place(right)]));
                    self.heap.unify_flat(left, right)
                }
                _ => None,
            };
            if unified == Some(true) {
                self.begin_rules_at((first, left), kept, base, tops);
                return pc + 1;
            }
            self.heap.undo(tops.trail as usize);
            if unified.is_none() {
                self.begin_rules_at((first, left), kept, base, tops);
                return begin;
            }
            (first, left) = (first + 1, left - 1);
            if left == 0 {
                return self.program.operands[first as usize].0;
            }
        }
    }

    /// Begins to go on at each of some places. The first.
    #[inline(always)]
    pub(super) fn begin_places(&mut self, places: Operands, size: Slot, base: usize) -> Pc {
        let left = self.program.operands[places.0 as usize].0 - 1;
        if left > 0 {
            let next = places.0 + 2;
            let kind = Kind::Places { next, left };
            let (tops, log_top) = (self.tops(), self.log.len());
            self.add_choice(kind, base, base + 2 + usize::from(size), tops, log_top);
        }
        self.program.operands[places.0 as usize + 1].0
    }

    /// What the machine is like now.
    pub(super) fn tops(&self) -> Tops {
        self.heap.tops()
    }

    /// Adds a choice that goes back to what the machine was like before.
    pub(super) fn push_choice(
        &mut self,
        kind: Kind,
        base: usize,
        stack_top: usize,
        tops: Tops,
        log_top: usize,
    ) {
        self.add_choice(kind, base, stack_top, tops, log_top);
    }

    #[inline(always)]
    fn add_choice(
        &mut self,
        kind: Kind,
        base: usize,
        stack_top: usize,
        tops: Tops,
        log_top: usize,
    ) {
        if self.watched {
            self.watch_choice(&kind);
        }
        let stack_top = stack_top.max(self.protected);
        self.choices.push(Choice {
            kind,
            base: base as u32,
            stack_top: stack_top as u32,
            heap_top: tops.heap,
            box_top: tops.boxes,
            trail_top: tops.trail,
            log_top: log_top as u32,
            aside: false,
        });
        self.protected = stack_top;
        self.heap.old = tops.heap;
    }

    /// Forgets the newest choice.
    pub(super) fn drop_choice(&mut self) {
        self.choices.truncate(self.choices.len() - 1);
        self.note_newest();
    }

    /// Forgets the newest choice, of a kind of which nothing has to be dropped.
    #[inline(always)]
    pub(super) fn pop_choice(&mut self) {
        std::mem::forget(self.choices.pop());
        self.note_newest();
    }

    /// Takes over what the newest choice says is to be kept.
    #[inline(always)]
    fn note_newest(&mut self) {
        let (protected, old) = self.choices.last().map_or((0, 0), |choice| {
            (choice.stack_top as usize, choice.heap_top)
        });
        self.protected = protected;
        self.heap.old = old;
    }

    /// Forgets the choice of this number and those after it, for which no error waits, and what was
    /// bound and made since.
    pub(super) fn end_choices(&mut self, number: usize) {
        let choice = &self.choices[number];
        let (trail, heap, boxes) = (choice.trail_top, choice.heap_top, choice.box_top);
        debug_assert!(self.choices[number..].iter().all(|choice| !choice.aside));
        self.heap.undo(trail as usize);
        self.heap.cut(heap, boxes as usize);
        self.forget_choices(number);
    }

    /// Forgets the choice of this number and those after it, with the errors that wait for them.
    pub(super) fn forget_choices(&mut self, number: usize) {
        self.asides.retain(|aside| (aside.choice as usize) < number);
        while self.choices.len() > number {
            match self.choices.pop().map(|choice| choice.kind) {
                Some(Kind::Join(join)) => self.give_back(join),
                Some(Kind::Loops(loops)) => self.give_back_loops(loops),
                _ => {}
            }
        }
        self.note_newest();
    }

    /// The last way of the newest choice is taken: it stays only if errors wait for it.
    pub(super) fn exhaust(&mut self) {
        let choice = self.choices.last_mut().expect("a choice is being taken");
        if choice.aside {
            choice.kind = Kind::Aside;
        } else {
            self.drop_choice();
        }
    }

    /// Goes back to the newest choice. `None` once there is none.
    #[inline(never)]
    pub(super) fn fail(&mut self) -> Option<(Pc, usize)> {
        let next = self.back();
        if self.watched
            && let Some((_, base)) = next
        {
            self.watch_back(base);
        }
        next
    }

    fn back(&mut self) -> Option<(Pc, usize)> {
        loop {
            self.fuel -= 1;
            if self.fuel == 0 && self.refuel(self.protected) {
                return None;
            }
            let choice = self.choices.last_mut()?;
            let base = choice.base as usize;
            self.heap.undo(choice.trail_top as usize);
            self.heap.cut(choice.heap_top, choice.box_top as usize);
            self.heap.old = choice.heap_top;
            if self.log.len() > choice.log_top as usize {
                self.recorded.cut(&mut self.log, choice.log_top as usize);
            }
            match &mut choice.kind {
                Kind::Chain { next, left, .. } => {
                    let pc = self.program.operands[*next as usize].0;
                    self.head_trail = self.heap.trail.len();
                    (*next, *left) = (*next + 1, *left - 1);
                    if *left == 0 {
                        self.exhaust();
                    }
                    return Some((pc, base));
                }
                Kind::Rules { next, seen, .. } => {
                    let (seen, rule) = (*seen, *next);
                    self.head_trail = self.heap.trail.len();
                    match self.next_rule(seen, base, rule + 1) {
                        Some(following) => {
                            if let Some(Choice {
                                kind: Kind::Rules { next, .. },
                                ..
                            }) = self.choices.last_mut()
                            {
                                *next = following;
                            }
                        }
                        None => self.exhaust(),
                    }
                    let table = &self.program.tables[seen.table as usize];
                    return Some((table.rules[rule as usize].pc, base));
                }
                Kind::Places { next, left } => {
                    let pc = self.program.operands[*next as usize].0;
                    (*next, *left) = (*next + 1, *left - 1);
                    if *left == 0 {
                        self.exhaust();
                    }
                    return Some((pc, base));
                }
                Kind::Elements { list, next, pc } => {
                    let (list, pc) = (*list, *pc);
                    let (first, count) = self.heap.elements(list.at());
                    self.result = self.heap.word(first + *next as usize);
                    *next += 1;
                    if *next as usize == count {
                        self.exhaust();
                    }
                    return Some((pc, base));
                }
                Kind::Ways { ways, next, pc } => {
                    let (ways, pc, number) = (Rc::clone(ways), *pc, *next as usize);
                    *next += 1;
                    if number + 1 == ways.len() {
                        self.exhaust();
                    }
                    if self.take_way(&ways[number]) {
                        return Some((pc, base));
                    }
                }
                Kind::Join(join) if join.knows_next() => {
                    return self.next_answer().map(|pc| (pc, base));
                }
                Kind::Join(_) => match self.find_next() {
                    Ok(Some(pc)) => return Some((pc, base)),
                    Ok(None) => {}
                    Err(()) => return None,
                },
                Kind::Loops(_) => {
                    if let Some(pc) = self.next_of_loops() {
                        return Some((pc, base));
                    }
                }
                Kind::Gather { .. } => {
                    debug_assert!(!choice.aside, "errors inside wait for choices above it");
                    let Some(Choice {
                        kind: Kind::Gather { done, gathered },
                        ..
                    }) = self.choices.pop()
                    else {
                        unreachable!("it was just seen");
                    };
                    self.note_newest();
                    self.result = self.gathered(gathered);
                    return Some((done, base));
                }
                Kind::Case { empty, any } => {
                    let (empty, any) = (*empty, *any);
                    self.exhaust();
                    if !any {
                        return Some((empty, base));
                    }
                }
                Kind::Fill { function, kept } => {
                    let (function, kept) = (*function, *kept);
                    if let Some(next) = self.end_pass(function, kept, base) {
                        return Some(next);
                    }
                }
                Kind::Answers { .. } => {
                    if let Some(next) = self.next_of_table() {
                        return Some(next);
                    }
                }
                Kind::Aside => {
                    let number = self.choices.len() - 1;
                    if let Some(next) = self.bring_back(number as u32) {
                        return Some(next);
                    }
                }
            }
        }
    }

    /// An error waits until the choices above `height` are exhausted. The bit `succeeded` of the
    /// word `owner` says by then whether its expression has another result.
    #[inline(never)]
    pub(super) fn set_aside(
        &mut self,
        height: usize,
        (owner, succeeded): (usize, u64),
        pc: Pc,
        base: usize,
    ) {
        let log_top = self.choices[height].log_top as usize;
        self.choices[height].aside = true;
        let tops = self.choices[height].first_tops();
        let (heap_top, box_top) = (tops.heap, tops.boxes as usize);
        let trail_top = tops.trail as usize;
        let variables: Vec<u32> = self.heap.trail[trail_top..]
            .iter()
            .copied()
            .filter(|at| (*at as usize) < heap_top)
            .collect();
        let mut parts = vec![self.result];
        parts.extend(variables.iter().map(|at| self.heap.word(*at as usize)));
        let whole = self.heap.build(&parts);
        // Those that are there when the next choice is taken may be in another error.
        let next_top = self.choices.last().map_or(0, |choice| choice.heap_top);
        self.heap.name_variables(whole, (heap_top, next_top));
        let mut saved = Saved::default();
        let tops = (heap_top, box_top);
        self.heap
            .save(whole, tops, &mut saved, &mut Shared::default());
        self.asides.push(Aside {
            choice: height as u32,
            owner: owner as u32,
            succeeded,
            pc,
            base: base as u32,
            saved,
            variables,
            log: self.log[log_top..].to_vec(),
        });
    }

    /// The next error that waited for this choice, innermost expressions first;
    /// drops the choice with the last.
    pub(super) fn bring_back(&mut self, number: u32) -> Option<(Pc, usize)> {
        let found = self
            .asides
            .iter()
            .enumerate()
            .filter(|(_, aside)| aside.choice == number)
            .max_by(|(i, a), (j, b)| a.owner.cmp(&b.owner).then(j.cmp(i)))
            .map(|(place, _)| place);
        let Some(place) = found else {
            self.drop_choice();
            return None;
        };
        let mut aside = self.asides.remove(place);
        if !self.asides.iter().any(|aside| aside.choice == number) {
            self.drop_choice();
        }
        if self.stack[aside.owner as usize] & aside.succeeded != 0 {
            return self.fail();
        }
        let mut saved = aside.saved;
        self.heap.restore(&mut saved);
        let whole = saved.roots().next().expect("it was saved");
        let (first, _) = self.heap.elements(whole.at());
        for (i, variable) in aside.variables.iter().enumerate() {
            let value = self.heap.word(first + 1 + i);
            let at = *variable as usize;
            if value != Cell::reference(at) {
                self.heap.doubt(value);
                self.heap.bind(at, value);
            }
        }
        self.result = self.heap.word(first);
        self.record_all(&mut aside.log);
        Some((aside.pc, aside.base as usize))
    }

    /// Keeps a result for the innermost place where results are gathered.
    #[inline(never)]
    pub(super) fn gather(&mut self, value: Cell, base: usize, what: Gathers) {
        let mut value = self.heap.deref(value);
        if value == self.heap.empty {
            return;
        }
        let number = self
            .choices
            .iter()
            .rposition(|choice| {
                matches!(choice.kind, Kind::Gather { .. }) && choice.base as usize == base
            })
            .expect("results are gathered inside the choice for them");
        let (heap_top, box_top) = {
            let choice = &self.choices[number];
            (choice.heap_top, choice.box_top as usize)
        };
        let log_top = self.choices[number].log_top as usize;
        // The heap is cut to this next.
        let next_top = self.choices.last().map_or(0, |choice| choice.heap_top);
        let mut shares = false;
        if let Kind::Gather { gathered, .. } = &mut self.choices[number].kind {
            if what == Gathers::HowMany && !gathered.saved.begins_with(self.heap.error) {
                let makes_error = value == self.heap.error && gathered.saved.is_empty();
                value = if makes_error { value } else { self.heap.unit };
            }
            let before = gathered.saved.bytes();
            if !gathered.shared.is_empty() {
                let lowest = gathered.lowest.min(self.heap.lowest);
                gathered.shared.retain(|at, _| *at < lowest);
            }
            let tops = (heap_top, box_top);
            self.heap
                .save(value, tops, &mut gathered.saved, &mut gathered.shared);
            if !gathered.shared.is_empty() {
                gathered.shared.retain(|at, _| *at < next_top);
                shares = !gathered.shared.is_empty();
            }
            self.gathering += gathered.saved.bytes() - before;
            gathered.log.extend_from_slice(&self.log[log_top..]);
        }
        if shares {
            self.note_lowest(number);
        }
    }

    /// Begins to note anew how short the heap becomes, for the results gathered by this choice.
    fn note_lowest(&mut self, number: usize) {
        let lowest = std::mem::replace(&mut self.heap.lowest, usize::MAX);
        for choice in &mut self.choices[..number] {
            if let Kind::Gather { gathered, .. } = &mut choice.kind {
                gathered.lowest = gathered.lowest.min(lowest);
            }
        }
        if let Kind::Gather { gathered, .. } = &mut self.choices[number].kind {
            gathered.lowest = usize::MAX;
        }
    }

    /// The list of what was gathered.
    fn gathered(&mut self, mut gathered: Box<Gathered>) -> Cell {
        self.record_all(&mut gathered.log);
        self.gathering -= gathered.saved.bytes();
        self.heap.restore(&mut gathered.saved);
        let list = self.heap.build_of(gathered.saved.roots());
        self.note_data(list);
        if self.to_gather.len() < GATHERED_KEPT && gathered.clear() {
            self.to_gather.push(gathered);
        }
        list
    }

    /// Goes on with the next rule, or at the next place, if the newest choice is one of those and
    /// nothing waits for it.
    #[inline(always)]
    pub(super) fn next_place(&mut self) -> Option<(Pc, usize)> {
        let choice = self.choices.last_mut()?;
        let (Kind::Chain { next, left, .. } | Kind::Places { next, left }) = &mut choice.kind
        else {
            return self.next_known();
        };
        if self.fuel <= 1 || choice.aside || self.log.len() > choice.log_top as usize {
            return None;
        }
        self.fuel -= 1;
        self.heap.undo(choice.trail_top as usize);
        self.heap.cut(choice.heap_top, choice.box_top as usize);
        self.head_trail = self.heap.trail.len();
        let base = choice.base as usize;
        let pc = self.program.operands[*next as usize].0;
        (*next, *left) = (*next + 1, *left - 1);
        if *left == 0 {
            self.pop_choice();
        } else {
            self.heap.old = choice.heap_top;
        }
        Some((pc, base))
    }
}
