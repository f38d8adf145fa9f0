//! Conditions that call a short rule, decided where they stand.
//!
//! `(if (apart $a $b $c) …)`, where `(= (apart $a $b $c) (if (== $a $b) False …))` is all there
//! is of `apart`, compares the values at once, and goes on at what the condition leads to. That
//! is tried before the call, which is made where a value is none of those that comparisons tell
//! by themselves, or the rules are no longer what they were: nothing has happened by then.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::condition::to_evaluate;
use super::{Compiled, Compiler, Leave, Place, table};
use crate::atom::{Atom, Grounded, Variable};
use crate::evaluate::Control;
use crate::fast::code::{FAIL, IF_PLAIN, Instruction, Pc, Slot};
use crate::fast::head::Head;

/// What has more atoms is no short rule.
const SIZE_MAX: u32 = 64;
/// Comparisons that are made in the place of one call.
const COMPARISONS_MAX: usize = 12;
/// Short rules in each other.
const DEEPEST: usize = 2;

/// What an instruction has that says where to go on.
#[derive(Clone, Copy)]
enum Way {
    /// Its place in the code, and which of its fields.
    At(usize, Place),
    Same(usize),
    Other(usize),
}

/// Where a condition leads to, each by several ways.
#[derive(Default)]
pub(super) struct Ways {
    yes: SmallVec<[Way; 4]>,
    no: SmallVec<[Way; 4]>,
    /// Not decided.
    odd: SmallVec<[Way; 4]>,
    comparisons: usize,
}

