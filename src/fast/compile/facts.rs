//! Facts that are often asked for and seldom change, compiled into the rules that ask.
//!
//! A rule that has asked a space for a pattern some dozens of times is compiled anew, with
//! code for each fact that the pattern may be for: what the rule knows is compared with
//! the fact as the arguments of a call are with a rule's head, chosen by switches, and the
//! pattern's variables get what the fact has there. Before it stands a look at whether the
//! facts are still the same; if they are not, and where a switch meets a variable, the space is
//! asked as before. At a moment this is done for the program's own space only. Code that is made
//! ahead of its use has the facts of that from the beginning.

use super::pattern::First;
use super::switch::{self, Path};
use super::{Compiled, Compiler, Leave, Place, head};
use crate::atom::{Atom, Grounded, known};
use crate::evaluate::FactUse;
use crate::evaluate::uses::Used;
use crate::fast::code::{FAIL, Instruction, Operand, Pc, Slot};
use crate::fast::function::State;
use crate::fast::program::Program;
use crate::fast::switch::HeadTest;
use crate::space::probe::Probe;
use crate::space::{Layers, Origin, Space, Stand};
use crate::types;
use crate::unify::Bindings;

/// How often a pattern is asked for before facts are compiled, if there are few. Tests
/// without optimisation do it at once, so that all programs they run are compiled so.
const OFTEN: u32 = if cfg!(debug_assertions) { 1 } else { 64 };
/// How many times more often each time that the facts had changed.
const MORE_OFTEN: u32 = 4;
/// How often facts are compiled into one function at most.
const TIMES_MAX: u8 = 6;
/// More facts are not compiled.
const FACTS_MAX: usize = 1 << 13;
/// A fact is worth compiling when so many queries were made for it.
const QUERIES_PER_FACT: u32 = 4;
/// It is worth being compiled with ways for variables when so many more were.
const QUERIES_PER_WAY: u32 = if cfg!(debug_assertions) { 0 } else { 16 };
/// So few are worth it anyhow.
const FACTS_FEW: usize = 16;
/// So few are when code is made ahead of its use.
const FACTS_AHEAD: usize = 64;
/// Functions of more rules are not compiled anew.
const RULES_MAX: usize = 256;

/// What is done about facts that a rule asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Never,
    /// Queries are counted, and compiled after so many.
    Count(u32),
    /// They are compiled, and queries left over are counted.
    Compile(u32),
}

impl Mode {
    /// What is done in a function.
    pub(super) fn of(program: &Program, function: u32) -> Mode {
        if program.watched {
            return Mode::Never;
        }
        let times = program.functions[function as usize].with_facts;
        let enough = OFTEN.saturating_mul(MORE_OFTEN.saturating_pow(u32::from(times)));
        if times == 0 && !program.prepares {
            Mode::Count(enough)
        } else if times < TIMES_MAX {
            Mode::Compile(enough)
        } else {
            Mode::Compile(u32::MAX)
        }
    }
}

/// A pattern was asked for often enough that facts may be compiled into its function: then
/// that is compiled anew before its next call.
#[cold]
pub(in crate::fast) fn consider(program: &mut Program, number: u32) {
    let pattern = &mut program.patterns[number as usize];
    let function = pattern.function;
    let (asked, has_facts) = (pattern.asked_enough, pattern.has_facts);
    if let Some(entry) = program.compiled_of_few_rules(function, RULES_MAX) {
        entry.with_facts = entry.with_facts.saturating_add(1);
        entry.asked = entry.asked.max(asked);
        // There were variables, or the facts have changed.
        entry.opens |= has_facts;
        entry.state = State::Unknown;
    }
}

/// What is known so far of a variable that occurs first in a pattern.
#[derive(Clone)]
enum Found<'r> {
    Nothing,
    /// It is this part of the fact, once all that is in that is known.
    Later(&'r Atom),
    /// Its slot is written.
    Written,
}

