//! Atoms as terms: on the heap of an evaluation, or among the constants of code.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::{Atom, Expression, Grounded, LARGE, Variable};
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::heap::{CONSTANT_BOXES, CONSTANTS, Heap};
use crate::number::Number;

impl Heap {
    fn leaf_cell(&mut self, atom: &Atom) -> Cell {
        match atom {
            Atom::Symbol(symbol) => Cell::symbol(symbol.id()),
            Atom::Variable(variable) => self.named_variable(variable),
            Atom::Grounded(Grounded::Bool(value)) => Cell::boolean(*value),
            Atom::Grounded(Grounded::Char(value)) => Cell::character(*value),
            Atom::Grounded(Grounded::Number(number)) => self.number(number.clone()),
            Atom::Grounded(_) => self.host_value(atom.clone()),
            Atom::Expression(_) => unreachable!("no leaf"),
        }
    }

    /// Puts an atom on the heap. What is marked as evaluated stays so.
    pub(super) fn import(&mut self, atom: &Atom) -> Cell {
        self.import_with(atom, &mut |heap, variable| heap.named_variable(variable))
    }

    /// As [`Heap::import`], with what each variable stands for.
    pub(super) fn import_with(
        &mut self,
        atom: &Atom,
        value: &mut dyn FnMut(&mut Heap, &Variable) -> Cell,
    ) -> Cell {
        struct Level<'a> {
            source: &'a Expression,
            done: usize,
            /// Where its cells wait.
            from: usize,
        }
        let root = match atom {
            Atom::Expression(root) => root,
            Atom::Variable(variable) => return value(self, variable),
            _ => return self.leaf_cell(atom),
        };
        let mut waiting: Vec<Cell> = Vec::with_capacity(root.children().len());
        // Large parts, which may be shared, are put there once.
        let mut known: HashMap<usize, Cell, FixedState> = HashMap::default();
        let is_large = |part: &Expression| part.size() > LARGE;
        let mut levels = vec![Level {
            source: root,
            done: 0,
            from: 0,
        }];
        loop {
            let open = levels.last_mut().expect("a level is open");
            match open.source.children().get(open.done) {
                Some(Atom::Expression(child)) => {
                    open.done += 1;
                    if is_large(child)
                        && let Some(cell) = known.get(&child.address())
                    {
                        waiting.push(*cell);
                        continue;
                    }
                    levels.push(Level {
                        source: child,
                        done: 0,
                        from: waiting.len(),
                    });
                }
                Some(leaf) => {
                    open.done += 1;
                    let cell = match leaf {
                        Atom::Variable(variable) => value(self, variable),
                        _ => self.leaf_cell(leaf),
                    };
                    waiting.push(cell);
                }
                None => {
                    let Level { source, from, .. } = levels.pop().expect("just seen");
                    let at = self.begin(waiting.len() - from);
                    for cell in &waiting[from..] {
                        self.cells.push(cell.0);
                    }
                    waiting.truncate(from);
                    let flags = if source.is_evaluated() {
                        Header::EVALUATED
                    } else {
                        0
                    };
                    let done = self.finish(at, flags);
                    if source.is_bound() {
                        // A result only where it is a part, as one whose variables were bound here.
                        self.cells[done.at()] &= !Header::GROUND;
                    }
                    if is_large(source) {
                        known.insert(source.address(), done);
                    }
                    if levels.is_empty() {
                        return done;
                    }
                    waiting.push(done);
                }
            }
        }
    }

    fn keep_names(&mut self, atom: &Atom) {
        let mut pending = vec![atom];
        while let Some(atom) = pending.pop() {
            match atom {
                Atom::Symbol(symbol) => {
                    self.symbol(symbol);
                }
                Atom::Expression(expression) => pending.extend(expression.children()),
                Atom::Variable(_) | Atom::Grounded(_) => {}
            }
        }
    }

    /// Notes of a constant that all of it is data.
    pub(super) fn note_made(&mut self, constant: Cell) {
        let mut pending = vec![constant];
        while let Some(cell) = pending.pop() {
            if cell.is_exp() {
                self.cells[cell.at()] |= Header::DATA;
                let (first, count) = self.elements(cell.at());
                pending.extend((first..first + count).map(|at| self.word(at)));
            }
        }
    }

    /// A ground atom among the constants. `None` if there is no room.
    pub(super) fn constant(&mut self, atom: &Atom) -> Option<Cell> {
        match atom {
            Atom::Symbol(symbol) => return Some(Cell::symbol(self.symbol(symbol))),
            Atom::Grounded(Grounded::Bool(value)) => return Some(Cell::boolean(*value)),
            Atom::Grounded(Grounded::Char(value)) => return Some(Cell::character(*value)),
            Atom::Grounded(Grounded::Number(Number::Integer(value))) => {
                if let Some(cell) = Cell::int(*value) {
                    return Some(cell);
                }
            }
            // Code tells it by its cell.
            Atom::Expression(parts) if parts.children().is_empty() && self.unit.is_exp() => {
                return Some(self.unit);
            }
            _ => {}
        }
        if atom.size() as usize > CONSTANTS {
            return None;
        }
        self.keep_names(atom);
        // Built on the heap proper, then taken down to where constants are.
        let (top, box_top) = (self.cells.len(), self.boxes.len());
        let built = self.import(atom);
        let size = self.cells.len() - top;
        if self.constants + size > CONSTANTS {
            self.cut(top, box_top);
            return None;
        }
        let shift = top - self.constants;
        let first_box = CONSTANT_BOXES + self.constant_boxes.len() as u32;
        let relocate = |cell: Cell| match cell.kind() {
            Kind::Exp(at) if at >= top => Cell::expression(at - shift),
            Kind::Flt(at) if at >= top => Cell::float(at - shift),
            Kind::Box(id) if id < CONSTANT_BOXES && id as usize >= box_top => {
                Cell::boxed(first_box + (id - box_top as u32))
            }
            _ => cell,
        };
        let mut raw = false;
        for at in top..top + size {
            let word = self.word(at);
            let moved = if raw || word.is_header() {
                raw = !raw && Header(word.0).has(Header::FLOAT);
                word
            } else {
                relocate(word)
            };
            self.cells[at - shift] = moved.0;
        }
        let moved = self.boxes.drain(box_top..);
        self.constant_boxes.extend(moved);
        let root = relocate(built);
        self.cells.truncate(top);
        self.constants += size;
        Some(root)
    }
}
