//! `case` and `switch`: the first case whose pattern unifies with a value.
//!
//! Which that may be is decided by what stands at a few places of the value, as the rules
//! for a call are: a tree of switches leads to the first case that may match, behind its
//! pattern's tests where those are known to hold. From there on cases are tried one by one.

use super::apart::Branches;
use super::call::has_function;
use super::control::mentions_space;
use super::switch::{Places, Reached, Tree};
use super::tuple::{PatternParts, Tuple};
use super::{Bound, Compiled, Compiler, Leave, OddWhat, Place, Value, Want, is_whole_error};
use smallvec::smallvec;

use crate::atom::{Atom, known};
use crate::fast::code::{ANY, FAIL, Instruction, Of, Operand, Pc, Slot, TypeId};
use crate::fast::switch::HeadTest;

/// Cases in each other that are compiled twice: for data and for any value, or for values and for no
/// result. Code would else double with each.
const CASES_TWICE: usize = 3;

/// What cases are told apart by.
enum Told<'t> {
    /// What a slot holds; what the plain evaluator is asked if that is a space, and the type that
    /// this is evaluated as.
    Slot(Slot, OddWhat, TypeId),
    /// The elements of a tuple that is data.
    Elements(&'t Tuple),
}

impl Told<'_> {
    /// What of a pattern is matched with which slots; nothing of a variable for a tuple. `None` if
    /// it never matches.
    fn parts<'c>(&self, pattern: &'c Atom) -> Option<PatternParts<'c>> {
        match self {
            Told::Slot(slot, ..) => Some(smallvec![(pattern, *slot)]),
            Told::Elements(tuple) => tuple.parts(pattern),
        }
    }
}