/// A pattern and a fact on their way through each other.
struct Meeting<'r> {
    first: &'r First,
    found: Vec<Found<'r>>,
    /// Slots that have to be equal to a part of the fact besides.
    again: Vec<(Slot, &'r Atom)>,
    /// Places that the switches have looked at.
    known: &'r [Path],
    /// Slots that were compared with a part of the fact.
    seen: Vec<Slot>,
}

impl Compiler<'_> {
    /// Emits code for each fact that a pattern may be for, and what leads there. Returns the
    /// jumps to where it goes on with an answer; what follows asks the space.
    pub(super) fn facts(
        &mut self,
        space: &Atom,
        pattern: &Atom,
        number: u32,
        first: &First,
    ) -> Compiled<Vec<usize>> {
        let (Mode::Count(enough) | Mode::Compile(enough)) = self.facts else {
            return Ok(Vec::new());
        };
        let Some((asked, is_own)) = self.space_of_facts(space, pattern) else {
            return Ok(Vec::new());
        };
        let entry = &mut self.program.patterns[number as usize];
        entry.function = self.function;
        entry.asked_enough = enough;
        let is_only_counted = !is_own && self.program.prepares;
        if matches!(self.facts, Mode::Count(_)) || is_only_counted {
            return Ok(Vec::new());
        }
        let (start, depth, slots) = (self.here(), self.depth, self.slots);
        let matched = self.matched.len();
        let done = self.branch(|this| this.compile_facts(asked, pattern, (number, enough), first));
        self.matched.truncate(matched);
        done.or_else(|Leave| {
            for pc in start..self.here() {
                self.program.live.remove(&pc);
            }
            self.program.code.truncate(start as usize);
            self.sized.retain(|at| *at < start as usize);
            (self.depth, self.slots) = (depth, slots);
            Ok(Vec::new())
        })
    }

    /// The space whose facts may be compiled for a pattern, and whether it is the program's own.
    fn space_of_facts<'s>(&self, space: &'s Atom, pattern: &Atom) -> Option<(&'s Space, bool)> {
        let Atom::Grounded(Grounded::Space(asked)) = space else {
            return None;
        };
        let is_own = asked.is_same(&self.program.space);
        (has_plain_head(pattern) && (is_own || !self.program.is_at_moment()))
            .then_some((asked, is_own))
    }

    /// Where only whether there is an answer matters and facts are compiled: switches that put one of
    /// two constants into a slot, with no choice and no answer made. Returns the jumps to where it
    /// goes on; what follows is for variables, and for facts that have changed.
    pub(super) fn whether_facts(
        &mut self,
        (space, pattern): (&Atom, &Atom),
        to: Slot,
        (some, none): (u32, u32),
    ) -> Compiled<Vec<usize>> {
        let Mode::Compile(_) = self.facts else {
            return Ok(Vec::new());
        };
        let Some((space, is_own)) = self.space_of_facts(space, pattern) else {
            return Ok(Vec::new());
        };
        if !is_own && self.program.prepares {
            return Ok(Vec::new());
        }
        let probe = Probe::of(pattern, &Bindings::new());
        let Some(stand) = Stand::of(space, &probe) else {
            return Ok(Vec::new());
        };
        let layers = Layers::asked(space);
        let mut rows = Vec::new();
        layers.candidates(&probe, &mut rows);
        let asked = self.program.functions[self.function as usize].asked;
        let is_worth = rows.len() <= FACTS_FEW || asked >= rows.len() as u32 * QUERIES_PER_FACT;
        if rows.len() > FACTS_MAX || !is_worth && !self.program.prepares {
            return Ok(Vec::new());
        }
        let mut facts = Vec::with_capacity(rows.len());
        let _ = layers.each(&rows, |row| {
            facts.push(row.atom());
            std::ops::ControlFlow::Continue(())
        });
        let mut tests = Vec::with_capacity(facts.len());
        let is_once = is_each_once(pattern);
        for fact in &facts {
            let (mut seen, mut own) = (Vec::new(), Vec::new());
            let depth = self.depth;
            let may = self.fact_tests(pattern, fact, &mut seen, &mut own);
            self.depth = depth;
            match may {
                // All that the rule knows is told by tests.
                Ok(true) if fact.is_ground() && is_once => {
                    if self.tests_wanted(pattern, fact) != own.len() {
                        return Ok(Vec::new());
                    }
                    tests.push(own.into_boxed_slice());
                }
                Ok(false) => {}
                _ => return Ok(Vec::new()),
            }
        }
        let Some((tree, reached)) = switch::tree_of_cases(&tests) else {
            return Ok(Vec::new());
        };
        for (own, reached) in tests.iter().zip(&reached) {
            let known = reached.known.as_ref();
            if known.is_some_and(|known| own.iter().any(|test| !known.contains(&test.path))) {
                return Ok(Vec::new());
            }
        }
        let begin = self.if_facts();
        let mut ends = Vec::with_capacity(2);
        let [yes, no] = [some, none].map(|index| {
            let here = self.here();
            self.emit(Instruction::Constant { to, index });
            ends.push(self.emit(Instruction::Jump { to: FAIL }));
            here
        });
        self.tell_facts_apart(begin, &tree, (&vec![yes; tests.len()], no), stand);
        Ok(ends)
    }

    /// Before code for facts: whether they are still what they were.
    fn if_facts(&mut self) -> usize {
        self.emit(Instruction::IfFacts {
            facts: self.program.facts.len() as u32,
            to: FAIL,
            odd: FAIL,
        })
    }

    /// After it: the switches that tell which of these places is for what is asked, or that none is, and
    /// where the space is asked.
    fn tell_facts_apart(
        &mut self,
        begin: usize,
        tree: &switch::Tree,
        (rules, none): (&[Pc], Pc),
        stand: Stand,
    ) {
        let ask = self.emit(Instruction::Jump { to: FAIL }) as Pc;
        let places = switch::Places {
            function: None,
            rules,
            open: ask,
            none,
        };
        let start = switch::write(self.program, tree, &places);
        let here = self.here();
        self.fill(ask as usize, Place::To, here);
        if let Instruction::IfFacts { to, odd, .. } = &mut self.program.code[begin] {
            (*to, *odd) = (start, here);
        }
        self.program.facts.push(stand);
    }

    /// How many tests tell that all slots of a pattern's variables hold what a fact has there: one for
    /// each part of it, but names that head others.
    fn tests_wanted(&self, pattern: &Atom, fact: &Atom) -> usize {
        let mut wanted = 0;
        let mut pending = vec![(pattern, fact)];
        while let Some((pattern, fact)) = pending.pop() {
            match (pattern, fact) {
                (Atom::Variable(variable), _) if self.slot_of(variable).is_none() => {}
                (Atom::Variable(_), Atom::Expression(whole)) if !whole.children().is_empty() => {
                    wanted += 1;
                    let first = head::first_unknown(whole.children());
                    pending.extend(whole.children()[first..].iter().map(|part| (pattern, part)));
                }
                (Atom::Variable(_), _) => wanted += 1,
                (Atom::Expression(pattern), Atom::Expression(fact)) => {
                    pending.extend(pattern.children().iter().zip(fact.children()));
                }
                _ => {}
            }
        }
        wanted
    }

    fn compile_facts(
        &mut self,
        space: &Space,
        pattern: &Atom,
        (number, enough): (u32, u32),
        first: &First,
    ) -> Compiled<Vec<usize>> {
        // Unless it turns out to be worth it, this is not tried again.
        self.program.patterns[number as usize].asked_enough = u32::MAX;
        let probe = Probe::of(pattern, &Bindings::new());
        let stand = Stand::of(space, &probe).ok_or(Leave)?;
        let layers = Layers::asked(space);
        let mut rows = Vec::new();
        layers.candidates(&probe, &mut rows);
        let worth = rows.len() as u32 * QUERIES_PER_FACT;
        let asked = self.program.functions[self.function as usize].asked;
        if rows.len() > FACTS_MAX {
            return Err(Leave);
        }
        let few = if self.program.prepares {
            FACTS_AHEAD
        } else {
            FACTS_FEW
        };
        if rows.len() > few && asked < worth {
            self.program.patterns[number as usize].asked_enough = worth;
            return Err(Leave);
        }
        let mut atoms = Vec::with_capacity(rows.len());
        let _ = layers.each(&rows, |row| {
            atoms.push((row.atom(), row.origin()));
            std::ops::ControlFlow::Continue(())
        });
        let mut facts = Vec::with_capacity(atoms.len());
        let mut tests = Vec::with_capacity(atoms.len());
        for (atom, origin) in atoms {
            let fact = types::renamed(&atom);
            let (mut seen, mut own) = (Vec::new(), Vec::new());
            if self.fact_tests(pattern, &fact, &mut seen, &mut own)? {
                let used = self.program.proving.then(|| self.fact_use(atom, origin));
                facts.push((fact, used));
                tests.push(own.into_boxed_slice());
            }
        }
        let opens = self.program.functions[self.function as usize].opens;
        let (tree, reached) = switch::tree_of_facts(&tests, opens).ok_or(Leave)?;
        let begin = self.if_facts();
        let without = self.defined.clone();
        let (slots, mut most) = (self.slots, self.slots);
        let mut entries: Vec<Pc> = Vec::with_capacity(reached.len());
        let mut jumps = Vec::with_capacity(facts.len());
        for ((fact, used), reached) in facts.iter().cycle().zip(&reached) {
            let Some(known) = &reached.known else {
                entries.push(FAIL);
                continue;
            };
            let here = self.here();
            entries.push(here);
            let live = without.clone().into_boxed_slice();
            self.program.live.insert(here, live);
            self.branch(|this| {
                this.fact(pattern, fact, first, known)?;
                if let Some(used) = used {
                    this.pending.add(*used);
                    this.record_branch();
                }
                Ok(())
            })?;
            jumps.push(self.emit(Instruction::Jump { to: FAIL }));
            most = most.max(self.slots);
            self.slots = slots;
        }
        self.slots = most;
        let from = self.here() as usize;
        self.tell_facts_apart(begin, &tree, (&entries, FAIL), stand);
        for at in from..self.here() as usize {
            if matches!(self.program.code[at], Instruction::Alternatives { .. }) {
                self.sized.push(at);
            }
        }
        let enough = enough.max(facts.len() as u32 * QUERIES_PER_WAY);
        let entry = &mut self.program.patterns[number as usize];
        (entry.asked_enough, entry.has_facts) = (enough, true);
        Ok(jumps)
    }

    fn fact_use(&mut self, fact: Atom, origin: Option<Origin>) -> Used {
        Used::Fact(self.program.uses.add_fact(FactUse::of(fact, origin)))
    }

    /// Whether a pattern may be for a fact, by what both are written as; and what has to hold
    /// of slots, where that is plain.
    fn fact_tests(
        &mut self,
        pattern: &Atom,
        fact: &Atom,
        seen: &mut Vec<Slot>,
        tests: &mut Vec<HeadTest>,
    ) -> Compiled<bool> {
        self.deeper()?;
        let may = match (pattern, fact) {
            (Atom::Variable(variable), _) => {
                if let Some(slot) = self.slot_of(variable)
                    && !seen.contains(&slot)
                {
                    seen.push(slot);
                    head::add_tests(self.heap, fact, &mut vec![u32::from(slot)], tests);
                }
                true
            }
            (_, Atom::Variable(_)) => true,
            (Atom::Expression(pattern), Atom::Expression(fact)) => {
                let (pattern, fact) = (pattern.children(), fact.children());
                let mut may = pattern.len() == fact.len();
                for (pattern, fact) in pattern.iter().zip(fact) {
                    may = may && self.fact_tests(pattern, fact, seen, tests)?;
                }
                may
            }
            (pattern, fact) => {
                if !is_plain_leaf(pattern) || !is_plain_leaf(fact) {
                    return Err(Leave);
                }
                pattern == fact
            }
        };
        self.depth -= 1;
        Ok(may)
    }

    /// Unifies a pattern with a fact, and writes the slots of its variables.
    fn fact(&mut self, pattern: &Atom, fact: &Atom, first: &First, known: &[Path]) -> Compiled<()> {
        let mut meeting = Meeting {
            first,
            found: vec![Found::Nothing; first.len()],
            again: Vec::new(),
            known,
            seen: Vec::new(),
        };
        self.meet(pattern, fact, &mut meeting)?;
        for ((_, slot), found) in first.iter().zip(&meeting.found) {
            if let Found::Later(part) = found {
                self.quoted_into(part, *slot)?;
            }
        }
        for (slot, part) in meeting.again {
            let value = self.quoted(part)?;
            let right = self.in_slot(value)?;
            self.emit(Instruction::Unify {
                left: slot,
                right,
                on_fail: FAIL,
            });
        }
        Ok(())
    }

    fn meet<'r>(
        &mut self,
        pattern: &Atom,
        fact: &'r Atom,
        meeting: &mut Meeting<'r>,
    ) -> Compiled<()> {
        match (pattern, fact) {
            (Atom::Variable(variable), _) => {
                if let Some(slot) = self.slot_of(variable) {
                    // The switches have looked at it for its first place only.
                    let is_first = !meeting.seen.contains(&slot);
                    meeting.seen.push(slot);
                    let known = if is_first { meeting.known } else { &[] };
                    return self.fact_with(fact, slot, &mut vec![u32::from(slot)], known);
                }
                let place = meeting.first.iter().position(|(own, _)| own == variable);
                if let Some(place) = place {
                    match meeting.found[place] {
                        Found::Nothing => meeting.found[place] = Found::Later(fact),
                        _ => meeting.again.push((meeting.first[place].1, fact)),
                    }
                }
                Ok(())
            }
            (_, Atom::Variable(variable)) => {
                let value = self.pattern_part(pattern, meeting)?;
                let slot = self.in_slot(value)?;
                match self.names.get(variable).map(|name| name.slot) {
                    Some(left) => {
                        self.emit(Instruction::Unify {
                            left,
                            right: slot,
                            on_fail: FAIL,
                        });
                    }
                    None => self.name_slot(variable, slot),
                }
                Ok(())
            }
            (Atom::Expression(pattern), Atom::Expression(fact)) => {
                self.deeper()?;
                for (pattern, fact) in pattern.children().iter().zip(fact.children()) {
                    self.meet(pattern, fact, meeting)?;
                }
                self.depth -= 1;
                Ok(())
            }
            // Seen to be equal before.
            _ => Ok(()),
        }
    }

    /// A part of a pattern as a term, with fresh variables for those that occur first there
    /// or wait for what the fact has.
    fn pattern_part(&mut self, part: &Atom, meeting: &mut Meeting<'_>) -> Compiled<Operand> {
        let mut fresh = Vec::new();
        part.for_each_variable(|variable| {
            let place = meeting.first.iter().position(|(own, _)| own == variable);
            fresh.extend(place.filter(|_| self.slot_of(variable).is_none()));
        });
        for place in fresh {
            let (variable, slot) = &meeting.first[place];
            if self.names.contains_key(variable) {
                continue;
            }
            self.emit(Instruction::Variable { to: *slot });
            self.name_slot(variable, *slot);
            let before = std::mem::replace(&mut meeting.found[place], Found::Written);
            if let Found::Later(fact) = before {
                meeting.again.push((*slot, fact));
            }
        }
        self.quoted(part)
    }

    /// Matches what a slot holds with a part of a fact, of which some is known.
    fn fact_with(
        &mut self,
        fact: &Atom,
        slot: Slot,
        path: &mut Vec<u32>,
        known: &[Path],
    ) -> Compiled<()> {
        if is_all_known(fact, path, known) {
            return Ok(());
        }
        let children = fact.as_expression().filter(|_| is_known(path, known));
        let Some(children) = children else {
            return self.pattern_with(fact, slot, &mut Vec::new());
        };
        self.deeper()?;
        let first = head::first_unknown(children);
        let to = self.slots_for(&children[first..])?;
        let skip = first as u16;
        self.emit(Instruction::Unpack { slot, to, skip });
        for (place, child) in children.iter().enumerate().skip(first) {
            path.push(place as u32);
            self.fact_with(child, to + (place - first) as Slot, path, known)?;
            path.pop();
        }
        self.depth -= 1;
        Ok(())
    }

    /// Puts an atom as it stands into a slot.
    fn quoted_into(&mut self, atom: &Atom, slot: Slot) -> Compiled<()> {
        let is_flat = |parts: &[Atom]| {
            let mut parts = parts.iter();
            parts.all(|part| part.is_ground() || matches!(part, Atom::Variable(_)))
        };
        // Whoever evaluates what was found looks at each part of it else.
        let value = if atom.as_expression().is_some_and(is_flat) {
            self.quoted_data(atom)?
        } else {
            self.quoted(atom)?
        };
        if value.is_constant() {
            let index = value.index() as u32;
            self.emit(Instruction::Constant { to: slot, index });
            return Ok(());
        }
        match self.program.code.last_mut() {
            Some(
                Instruction::Build { to, .. }
                | Instruction::BuildBlock { to, .. }
                | Instruction::BuildNoted { to, .. }
                | Instruction::MakeNoted { to, .. }
                | Instruction::Variable { to },
            ) if Operand::slot(*to) == value => {
                *to = slot;
                if let Atom::Variable(variable) = atom {
                    self.name_slot(variable, slot);
                }
            }
            _ => {
                let from = value.index() as Slot;
                self.emit(Instruction::Move { to: slot, from });
            }
        }
        Ok(())
    }
}

