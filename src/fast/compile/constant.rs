//! Data as it is written in a rule, as a table or a board: it is made once, when code is.
//!
//! Its names have neither rules nor types. Before it is taken there is a look at whether that is
//! still so; where it is not, it is made element by element.

use smallvec::SmallVec;

use super::call::Call;
use super::condition::is_plain_leaf;
use super::{Compiled, Compiler, Leave, Place, Value, Want};
use crate::atom::{Atom, known};
use crate::fast::code::{FAIL, Instruction, Operand};

/// Larger data is made anew: it would be in the way of other constants.
const LARGEST: u32 = 1 << 12;
/// Data of more names is.
const NAMES_MAX: usize = 4;

/// Names and how many arguments they have.
type Heads = SmallVec<[(u32, usize); NAMES_MAX]>;

impl Compiler<'_> {
    /// The names of data as it is written, with other data in it; `None` if it is none, or may be
    /// something to evaluate.
    pub(super) fn heads_of_constant(&mut self, atom: &Atom) -> Option<Heads> {
        let is_list = |part: &Atom| part.as_expression().is_some_and(|parts| !parts.is_empty());
        if self.watched
            || self.program.proving
            || self.remakes
            || !atom.is_ground()
            || atom.size() > LARGEST
            || !atom.as_expression()?.iter().any(is_list)
        {
            return None;
        }
        let mut heads = Heads::new();
        let mut pending = vec![atom];
        while let Some(data) = pending.pop() {
            let [Atom::Symbol(name), parts @ ..] = data.as_expression()? else {
                return None;
            };
            if [&known().empty, &known().error, &known().not_reducible].contains(&name) {
                return None;
            }
            let head = (self.heap.symbol(name), parts.len());
            if !heads.contains(&head) {
                if heads.len() == NAMES_MAX || !self.is_data_function(head.0, head.1) {
                    return None;
                }
                heads.push(head);
            }
            for part in parts {
                match part {
                    Atom::Expression(parts) if parts.children().is_empty() => {}
                    Atom::Expression(_) => pending.push(part),
                    _ => is_plain_leaf(part).then_some(())?,
                }
            }
        }
        Some(heads)
    }

    /// Such data: the constant, or what is made where a name has got rules or a type by then.
    pub(super) fn constant_data(
        &mut self,
        call: Call<'_>,
        heads: &[(u32, usize)],
    ) -> Compiled<Value> {
        let want = call.want;
        let cell = self.heap.constant(call.atom).ok_or(Leave)?;
        self.heap.note_made(cell);
        let index = self.program.constant(cell);
        let to = self.slot()?;
        let looks: SmallVec<[usize; NAMES_MAX]> = heads
            .iter()
            .map(|(symbol, arity)| {
                let rules = self.program.inlined_data(*symbol, *arity);
                self.emit(Instruction::IfRules { rules, odd: FAIL })
            })
            .collect();
        let made = Operand::constant(index);
        let first = self.branch(|this| {
            if want == Want::Tail {
                this.return_value(made);
            }
            Ok(this.join(made, to, want))
        })?;
        let here = self.here();
        for at in looks {
            self.fill(at, Place::Odd, here);
        }
        self.remakes = true;
        let second = self.branch(|this| {
            let value = this.untyped_call(call)?;
            Ok(this.join(value, to, want))
        });
        self.remakes = false;
        self.land([first, second?]);
        self.define(to);
        Ok(Operand::slot(to))
    }
}