impl Compiler<'_> {
    pub(super) fn case_form(
        &mut self,
        value: &Atom,
        cases: &[Atom],
        want: Want,
    ) -> Compiled<Value> {
        let (result, mark) = self.marked(std::slice::from_ref(value), want, |this, inner| {
            if let Atom::Variable(variable) = value
                && let Some(name) = this.names.get(variable)
                && this.plain.contains(&name.slot)
            {
                let slot = name.slot;
                return this.cases(slot, cases, inner.want);
            }
            let tuple = match this.cases_twice < CASES_TWICE {
                true => this.tuple_looked_at(value, cases)?,
                false => None,
            };
            let Some((tuple, odd)) = tuple else {
                return this.cases_of_any(value, cases, (inner.want, want));
            };
            this.cases_twice += 1;
            let to = this.slot()?;
            let first = this.branch(|this| {
                let told = Told::Elements(&tuple);
                let value = this.cases_told(&told, cases, inner.want, &Self::case_evaluated)?;
                Ok(this.join(value, to, want))
            })?;
            let here = this.here();
            for at in odd {
                this.fill(at, Place::Odd, here);
            }
            let second = this.branch(|this| {
                let value = this.cases_of_any(value, cases, (inner.want, want))?;
                Ok(this.join(value, to, want))
            })?;
            this.cases_twice -= 1;
            this.land([first, second]);
            this.define(to);
            Ok(Operand::slot(to))
        })?;
        self.exit(mark);
        Ok(result)
    }

    /// The cases that `Empty` may match, as far as the first that it does.
    fn cases_of_empty(&self, cases: &[Atom]) -> Vec<Atom> {
        let mut found = Vec::new();
        for case in cases {
            let (takes, ends) = match case.as_expression() {
                Some([Atom::Variable(variable), _]) => (true, !self.names.contains_key(variable)),
                Some([pattern, _]) => (pattern.is_empty_symbol(), pattern.is_empty_symbol()),
                _ => (true, true),
            };
            if takes {
                found.push(case.clone());
            }
            if ends {
                break;
            }
        }
        found
    }

    /// Cases for each value that an expression has, and for `Empty` where it has none. `want` is what
    /// is wanted of what follows a case, and then of the whole form.
    fn cases_of_any(
        &mut self,
        value: &Atom,
        cases: &[Atom],
        (wanted, want): (Want, Want),
    ) -> Compiled<Value> {
        // What cannot fail needs no way back for no result.
        let quick = matches!(value, Atom::Symbol(symbol) if *symbol != known().empty)
            || matches!(value, Atom::Grounded(_));
        let of_empty = self.cases_of_empty(cases);
        // Written only where a case begins.
        let keep = self.slot()?;
        let before = self.defined.clone();
        let slot = self.slot()?;
        let at_once = match value {
            Atom::Variable(variable) => self.names.get(variable).copied(),
            _ => None,
        };
        let at_once = at_once.map(|name| {
            self.emit(Instruction::TakeSettled {
                to: slot,
                from: name.slot,
                settled: FAIL,
            })
        });
        let open = if quick || of_empty.is_empty() {
            None
        } else {
            self.define(keep);
            Some(self.emit_sized(Instruction::CaseOpen {
                keep,
                empty: FAIL,
                size: 0,
            }))
        };
        let without = self.defined.clone();
        let (seen, pending) = (self.seen.clone(), self.pending.clone());
        self.define(slot);
        // An error is a value here.
        let inner_mark = self.target()?;
        self.emit(Instruction::Mark { to: inner_mark });
        let gathers = self.gathers_for(value, cases);
        self.gathering(gathers, |this| {
            this.caught(slot, Some(inner_mark), |this| {
                if is_whole_error(value) {
                    this.quoted(value)
                } else {
                    // What was bound before is in it.
                    this.in_place(1, value, |this| this.value_of_case(value))
                }
            })
        })?;
        self.note_retyped(value, slot);
        if open.is_some() {
            self.emit(Instruction::CaseAny { keep });
        }
        let is_deep = self.cases_twice == CASES_TWICE;
        if let (true, Some(open)) = (is_deep, open) {
            // The same code is for no result, and so knows no more than held before.
            let over = self.emit(Instruction::Jump { to: FAIL });
            self.begin_without(open, without.clone());
            let index = self.constant(&Atom::Symbol(known().empty.clone()))?;
            self.emit(Instruction::Constant { to: slot, index });
            self.land([Some(over)]);
            self.seen = seen;
            self.pending.add_all(&pending);
        }
        if let Some(at) = at_once {
            let here = self.here();
            self.fill(at, Place::To, here);
        }
        self.defined = before;
        self.define(slot);
        let Some(open) = open.filter(|_| !is_deep) else {
            return self.cases(slot, cases, wanted);
        };
        self.cases_twice += 1;
        let to = self.slot()?;
        let first = self.branch(|this| {
            let value = this.cases(slot, cases, wanted)?;
            Ok(this.join(value, to, want))
        })?;
        self.begin_without(open, without);
        let second = self.branch(|this| {
            let empty = this.constant_value(&Atom::Symbol(known().empty.clone()))?;
            let slot = this.in_slot(empty)?;
            let value = this.cases(slot, &of_empty, wanted)?;
            Ok(this.join(value, to, want))
        })?;
        self.cases_twice -= 1;
        self.land([first, second]);
        self.define(to);
        Ok(Operand::slot(to))
    }

    /// What `case` looks at: a variable's value is an argument first, and a result stays one.
    fn value_of_case(&mut self, value: &Atom) -> Compiled<Value> {
        if let Atom::Variable(variable) = value
            && let Some(name) = self.names.get(variable)
            && name.fresh_in != Some(self.scope)
        {
            let slot = name.slot;
            return self.settle_as(slot, ANY, Want::Shared, true, Of::Element);
        }
        self.evaluate(value, ANY, Want::Shared)
    }

    /// What `let` and `switch` take apart, in a slot.
    pub(super) fn value_of_form(&mut self, value: &Atom) -> Compiled<Slot> {
        let found = self.evaluate_argument(value, ANY)?;
        let slot = self.in_slot(found)?;
        // A variable may stand for an error, which is a value only here, or for nothing yet, and for a
        // call or `Empty` later.
        if matches!(value, Atom::Variable(_)) || self.is_left_changed(value) {
            self.seen.settled.remove(&slot);
        }
        self.note_retyped(value, slot);
        Ok(slot)
    }

    /// The value of a `let`, which is evaluated after its pattern: what was bound before is in it.
    pub(super) fn value_of_let(&mut self, value: &Atom) -> Compiled<Slot> {
        self.in_place(1, value, |this| this.value_of_form(value))
    }

    /// What tells the cases apart, in order, and what is known of each where it leads there;
    /// `None` if there is nothing to tell.
    fn cases_tree<'c>(
        &mut self,
        told: &Told<'_>,
        patterns: impl Iterator<Item = &'c Atom>,
    ) -> Option<(Tree, Vec<Reached>)> {
        let tests: Vec<Box<[HeadTest]>> = patterns
            .map(|pattern| {
                let mut tests = Vec::new();
                for (part, slot) in told.parts(pattern).unwrap_or_default() {
                    let mut path = vec![u32::from(slot)];
                    super::head::add_tests(self.heap, part, &mut path, &mut tests);
                }
                tests.into_boxed_slice()
            })
            .collect();
        let found = super::switch::tree_of_cases(&tests).or_else(|| {
            // By what the values are themselves.
            let own = |test: &&HeadTest| test.path.len() == 1;
            let tests = tests.iter().map(|tests| tests.iter().filter(own).cloned());
            let tests: Vec<Box<[HeadTest]>> = tests.map(Iterator::collect).collect();
            super::switch::tree_of_cases(&tests)
        });
        found.filter(|(tree, _)| matches!(tree, Tree::Place(_)))
    }

    /// The template of the first case whose pattern unifies with what a slot holds.
    pub(super) fn cases(&mut self, slot: Slot, cases: &[Atom], want: Want) -> Compiled<Value> {
        let source = [
            Atom::symbol("switch"),
            self.named_value(slot),
            Atom::expression(cases.to_vec()),
        ];
        let asked = (OddWhat::Call(Atom::expression(source)), ANY);
        self.cases_of(slot, cases, want, asked, &Self::case_evaluated)
    }

    /// What follows a pattern of `case` or `switch` is evaluated, but that what a variable stands for
    /// stays a result, also where matching bound parts of it.
    fn case_evaluated(&mut self, template: &Atom, want: Want) -> Compiled<Value> {
        match template {
            Atom::Variable(_) => self.part(|this| {
                this.introduce(template)?;
                this.template(template, ANY, want, Bound::Nothing)
            }),
            _ => self.evaluated(template, want),
        }
    }

    /// What follows a pattern is evaluated.
    pub(super) fn evaluated(&mut self, template: &Atom, want: Want) -> Compiled<Value> {
        self.evaluated_as(template, ANY, want)
    }

    /// The same, as what is expected to be of a type.
    pub(super) fn evaluated_as(
        &mut self,
        template: &Atom,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        self.part(|this| {
            this.introduce(template)?;
            this.template(template, expected, want, Bound::Something)
        })
    }

    /// As [`Compiler::evaluated`], of the instruction `unify`.
    pub(super) fn unified(&mut self, template: &Atom, want: Want) -> Compiled<Value> {
        self.part(|this| {
            this.introduce(template)?;
            this.template_as(template, ANY, want, Bound::Something, Of::Element)
        })
    }

    /// As [`Compiler::cases`]; `asked` is what the plain evaluator is asked for a space, and the type that
    /// this is evaluated as, and `body` compiles what follows a pattern.
    pub(super) fn cases_of(
        &mut self,
        slot: Slot,
        cases: &[Atom],
        want: Want,
        (asked, expected): (OddWhat, TypeId),
        body: &dyn Fn(&mut Self, &Atom, Want) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let told = Told::Slot(slot, asked, expected);
        self.cases_told(&told, cases, want, body)
    }

    /// The cases for what there is to tell them by; `body` compiles what follows a pattern.
    fn cases_told(
        &mut self,
        told: &Told<'_>,
        cases: &[Atom],
        want: Want,
        body: &dyn Fn(&mut Self, &Atom, Want) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let is_case = |case: &&Atom| match case {
            Atom::Variable(_) => true,
            case => case.as_expression().is_some_and(|parts| parts.len() == 2),
        };
        // What a variable stands for may be a case.
        if cases
            .iter()
            .take_while(is_case)
            .any(|case| matches!(case, Atom::Variable(_)))
        {
            return Err(Leave);
        }
        let to = self.slot()?;
        let mut ends = Vec::new();
        let all: Vec<&Atom> = cases.iter().collect();
        let all = Branches::new(&all);
        // A malformed case is where it ends.
        let parts = cases.iter().map_while(|case| match case.as_expression() {
            Some([pattern, template]) => Some((case, pattern, template)),
            _ => None,
        });
        let cases: Vec<(&Atom, &Atom, &Atom)> = parts
            .filter(|(_, pattern, _)| told.parts(pattern).is_some())
            .collect();
        let patterns = || cases.iter().map(|(_, pattern, _)| *pattern);
        // Cases that cannot match are passed over by what the slot holds; most often it is
        // taken apart.
        let (tree, reached) = self.cases_tree(told, patterns()).unzip();
        let take = self.emit(Instruction::Jump { to: FAIL });
        let otherwise = self.emit(Instruction::Jump { to: FAIL });
        if patterns().any(mentions_space) {
            return Err(Leave);
        }
        // A space stands for what is in it, unless a variable takes it first.
        let named = |pattern: &Atom| match pattern {
            Atom::Variable(variable) => self.names.get(variable).map(|name| name.slot),
            _ => None,
        };
        let queried = match (told, patterns().next()) {
            (Told::Elements(_), _) | (_, None) => None,
            (_, Some(first @ Atom::Variable(_))) if named(first).is_none() => None,
            (Told::Slot(slot, asked, expected), Some(first)) => {
                let other = named(first).unwrap_or(*slot);
                let queried = self.slow(Vec::new(), asked.clone(), *expected)?;
                Some((queried, *slot, other))
            }
        };
        // Where a case begins to be tried; where it is entered.
        let mut first = None;
        let mut entries: Vec<Pc> = Vec::new();
        for (number, (case, pattern, template)) in cases.iter().copied().enumerate() {
            if has_function(template) {
                return Err(Leave);
            }
            let begin = self.here();
            first.get_or_insert(begin);
            let known = reached
                .as_ref()
                .and_then(|reached| reached[number].known.clone());
            let (end, uses, keep) = self.own_branch(&[case], &all, |this| {
                // Only until the pattern has matched: no call sees it.
                let keep = this.slot()?;
                let mut is_new = true;
                pattern.for_each_variable(|variable| {
                    is_new &= !this.names.contains_key(variable);
                });
                let any = match pattern {
                    Atom::Variable(variable) if is_new => Some(variable),
                    _ => None,
                };
                let parts = told.parts(pattern).unwrap_or_default();
                let known = known.filter(|known| {
                    is_new && any.is_none() && super::head::always_matches_slots(&parts, known)
                });
                let before = (this.slots, this.names.clone());
                let mut uses = Vec::new();
                match any {
                    Some(variable) => match told {
                        Told::Slot(slot, ..) => this.pattern_with(pattern, *slot, &mut uses)?,
                        Told::Elements(tuple) => this.name_tuple(tuple, variable)?,
                    },
                    None => {
                        this.emit(Instruction::Try { keep });
                        for (part, slot) in &parts {
                            this.pattern_with(part, *slot, &mut uses)?;
                        }
                        this.emit(Instruction::Keep);
                    }
                }
                let mut entry = begin;
                if let Some(known) = known {
                    // Once more, without what is known; slots and names come out the same.
                    let over = this.emit(Instruction::Jump { to: FAIL });
                    let after = (this.slots, this.names.len());
                    (this.slots, this.names) = before;
                    entry = this.here();
                    for (part, slot) in &parts {
                        this.known_pattern(part, *slot, &known, FAIL)?;
                    }
                    debug_assert_eq!(after, (this.slots, this.names.len()));
                    let here = this.here();
                    this.fill(over, Place::To, here);
                }
                entries.push(entry);
                let end = if want == Want::Tail {
                    this.as_met(template, |this| body(this, template, want).map(|_| ()))?;
                    None
                } else {
                    let value = body(this, template, want)?;
                    this.join(value, to, want)
                };
                Ok((end, uses, keep))
            })?;
            ends.push(end);
            let here = self.here();
            for at in &uses {
                self.fill(*at, Place::OnFail, here);
            }
            self.emit(Instruction::Undo { keep });
        }
        let none = self.here();
        self.emit(Instruction::Fail);
        let mut open = first.unwrap_or(none);
        if let Some((slow, slot, other)) = queried {
            let at = self.emit(Instruction::UnlessSpace {
                slot,
                other,
                to: open,
                odd: FAIL,
            });
            self.odd[slow].uses = vec![(at, Place::Odd)];
            open = at as Pc;
        }
        let to_open = Instruction::Jump { to: open };
        self.program.code[take] = to_open;
        if let Some(tree) = tree {
            let places = Places {
                function: None,
                rules: &entries,
                open,
                none,
            };
            let Ok(switch) = super::switch::write_below(self.program, &tree, &places) else {
                unreachable!("it begins with a switch");
            };
            let number = self.program.switches.len() as u32;
            let taken = super::switch::take_call(&self.program.code, &switch);
            self.program.switches.push(switch);
            let switch = Instruction::Switch { switch: number };
            self.program.code[take] = taken.unwrap_or(switch);
            self.program.code[otherwise] = switch;
        }
        self.land(ends);
        self.define(to);
        if let Some((slow, ..)) = queried
            && want != Want::Tail
        {
            self.odd[slow].to = Some(to);
            self.odd[slow].resume = self.here();
        }
        Ok(Operand::slot(to))
    }
}
