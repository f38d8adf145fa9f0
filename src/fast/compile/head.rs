//! Heads of rules: what is tested before one is entered, and matching its parts.

use super::switch::Path;
use super::{Compiled, Compiler, Leave, Name, Place, TESTS_MAX};
use crate::atom::{Atom, Grounded, Variable};
use crate::fast::cell::Cell;
use crate::fast::code::{FAIL, Instruction, Pc, Slot, TypeId};
use crate::fast::heap::Heap;
use crate::fast::switch::{HeadTest, Key};

/// What a rule's arguments must be, where that is plain.
pub(super) fn tests(heap: &mut Heap, rule: &Atom) -> Box<[HeadTest]> {
    let mut tests = Vec::new();
    let pattern = rule
        .as_expression()
        .and_then(|rule| rule[1].as_expression());
    let arguments = pattern.map_or(&[][..], |pattern| &pattern[1..]);
    for (slot, argument) in arguments.iter().enumerate() {
        add_tests(heap, argument, &mut vec![slot as u32], &mut tests);
    }
    tests.into_boxed_slice()
}

/// What tells a term that matches a pattern from others; `None` if any may match.
pub(super) fn key(heap: &mut Heap, pattern: &Atom) -> Option<Key> {
    Some(match pattern {
        Atom::Variable(_) => return None,
        Atom::Symbol(symbol) => Key::Leaf(Cell::symbol(heap.symbol(symbol))),
        Atom::Grounded(Grounded::Bool(value)) => Key::Leaf(Cell::boolean(*value)),
        Atom::Grounded(Grounded::Char(value)) => Key::Leaf(Cell::character(*value)),
        Atom::Grounded(Grounded::Number(crate::number::Number::Integer(value))) => {
            Key::Leaf(Cell::int(*value)?)
        }
        Atom::Grounded(_) => return None,
        Atom::Expression(expression) => {
            let children = expression.children();
            let head = match children.first() {
                Some(Atom::Symbol(symbol)) => Some(Cell::symbol(heap.symbol(symbol))),
                Some(head @ Atom::Grounded(Grounded::Operation(_))) => {
                    Some(heap.constant(head).filter(|head| head.is_operation())?)
                }
                _ => None,
            };
            Key::Expression {
                head,
                arity: children.len(),
            }
        }
    })
}

/// Whether a rule's head matches whatever is at these places what the rule has there.
pub(super) fn always_matches(rule: &Atom, known: &[Path]) -> bool {
    let pattern = rule
        .as_expression()
        .and_then(|rule| rule[1].as_expression());
    let mut seen = Vec::new();
    pattern.is_some_and(|pattern| {
        pattern[1..].iter().enumerate().all(|(slot, argument)| {
            always_matches_at(argument, &mut vec![slot as u32], known, &mut seen)
        })
    })
}

/// Whether patterns match whatever slots hold, where what stands at these places is known
/// to be what they have there and no variable of them stands for anything.
pub(super) fn always_matches_slots(parts: &[(&Atom, Slot)], known: &[Path]) -> bool {
    let mut seen = Vec::new();
    parts.iter().all(|(pattern, slot)| {
        always_matches_at(pattern, &mut vec![u32::from(*slot)], known, &mut seen)
    })
}

fn always_matches_at<'p>(
    pattern: &'p Atom,
    path: &mut Vec<u32>,
    known: &[Path],
    seen: &mut Vec<&'p Variable>,
) -> bool {
    let is_known = known.iter().any(|place| place[..] == path[..]);
    match pattern {
        Atom::Variable(variable) => {
            let is_new = !seen.contains(&variable);
            seen.push(variable);
            is_new
        }
        Atom::Symbol(_) | Atom::Grounded(_) => is_known,
        Atom::Expression(expression) if expression.children().is_empty() => is_known,
        Atom::Expression(expression) => {
            is_known
                && !pattern.is_ground()
                && expression
                    .children()
                    .iter()
                    .enumerate()
                    .skip(first_unknown(expression.children()))
                    .all(|(position, child)| {
                        path.push(position as u32);
                        let matches = always_matches_at(child, path, known, seen);
                        path.pop();
                        matches
                    })
        }
    }
}

/// The first element that is to be looked at of an expression which is known to be one of as many: a
/// name that heads it is known with that.
pub(super) fn first_unknown(elements: &[Atom]) -> usize {
    let is_name = matches!(
        elements[0],
        Atom::Symbol(_) | Atom::Grounded(Grounded::Operation(_))
    );
    usize::from(is_name)
}

/// What the argument at a path must be to match a pattern, where that is plain.
pub(super) fn add_tests(
    heap: &mut Heap,
    pattern: &Atom,
    path: &mut Vec<u32>,
    tests: &mut Vec<HeadTest>,
) {
    if tests.len() >= TESTS_MAX {
        return;
    }
    let Some(key) = key(heap, pattern) else {
        return;
    };
    tests.push(HeadTest {
        path: path.as_slice().into(),
        key,
    });
    if let Atom::Expression(expression) = pattern
        && path.len() < 4
    {
        for (position, child) in expression.children().iter().enumerate() {
            if position == 0 && matches!(child, Atom::Symbol(_)) {
                continue;
            }
            path.push(position as u32);
            add_tests(heap, child, path, tests);
            path.pop();
        }
    }
}

