//! Heads of rules: what is tested before one is entered, and matching its parts.

use super::{Compiled, Compiler, Leave, Name, Place, TESTS_MAX};
use crate::atom::{Atom, Grounded};
use crate::fast::cell::Cell;
use crate::fast::code::{FAIL, Instruction, Pc, Slot, TypeId};
use crate::fast::program::{HeadTest, Key};

impl Compiler<'_> {
    /// The type that results of a function with this return type are evaluated with.
    pub(super) fn result_type(&mut self, returns: &Atom) -> TypeId {
        self.program.result_type(returns)
    }

    pub(super) fn tests(&mut self, pattern: &Atom, path: &mut Vec<u32>, tests: &mut Vec<HeadTest>) {
        if tests.len() >= TESTS_MAX {
            return;
        }
        let key = match pattern {
            Atom::Variable(_) => return,
            Atom::Symbol(symbol) => Key::Leaf(Cell::symbol(self.heap.symbol(symbol))),
            Atom::Grounded(Grounded::Bool(value)) => Key::Leaf(Cell::boolean(*value)),
            Atom::Grounded(Grounded::Number(crate::number::Number::Integer(value))) => {
                match Cell::int(*value) {
                    Some(cell) => Key::Leaf(cell),
                    None => return,
                }
            }
            Atom::Grounded(_) => return,
            Atom::Expression(expression) => {
                let children = expression.children();
                let head = match children.first() {
                    Some(Atom::Symbol(symbol)) => Some(Cell::symbol(self.heap.symbol(symbol))),
                    Some(Atom::Variable(_)) => None,
                    _ => None,
                };
                Key::Expression {
                    head,
                    arity: children.len(),
                }
            }
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
                self.tests(child, path, tests);
                path.pop();
            }
        }
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
                    self.names.insert(
                        variable.clone(),
                        Name {
                            slot,
                            fresh_in: None,
                        },
                    );
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
            }
            // A text pattern: what it matches the plain evaluator knows.
            Atom::Symbol(_) | Atom::Grounded(_) => return Err(Leave),
        }
        self.depth -= 1;
        Ok(())
    }
}
