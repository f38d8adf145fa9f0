//! Variables that a form introduces: those that occur in it only.
//!
//! Where each new variable of an expression occurs is found once, as numbers of places in the
//! order in which they are written. A part is a range of such numbers, so that how often a variable
//! occurs in it takes no walk: the forms of a deep nest would each be walked for all those around it.

use std::collections::BTreeMap;
use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::apart::{Branch, DEPTH_MAX, branches_of, is_free_in};
use super::body::{is_if, is_let, is_superpose};
use super::lambda::lambda_of;
use super::walk::template_of;
use super::{Compiled, Compiler};
use crate::atom::{Atom, Grounded, Variable};
use crate::evaluate::Control;

/// Parts of most expressions.
type Parts = SmallVec<[Range<u32>; 6]>;

/// Where the new variables of an expression occur.
struct Occurrences {
    /// By the place of each part: the place after all that is in it.
    after: Vec<u32>,
    /// Places of new variables in order, and their numbers.
    all: Vec<(u32, u32)>,
    /// New variables by their numbers, which are in the order of their first occurrences.
    variables: Vec<Occurring>,
    /// Those that may still be found to be a form's own, by where they occur first.
    undecided: BTreeMap<u32, u32>,
}

struct Occurring {
    variable: Variable,
    places: SmallVec<[u32; 4]>,
    /// How a form introduces it, if one does.
    local: Option<Local>,
}

/// How a form introduces a variable of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Local {
    /// It binds it before it goes on with what else the variable stands in.
    Bound,
    /// The variable stands in its branches only, and is new there.
    InBranches,
}

impl Occurrences {
    /// Linear in the size of the atom.
    fn of(atom: &Atom, is_new: impl Fn(&Variable) -> bool) -> Occurrences {
        enum Step<'a> {
            Enter(&'a Atom),
            Leave(usize),
        }
        let mut found = Occurrences {
            after: Vec::new(),
            all: Vec::new(),
            variables: Vec::new(),
            undecided: BTreeMap::new(),
        };
        let mut numbers: HashMap<&Variable, Option<u32>, FixedState> = HashMap::default();
        let mut pending = vec![Step::Enter(atom)];
        while let Some(step) = pending.pop() {
            let here = found.after.len() as u32;
            let atom = match step {
                Step::Enter(atom) => atom,
                Step::Leave(place) => {
                    found.after[place] = here;
                    continue;
                }
            };
            found.after.push(here + 1);
            match atom {
                Atom::Variable(variable) => {
                    let number = *numbers.entry(variable).or_insert_with(|| {
                        is_new(variable).then(|| {
                            found.variables.push(Occurring {
                                variable: variable.clone(),
                                places: SmallVec::new(),
                                local: None,
                            });
                            let number = found.variables.len() as u32 - 1;
                            found.undecided.insert(here, number);
                            number
                        })
                    });
                    if let Some(number) = number {
                        found.all.push((here, number));
                        found.variables[number as usize].places.push(here);
                    }
                }
                Atom::Expression(expression) if expression.has_variables() => {
                    pending.push(Step::Leave(here as usize));
                    pending.extend(expression.children().iter().rev().map(Step::Enter));
                }
                Atom::Expression(_) | Atom::Symbol(_) | Atom::Grounded(_) => {}
            }
        }
        found
    }

    fn part(&self, place: u32) -> Range<u32> {
        place..self.after[place as usize]
    }

    /// The parts of an expression, which is at a place.
    fn parts(&self, children: &[Atom], place: u32) -> Parts {
        let mut next = place + 1;
        // What is inside of an expression without variables has no places.
        let end = self.part(place).end;
        let part = |_| {
            let part = if next < end {
                self.part(next)
            } else {
                next..next
            };
            next = part.end;
            part
        };
        children.iter().map(part).collect()
    }

    /// New variables in a part, by their indices in `all`.
    fn within(&self, part: &Range<u32>) -> Range<usize> {
        let before = |end: u32| self.all.partition_point(|(place, _)| *place < end);
        before(part.start)..before(part.end)
    }