impl Compiler<'_> {
    /// The type that results of a function with this return type are evaluated with.
    pub(super) fn result_type(&mut self, returns: &Atom) -> TypeId {
        self.program.result_type(returns)
    }

    /// As [`Compiler::pattern`], of an argument of which these places are known to be
    /// what the pattern has there, or to be expressions like that.
    pub(super) fn known_pattern(
        &mut self,
        pattern: &Atom,
        slot: Slot,
        known: &[Path],
        on_fail: Pc,
    ) -> Compiled<()> {
        let mut uses = Vec::new();
        self.known_with(pattern, slot, &mut vec![u32::from(slot)], known, &mut uses)?;
        for at in uses {
            self.fill(at, Place::OnFail, on_fail);
        }
        Ok(())
    }

    fn known_with(
        &mut self,
        pattern: &Atom,
        slot: Slot,
        path: &mut Vec<u32>,
        known: &[Path],
        uses: &mut Vec<usize>,
    ) -> Compiled<()> {
        let is_known = known.iter().any(|place| place[..] == path[..]);
        match pattern {
            Atom::Symbol(_) | Atom::Grounded(_) if is_known => Ok(()),
            Atom::Expression(expression) if is_known && expression.children().is_empty() => Ok(()),
            Atom::Expression(expression) if is_known && !pattern.is_ground() => {
                let children = expression.children();
                let first = first_unknown(children);
                let to = self.slots_for(&children[first..])?;
                let skip = first as u16;
                self.emit(Instruction::Unpack { slot, to, skip });
                for (position, child) in children.iter().enumerate().skip(first) {
                    path.push(position as u32);
                    let element = to + (position - first) as Slot;
                    self.known_with(child, element, path, known, uses)?;
                    path.pop();
                }
                self.note_matched(pattern, &children[first..], slot, to);
                Ok(())
            }
            _ => self.pattern_with(pattern, slot, uses),
        }
    }

    /// Slots for the arguments of a call, one after the other.
    pub(super) fn arguments(&mut self, children: &[Atom]) -> Compiled<Slot> {
        self.slots_for(&children[1..])
    }

    /// Slots for elements, one after the other.
    pub(super) fn slots_for(&mut self, elements: &[Atom]) -> Compiled<Slot> {
        let to = self.slots as Slot;
        for _ in elements {
            self.target()?;
        }
        Ok(to)
    }

    /// Matches what a slot holds with a pattern.
    pub(super) fn pattern(&mut self, pattern: &Atom, slot: Slot, on_fail: Pc) -> Compiled<()> {
        let mut uses = Vec::new();
        self.pattern_with(pattern, slot, &mut uses)?;
        for at in uses {
            self.fill(at, Place::OnFail, on_fail);
        }
        Ok(())
    }

    /// The constant of what heads calls and data of one kind: a symbol, or an operation.
    fn name_constant(&mut self, head: &Atom) -> Compiled<Option<u32>> {
        if !matches!(
            head,
            Atom::Symbol(_) | Atom::Grounded(Grounded::Operation(_))
        ) {
            return Ok(None);
        }
        let cell = self.heap.constant(head).ok_or(Leave)?;
        Ok(cell.is_name().then(|| self.program.constant(cell)))
    }

    pub(super) fn pattern_with(
        &mut self,
        pattern: &Atom,
        slot: Slot,
        uses: &mut Vec<usize>,
    ) -> Compiled<()> {
        self.deeper()?;
        match pattern {
            Atom::Variable(variable) => match self.names.get(variable) {
                None => {
                    let fresh_in = None;
                    self.name(variable, Name { slot, fresh_in });
                }
                Some(name) => {
                    let left = name.slot;
                    uses.push(self.emit(Instruction::Unify {
                        left,
                        right: slot,
                        on_fail: FAIL,
                    }));
                }
            },
            ground if ground.is_ground() => {
                let index = self.constant(ground)?;
                uses.push(self.emit(Instruction::MatchConstant {
                    slot,
                    index,
                    on_fail: FAIL,
                }));
            }
            Atom::Expression(expression) => {
                let children = expression.children();
                if children.len() > 200 {
                    return Err(Leave);
                }
                if let Some(head) = self.name_constant(&children[0])? {
                    let to = self.arguments(children)?;
                    uses.push(self.emit(Instruction::MatchCall {
                        slot,
                        to,
                        arity: children.len() as u16,
                        head,
                        on_fail: FAIL,
                    }));
                    for (position, child) in children[1..].iter().enumerate() {
                        self.pattern_with(child, to + position as Slot, uses)?;
                    }
                    self.note_matched(pattern, &children[1..], slot, to);
                    self.depth -= 1;
                    return Ok(());
                }
                let to = self.slots as Slot;
                for _ in children {
                    self.target()?;
                }
                uses.push(self.emit(Instruction::MatchExpression {
                    slot,
                    to,
                    arity: children.len() as u16,
                    on_fail: FAIL,
                }));
                for (position, child) in children.iter().enumerate() {
                    self.pattern_with(child, to + position as Slot, uses)?;
                }
                self.note_matched(pattern, children, slot, to);
            }
            // A text pattern: what it matches the plain evaluator knows.
            Atom::Symbol(_) | Atom::Grounded(_) => return Err(Leave),
        }
        self.depth -= 1;
        Ok(())
    }
}
