//! Code for values that turn out to be calls, by their shape: numbers, texts, data and variables are
//! left out of it, so that calls which differ in these alone have the same code.
//!
//! The code for a shape is told by its atom. Of small values it is remembered by what their words
//! say, which takes no atom.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::Machine;
use crate::atom::Atom;
use crate::evaluate::Control;
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::code::TypeId;
use crate::fast::compile;
use crate::fast::head::Head;
use crate::fast::heap::Heap;

/// An evaluation compiles no more shapes of values than this; it evaluates others as they are.
const SHAPES_MAX: u32 = 20_000;
/// Shapes of more words are not remembered.
const WORDS_MAX: usize = 48;
/// No more than so many are.
const KNOWN_MAX: usize = 4096;

/// The code for shapes of an evaluation.
#[derive(Default)]
pub(super) struct Shapes {
    /// The program's, when what is known was.
    epoch: u32,
    /// By the type that is expected of it and its words; `None` is left to the plain evaluator.
    known: HashMap<Box<[u64]>, Option<u32>, FixedState>,
    /// The shape that is looked for.
    words: Vec<u64>,
    /// Variables of the function without a name that is called there.
    of_lambda: Vec<Cell>,
    /// How many were compiled.
    compiled: u32,
}

/// A result whose variables are bound by now as something to evaluate; what it is made of
/// stays as it is.
pub(super) fn evaluated_again(atom: Atom) -> Atom {
    match &atom {
        Atom::Expression(whole) if whole.is_evaluated() => {
            Atom::expression(whole.children().to_vec())
        }
        _ => atom,
    }
}

impl Machine<'_> {
    /// Code for a value that is a call, and for all of its shape, whose parts it notes.
    /// `None` also if an evaluation comes up with too many shapes.
    pub(super) fn compiled(&mut self, value: Cell, expected: TypeId) -> Option<u32> {
        if self.shapes.epoch != self.program.epoch {
            self.shapes.epoch = self.program.epoch;
            self.shapes.known.clear();
        }
        self.parts.clear();
        let shapes = &mut self.shapes;
        shapes.words.clear();
        shapes.words.push(u64::from(expected));
        if !self.heap.note_shape(value, shapes, &mut self.parts) {
            return self.compiled_by_atom(value, expected);
        }
        if let Some(known) = self.shapes.known.get(self.shapes.words.as_slice()) {
            return *known;
        }
        let compiled = self.compiled_by_atom(value, expected);
        let shapes = &mut self.shapes;
        if compiled.is_some()
            && shapes.known.len() < KNOWN_MAX
            && shapes.epoch == self.program.epoch
        {
            shapes
                .known
                .insert(shapes.words.as_slice().into(), compiled);
        }
        compiled
    }

    fn compiled_by_atom(&mut self, value: Cell, expected: TypeId) -> Option<u32> {
        if self.shapes.compiled > SHAPES_MAX {
            return None;
        }
        self.parts.clear();
        let atom = evaluated_again(self.heap.shape(value, &mut self.parts));
        let atom = self.form_again(atom);
        let known = self.program.expressions.len();
        let compiled = compile::expression(
            self.host,
            &mut self.heap,
            &mut self.program,
            &atom,
            expected,
            false,
        );
        self.shapes.compiled += u32::from(self.program.expressions.len() > known);
        compiled
    }

    /// As [`evaluated_again`], of what `let` and `match` evaluate once they have bound variables: where
    /// their name was a variable, it is a result.
    fn form_again(&mut self, atom: Atom) -> Atom {
        let Some(form @ [name, first, second, body @ Atom::Expression(whole)]) =
            atom.as_expression()
        else {
            return atom;
        };
        if !whole.is_evaluated() {
            return atom;
        }
        match (self.program).head_of_call(self.host, &mut self.heap, form) {
            Head::Operation(operation, _)
                if matches!(
                    operation.control(),
                    Some(Control::Let | Control::LetAny | Control::Match)
                ) =>
            {
                let body = evaluated_again(body.clone());
                Atom::expression([name.clone(), first.clone(), second.clone(), body])
            }
            _ => atom,
        }
    }
}

impl Heap {
    /// Appends words that tell the shape of a call, as [`Heap::shape`] has it, and its parts.
    /// Whether that was done: they tell too little of values of the host, and long ones are not worth
    /// it.
    fn note_shape(&self, call: Cell, shapes: &mut Shapes, parts: &mut Vec<Cell>) -> bool {
        let (words, of_lambda) = (&mut shapes.words, &mut shapes.of_lambda);
        of_lambda.clear();
        // In the place of a part that is no variable.
        const PART: Cell = Cell::HOLE;
        // Added to the numbers of variables of the function without a name that is called.
        const OF_LAMBDA: usize = WORDS_MAX;
        let mut in_lambda = false;
        let mut around: SmallVec<[(usize, usize); 8]> = SmallVec::new();
        let (start, mut next, mut left) = (words.len(), 0, 0);
        let mut current = self.deref(call);
        let mut is_head = true;
        loop {
            if words.len() == start + 1 {
                in_lambda = current.is_exp() && self.is_lambda(current.at());
            }
            match current.kind() {
                Kind::Ref(_) if in_lambda => {
                    let number = OF_LAMBDA + number_in(of_lambda, current);
                    words.push(Cell::reference(number).0);
                }
                Kind::Ref(_) => words.push(Cell::reference(number_in(parts, current)).0),
                Kind::Sym(_) | Kind::Bool(_) | Kind::Char(_) => words.push(current.0),
                Kind::Box(_) if current.is_operation() => words.push(current.0),
                _ if !is_head && self.is_part(current) => {
                    parts.push(current);
                    words.push(PART.0);
                }
                Kind::Exp(at) => {
                    if left > 0 {
                        around.push((next, left));
                    }
                    (next, left) = self.elements(at);
                    let evaluated = self.header(at).has(Header::EVALUATED);
                    words.push(Cell::expression(left << 1 | usize::from(evaluated)).0);
                    is_head = true;
                    if left > 0 {
                        current = self.deref(self.word(next));
                        next += 1;
                        left -= 1;
                        continue;
                    }
                }
                Kind::Int(_) | Kind::Flt(_) | Kind::Box(_) => return false,
            }
            if words.len() > WORDS_MAX {
                return false;
            }
            is_head = false;
            while left == 0 {
                match around.pop() {
                    Some(outer) => (next, left) = outer,
                    None => return true,
                }
                // Past the head.
                in_lambda &= !around.is_empty();
            }
            current = self.deref(self.word(next));
            next += 1;
            left -= 1;
        }
    }
}

/// The number of a variable among those that were seen, of which it is one from then on.
fn number_in(seen: &mut Vec<Cell>, variable: Cell) -> usize {
    let known = seen.iter().position(|known| *known == variable);
    known.unwrap_or_else(|| {
        seen.push(variable);
        seen.len() - 1
    })
}