    /// How often a variable occurs in a part.
    fn count(&self, number: u32, part: &Range<u32>) -> usize {
        let places = &self.variables[number as usize].places;
        let before = |end: u32| places.partition_point(|place| *place < end);
        before(part.end) - before(part.start)
    }

    /// Takes out of those that are new in branches what stands in more than one branch of a form, and in one of them
    /// outside of what binds it there: it is the same variable in all, which shows where several
    /// of them are taken one after the other and their results gathered.
    fn set_shared_free(&mut self, branches: &[(Branch<'_>, Range<u32>)]) {
        let [(_, first), .., (_, last)] = branches else {
            return;
        };
        let whole = first.start..last.end;
        // What is in several of them is in others than the largest.
        let sizes = branches.iter().map(|(_, part)| self.within(part).len());
        let largest = sizes.enumerate().max_by_key(|(_, size)| *size);
        let mut seen: HashSet<u32, FixedState> = HashSet::default();
        for (place, (_, part)) in branches.iter().enumerate() {
            if largest.is_some_and(|(largest, _)| largest == place) {
                continue;
            }
            for index in self.within(part) {
                let number = self.all[index].1;
                let found = &self.variables[number as usize];
                if found.local != Some(Local::InBranches)
                    || self.count(number, part) == self.count(number, &whole)
                    || !seen.insert(number)
                {
                    continue;
                }
                let within = found.places.iter().filter(|place| whole.contains(place));
                let mut within: Vec<usize> = within
                    .map(|place| branches.partition_point(|(_, part)| part.end <= *place))
                    .collect();
                within.dedup();
                let is_free = |at: usize| is_free_in(&branches[at].0, &found.variable);
                if within.into_iter().any(is_free) {
                    self.variables[number as usize].local = None;
                }
            }
        }
    }
}

impl Compiler<'_> {
    /// Makes variables of those that occur first in `atom`, but for those that a
    /// form inside binds itself.
    pub(super) fn introduce(&mut self, atom: &Atom) -> Compiled<()> {
        let mut found = Occurrences::of(atom, |variable| !self.names.contains_key(variable));
        if found.variables.is_empty() {
            return Ok(());
        }
        self.find_locals(atom, 0, &mut found, 0);
        for found in &found.variables {
            if found.local.is_none() {
                self.fresh(&found.variable)?;
            }
        }
        Ok(())
    }

    /// Notes which variables occur in one binding form only, which introduces them.
    fn find_locals(&self, atom: &Atom, place: u32, found: &mut Occurrences, depth: usize) {
        let Atom::Expression(expression) = atom else {
            return;
        };
        if depth > DEPTH_MAX
            || !expression.has_variables()
            || found.within(&found.part(place)).is_empty()
        {
            return;
        }
        let children = expression.children();
        let parts = found.parts(children, place);
        if let [head, Atom::Expression(given)] = children
            && is_superpose(head)
        {
            // Alternatives, whatever form they seem to be together.
            let places = found.parts(given.children(), parts[1].start);
            for (child, part) in given.children().iter().zip(places) {
                self.find_locals(child, part.start, found, depth + 2);
            }
            return;
        }
        let walk = template_of(children);
        if let Some((_, variables)) = &walk {
            let own = variables.iter().filter(|other| self.is_walked(other));
            for own in own {
                let is_it = |found: &&mut Occurring| found.variable == **own;
                if let Some(found) = found.variables.iter_mut().find(is_it) {
                    found.local = Some(Local::Bound);
                }
            }
        }
        match children {
            [head, _, _, _] if is_let(head) => {
                self.take_in(found, &[&parts[1]], &[&parts[1], &parts[3]]);
            }
            [head, Atom::Expression(pairs), _] if head.as_symbol() == Some("let*") => {
                self.take_pairs(found, pairs.children(), &parts);
            }
            [head, _, Atom::Expression(cases)]
                if matches!(head.as_symbol(), Some("case" | "switch")) =>
            {
                self.take_all(found, &parts[2]);
                let places = found.parts(cases.children(), parts[2].start);
                let branches = branches_of(cases.children()).into_iter();
                let branches: Vec<_> = branches.zip(places).collect();
                found.set_shared_free(&branches);
            }
            [Atom::Grounded(Grounded::Operation(operation)), _, _, _]
                if operation.control() == Some(Control::Match) =>
            {
                self.take_in(found, &[&parts[2]], &[&parts[2], &parts[3]]);
            }
            [head, _, then, otherwise] if is_if(head) => {
                self.take_all(found, &(parts[2].start..parts[3].end));
                let branches = [
                    ((None, then), parts[2].clone()),
                    ((None, otherwise), parts[3].clone()),
                ];
                found.set_shared_free(&branches);
            }
            [head, _, Atom::Variable(_), _] if head.as_symbol() == Some("chain") => {
                self.take_in(found, &[&parts[2]], &[&parts[2], &parts[3]]);
            }
            [head, _, Atom::Variable(_), Atom::Variable(_), _, _]
                if head.as_symbol() == Some("if-decons-expr") =>
            {
                let taken = [&parts[2], &parts[3]];
                self.take_in(found, &taken, &[taken[0], taken[1], &parts[4]]);
            }
            [head, _, _, _, _] if head.as_symbol() == Some("unify") => {
                let taken = [&parts[1], &parts[2]];
                self.take_in(found, &taken, &[taken[0], taken[1], &parts[3]]);
            }
            [head, ..] if lambda_of(head).is_some() => self.take_all(found, &parts[0]),
            _ => {
                if let Some((template, _)) = &walk {
                    let is_it = |child: &Atom| std::ptr::eq(child, *template);
                    if let Some(place) = children.iter().position(is_it) {
                        self.take_all(found, &parts[place]);
                    }
                }
            }
        }
        for (child, part) in children.iter().zip(parts) {
            self.find_locals(child, part.start, found, depth + 1);
        }
    }

    /// Takes those in some patterns that occur nowhere but in these parts.
    fn take_in(&self, found: &mut Occurrences, patterns: &[&Range<u32>], parts: &[&Range<u32>]) {
        for pattern in patterns {
            for index in found.within(pattern) {
                let number = found.all[index].1;
                let within = parts.iter().map(|part| found.count(number, part)).sum();
                self.take_if_own(found, number, within, Local::Bound);
            }
        }
    }

    /// Takes those that occur nowhere but in a part.
    fn take_all(&self, found: &mut Occurrences, part: &Range<u32>) {
        let numbers = found.undecided.range(part.clone());
        let numbers: Vec<u32> = numbers.map(|(_, number)| *number).collect();
        for number in numbers {
            let within = found.count(number, part);
            self.take_if_own(found, number, within, Local::InBranches);
        }
    }

    /// What stands after a pattern of `let*` is where it is known.
    fn take_pairs(&self, found: &mut Occurrences, pairs: &[Atom], parts: &Parts) {
        let places = found.parts(pairs, parts[1].start);
        // What is no pair is not counted.
        let odd: Vec<Range<u32>> = (pairs.iter().zip(&places))
            .filter(|(pair, _)| pair.as_expression().is_none())
            .map(|(_, place)| place.clone())
            .collect();
        for (pair, place) in pairs.iter().zip(&places).rev() {
            let Some([_, _]) = pair.as_expression() else {
                continue;
            };
            if place.len() == 1 {
                // Without variables: its parts have no places.
                continue;
            }
            let (pattern, after) = (found.part(place.start + 1), place.end..parts[2].end);
            for index in found.within(&pattern) {
                let number = found.all[index].1;
                let uncounted = odd.iter().filter(|odd| odd.start >= after.start);
                let uncounted: usize = uncounted.map(|odd| found.count(number, odd)).sum();
                let within = found.count(number, &pattern) + found.count(number, &after);
                self.take_if_own(found, number, within - uncounted, Local::Bound);
            }
        }
    }

    /// Takes a variable as a form's own if that many are all its occurrences in the rule.
    fn take_if_own(&self, found: &mut Occurrences, number: u32, within: usize, local: Local) {
        let variable = &mut found.variables[number as usize];
        if self.counts.get(&variable.variable) == Some(&within) {
            variable.local = Some(local);
            found.undecided.remove(&variable.places[0]);
        }
    }
}