impl Compiler<'_> {
    /// Decides a condition, if it calls a short rule, and goes on behind where that is left to
    /// the call. [`Compiler::lead`] tells where it leads to.
    pub(super) fn decided_inline(&mut self, condition: &Atom) -> Compiled<Option<Ways>> {
        if self.watched || self.program.proving {
            return Ok(None);
        }
        let start = self.program.code.len();
        let (seen, defined, slots) = (self.seen.clone(), self.defined.clone(), self.slots);
        let mut ways = Ways::default();
        let decided = self.call_inlined(condition, 0, &mut ways);
        (self.seen, self.defined) = (seen, defined);
        match decided {
            Ok(()) => {
                let here = self.here();
                for way in std::mem::take(&mut ways.odd) {
                    self.lead_to(way, here);
                }
                Ok(Some(ways))
            }
            Err(Leave) => {
                self.program.code.truncate(start);
                self.slots = slots;
                Ok(None)
            }
        }
    }

    /// Says where a condition leads to.
    pub(super) fn lead(&mut self, ways: Ways, yes: Pc, no: Pc) {
        for way in ways.yes {
            self.lead_to(way, yes);
        }
        for way in ways.no {
            self.lead_to(way, no);
        }
    }

    fn lead_to(&mut self, way: Way, pc: Pc) {
        match way {
            Way::At(at, place) => self.fill(at, place, pc),
            Way::Same(at) => {
                if let Instruction::TrySame { same, .. } = &mut self.program.code[at] {
                    *same = pc;
                }
            }
            Way::Other(at) => {
                if let Instruction::TrySame { other, .. } = &mut self.program.code[at] {
                    *other = pc;
                }
            }
        }
    }

    /// A call of a short rule with variables and constants.
    fn call_inlined(&mut self, call: &Atom, depth: usize, ways: &mut Ways) -> Compiled<()> {
        let Some([head @ Atom::Symbol(name), arguments @ ..]) = call.as_expression() else {
            return Err(Leave);
        };
        if depth == DEEPEST || arguments.is_empty() {
            return Err(Leave);
        }
        if !matches!(self.program.head(self.host, self.heap, head), Head::Untyped) {
            return Err(Leave);
        }
        let symbol = self.heap.symbol(name);
        let arity = arguments.len();
        if self.program.is_tabled(self.host, name, arity) {
            return Err(Leave);
        }
        let rule = self
            .program
            .only_rule_of(symbol, arity, head)
            .ok_or(Leave)?;
        if rule.size() > SIZE_MAX {
            return Err(Leave);
        }
        let (pattern, body) = table::parts(&rule, head).ok_or(Leave)?;
        let parameters = &pattern.as_expression().ok_or(Leave)?[1..];
        let mut values: HashMap<&Variable, &Atom, FixedState> = HashMap::default();
        let mut looked_at: SmallVec<[Slot; IF_PLAIN]> = SmallVec::new();
        for (parameter, argument) in parameters.iter().zip(arguments) {
            let Atom::Variable(parameter) = parameter else {
                return Err(Leave);
            };
            match argument {
                Atom::Variable(variable) => {
                    let name = self.names.get(variable).ok_or(Leave)?;
                    if name.fresh_in == Some(self.scope) {
                        return Err(Leave);
                    }
                    // All arguments are evaluated, also those that are not compared.
                    let slot = name.slot;
                    let is_known =
                        self.seen.settled.contains(&slot) || self.seen.numbers.contains(&slot);
                    if !is_known && !looked_at.contains(&slot) {
                        looked_at.push(slot);
                    }
                }
                Atom::Grounded(Grounded::Bool(_) | Grounded::Number(_)) => {}
                Atom::Grounded(_) | Atom::Symbol(_) | Atom::Expression(_) => return Err(Leave),
            }
            if values.insert(parameter, argument).is_some() {
                return Err(Leave);
            }
        }
        let body = substituted(body, &values)?;
        self.program.look_at_rules(symbol, arity);
        let rules = self.program.inlined(symbol, arity);
        let at = self.emit(Instruction::IfRules { rules, odd: FAIL });
        ways.odd.push(Way::At(at, Place::Odd));
        for looked_at in looked_at.chunks(IF_PLAIN) {
            let mut slots = [0; IF_PLAIN];
            slots[..looked_at.len()].copy_from_slice(looked_at);
            let count = looked_at.len() as u8;
            let odd = FAIL;
            let at = self.emit(Instruction::IfPlain { slots, count, odd });
            ways.odd.push(Way::At(at, Place::Odd));
        }
        self.condition_inlined(&body, depth, ways)
    }

    /// What is decided by comparisons, leads to one of two ways, and goes on nowhere else.
    fn condition_inlined(&mut self, atom: &Atom, depth: usize, ways: &mut Ways) -> Compiled<()> {
        self.deeper()?;
        let decided = self.condition_inlined_within(atom, depth, ways);
        self.depth -= 1;
        decided
    }

    fn condition_inlined_within(
        &mut self,
        atom: &Atom,
        depth: usize,
        ways: &mut Ways,
    ) -> Compiled<()> {
        let children = to_evaluate(atom).ok_or(Leave)?;
        if let [head, condition, then, otherwise] = children
            && self.is_if_form(head)
        {
            let outer = (std::mem::take(&mut ways.yes), std::mem::take(&mut ways.no));
            self.condition_inlined(condition, depth, ways)?;
            let (yes, no) = (std::mem::take(&mut ways.yes), std::mem::take(&mut ways.no));
            (ways.yes, ways.no) = outer;
            self.branch_inlined(then, yes, depth, ways)?;
            return self.branch_inlined(otherwise, no, depth, ways);
        }
        if matches!(children.first(), Some(Atom::Symbol(_))) {
            return self.call_inlined(atom, depth + 1, ways);
        }
        ways.comparisons += 1;
        if ways.comparisons > COMPARISONS_MAX {
            return Err(Leave);
        }
        let at = if let Some(comparison) = self.simple_comparison(atom) {
            self.emit(comparison)
        } else if self.is_numeric_comparison(atom) {
            let mut uses = Vec::new();
            let at = self.numeric_comparison(atom, &mut uses)?;
            let uses = uses.into_iter().map(|(at, place)| Way::At(at, place));
            ways.odd.extend(uses);
            at
        } else {
            let (left, right) = self.plain_equality(atom, &[]).ok_or(Leave)?;
            let at = self.emit(Instruction::TrySame {
                left,
                right,
                same: FAIL,
                other: FAIL,
            });
            ways.yes.push(Way::Same(at));
            ways.no.push(Way::Other(at));
            let at = self.emit(Instruction::Jump { to: FAIL });
            ways.odd.push(Way::At(at, Place::To));
            return Ok(());
        };
        ways.no.push(Way::At(at, Place::To));
        ways.odd.push(Way::At(at, Place::Odd));
        let at = self.emit(Instruction::Jump { to: FAIL });
        ways.yes.push(Way::At(at, Place::To));
        Ok(())
    }

    /// What some ways lead to.
    fn branch_inlined(
        &mut self,
        atom: &Atom,
        from: SmallVec<[Way; 4]>,
        depth: usize,
        ways: &mut Ways,
    ) -> Compiled<()> {
        match atom {
            Atom::Grounded(Grounded::Bool(true)) => ways.yes.extend(from),
            Atom::Grounded(Grounded::Bool(false)) => ways.no.extend(from),
            _ => {
                // A jump to what comes next is none.
                let last = self.program.code.len() - 1;
                let is_last = |way: &Way| matches!(way, Way::At(at, Place::To) if *at == last);
                let falls = matches!(self.program.code[last], Instruction::Jump { .. })
                    && from.iter().any(is_last);
                if falls {
                    self.program.code.pop();
                }
                let here = self.here();
                for way in from.into_iter().filter(|way| !(falls && is_last(way))) {
                    self.lead_to(way, here);
                }
                self.condition_inlined(atom, depth, ways)?;
            }
        }
        Ok(())
    }

    fn is_if_form(&mut self, head: &Atom) -> bool {
        match head {
            Atom::Grounded(Grounded::Operation(operation)) => {
                operation.control() == Some(Control::If)
            }
            Atom::Symbol(_) => match self.program.head(self.host, self.heap, head) {
                Head::Operation(operation, _) => operation.control() == Some(Control::If),
                Head::Untyped | Head::Typed(_) | Head::Complex => false,
            },
            Atom::Variable(_) | Atom::Expression(_) | Atom::Grounded(_) => false,
        }
    }
}

/// An atom with values in the place of all its variables.
fn substituted(atom: &Atom, values: &HashMap<&Variable, &Atom, FixedState>) -> Compiled<Atom> {
    Ok(match atom {
        Atom::Variable(variable) => (*values.get(variable).ok_or(Leave)?).clone(),
        Atom::Expression(expression) => {
            let children = expression.children().iter();
            let children: Compiled<Vec<Atom>> =
                children.map(|child| substituted(child, values)).collect();
            Atom::expression(children?)
        }
        Atom::Symbol(_) | Atom::Grounded(_) => atom.clone(),
    })
}