/// Whether no variable occurs twice.
fn is_each_once(pattern: &Atom) -> bool {
    let (mut seen, mut once) = (Vec::new(), true);
    pattern.for_each_occurrence(|variable| {
        once &= !seen.contains(variable);
        seen.push(variable.clone());
    });
    once
}

/// Whether rows are found by the head of a pattern, and are no rules or types.
fn has_plain_head(pattern: &Atom) -> bool {
    match pattern.as_expression() {
        Some([Atom::Symbol(head), ..]) => *head != known().equal && *head != known().colon,
        _ => false,
    }
}

/// Whether it is equal to what looks the same, and to nothing else.
fn is_plain_leaf(atom: &Atom) -> bool {
    matches!(
        atom,
        Atom::Expression(_)
            | Atom::Symbol(_)
            | Atom::Grounded(
                Grounded::Number(_) | Grounded::Bool(_) | Grounded::Char(_) | Grounded::Text(_)
            )
    )
}

fn is_known(path: &[u32], known: &[Path]) -> bool {
    known.iter().any(|place| place[..] == *path)
}

/// Whether all of a ground part of a fact is known to be there.
fn is_all_known(fact: &Atom, path: &mut Vec<u32>, known: &[Path]) -> bool {
    if !is_known(path, known) {
        return false;
    }
    let Some(children @ [_, ..]) = fact.as_expression() else {
        return true;
    };
    let first = head::first_unknown(children);
    let mut unknown = children.iter().enumerate().skip(first);
    unknown.all(|(place, child)| {
        path.push(place as u32);
        let all = is_all_known(child, path, known);
        path.pop();
        all
    })
}
