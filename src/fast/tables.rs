//! The tables of tabled calls: their keys and answers as flat words, off the heap, so that
//! neither going back to a choice nor the collector has to look at them.
//!
//! A term is its words in pre-order: small integers, names and truth values as they are, the
//! header of an expression and then its elements, variables and host values by number. Terms
//! are the same up to the names of variables if these words are, but for what headers know.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet, HashTable};
use smallvec::SmallVec;

use crate::atom::{Atom, Grounded};
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::heap::{Heap, TYPE_BITS};
use crate::library::lists::{named_by_place, seal};
use crate::number::Number;

/// What a header keeps in a table.
const KEPT: u64 = Header::GROUND | Header::DATA | Header::ERROR | TYPE_BITS;
/// The same, of what was seen to be ground only now.
const KEPT_OF_BOUND: u64 = Header::GROUND | Header::ERROR;
/// Before the number of an atom that stands for all of an entry, which has more words than
/// [`WORDS_MAX`]: its terms may share parts.
const WHOLE: u64 = Cell::spare().0;
const WORDS_MAX: usize = 1 << 12;
/// So many answers of one table are compared with a new one each.
const FEW: u32 = 4;
/// The number of no answer.
pub(super) const NONE: u32 = u32::MAX;

/// Variables of a call or an answer, each once.
pub(super) type Variables = SmallVec<[Cell; 8]>;

/// The tables of one evaluation.
#[derive(Default)]
pub(super) struct Tables {
    words: Vec<u64>,
    /// Tables by their keys.
    index: HashTable<u32>,
    pub(super) tables: Vec<Table>,
    answers: Vec<Answer>,
    /// Answers of tables that have many.
    seen: HashTable<u32>,
    /// Tables being filled, the oldest first.
    filling: Vec<Filling>,
    /// Tables that wait for their leader's next pass.
    partial: Vec<u32>,
    values: Values,
    /// Names in it, by their numbers.
    names: HashSet<u32, FixedState>,
    last_name: u32,
    /// The entry that is being written.
    entry: Vec<u64>,
}

pub(super) struct Table {
    /// The function's name, and how many arguments it takes.
    name: u32,
    pub(super) arity: usize,
    /// Its key, in the words.
    key: (usize, u32),
    /// How many variables the call has.
    pub(super) variables: u32,
    first: u32,
    last: u32,
    count: u32,
    /// The fewest answers that were all there were, to some call, in this pass of its leader.
    taken: u32,
    state: State,
}

/// One of a table's answers: what the variables of its call stand for, then the result.
struct Answer {
    at: usize,
    words: u32,
    next: u32,
}

/// What is done for a call that has a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Todo {
    /// A pass over its rules.
    Fill,
    /// Its answers are taken.
    Take,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not evaluated, or to be evaluated again.
    Open,
    Filling {
        place: u32,
    },
    /// Evaluated in this pass of its leader, which may find that there has to be another. It has
    /// this place among those that wait.
    Partial {
        place: u32,
    },
    Complete,
}

#[derive(Clone, Copy)]
struct Filling {
    table: u32,
    /// The place of the oldest table being filled that this one's evaluation has met, or its own.
    leader: u32,
    /// How many tables waited when it began: those behind were evaluated for it.
    waited: u32,
}

/// Host values in tables, each with the word that stands for all that equal it.
#[derive(Default)]
struct Values {
    values: Vec<(Atom, u64)>,
    by_atom: HashMap<Atom, u32, FixedState>,
    by_bits: HashMap<u64, u32, FixedState>,
}

impl Values {
    fn add(&mut self, atom: Atom, same: u64) -> u32 {
        self.values.push((atom, same));
        self.values.len() as u32 - 1
    }

    fn number(&mut self, atom: &Atom) -> u32 {
        if let Some(known) = self.by_atom.get(atom) {
            return *known;
        }
        let number = self.values.len() as u32;
        self.add(atom.clone(), Cell::boxed(number).0);
        self.by_atom.insert(atom.clone(), number);
        number
    }

    /// A double, which may equal a whole number and yet be another one.
    fn float(&mut self, value: f64) -> u32 {
        if let Some(known) = self.by_bits.get(&value.to_bits()) {
            return *known;
        }
        const WHOLE_MAX: f64 = (1_u64 << 53) as f64;
        let atom = Atom::Grounded(Grounded::Number(Number::Float(value)));
        let whole = (value.fract() == 0.0 && value.abs() <= WHOLE_MAX)
            .then(|| Cell::int(value as i64))
            .flatten();
        let number = match whole {
            Some(whole) => self.add(atom, whole.0),
            None if value.is_nan() => {
                let own = self.values.len() as u32;
                self.add(atom, Cell::boxed(own).0)
            }
            None => {
                let same = self.number(&atom);
                self.add(atom, Cell::boxed(same).0)
            }
        };
        self.by_bits.insert(value.to_bits(), number);
        number
    }

    /// The word that stands for all words that are of equal terms.
    #[inline(always)]
    fn same(&self, word: u64) -> u64 {
        let cell = Cell(word);
        if cell.is_header() {
            Header::new(Header(word).arity(), 0).0
        } else if cell.is_box() && !cell.is_operation() {
            self.values[cell.at()].1
        } else {
            word
        }
    }

    fn are_same(&self, left: &[u64], right: &[u64]) -> bool {
        if left.len() != right.len() {
            return false;
        }
        let mut words = left.iter().zip(right);
        words.all(|(left, right)| left == right || self.same(*left) == self.same(*right))
    }

    fn hash(&self, begin: u32, words: &[u64]) -> u64 {
        const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15;
        words.iter().fold(u64::from(begin) + 1, |hash, word| {
            let product = u128::from(hash ^ self.same(*word).rotate_left(32)) * FACTOR;
            product as u64 ^ (product >> 64) as u64
        })
    }
}

impl Tables {
    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        const TABLE: usize = size_of::<Table>() + 8;
        const ANSWER: usize = size_of::<Answer>() + 4;
        const VALUE: usize = 128;
        self.words.len() * 8
            + self.tables.len() * TABLE
            + self.answers.len() * ANSWER
            + self.values.values.len() * VALUE
    }

    /// The names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = u32> {
        self.names.iter().copied()
    }

    /// Begins to write an entry.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.entry.clear();
    }

    /// Writes a term. Whether the entry is not too long by now.
    #[inline]
    pub(super) fn write(&mut self, heap: &Heap, cell: Cell, variables: &mut Variables) -> bool {
        let cell = heap.deref(cell);
        if cell.is_int() {
            self.entry.push(cell.0);
            return true;
        }
        self.write_any(heap, cell, variables)
    }

    fn write_any(&mut self, heap: &Heap, cell: Cell, variables: &mut Variables) -> bool {
        let mut next = cell;
        let mut open: SmallVec<[(usize, usize); 16]> = SmallVec::new();
        loop {
            let cell = heap.deref(next);
            let word = match cell.kind() {
                Kind::Int(_) | Kind::Bool(_) | Kind::Char(_) => cell,
                Kind::Sym(id) => {
                    if self.last_name != id || self.names.is_empty() {
                        self.last_name = id;
                        self.names.insert(id);
                    }
                    cell
                }
                Kind::Box(_) if cell.is_operation() => cell,
                Kind::Box(_) => Cell::boxed(self.values.number(heap.box_of(cell))),
                Kind::Flt(_) => Cell::boxed(self.values.float(heap.float_of(cell))),
                Kind::Ref(_) => {
                    let known = variables.iter().position(|known| *known == cell);
                    Cell::reference(known.unwrap_or_else(|| {
                        variables.push(cell);
                        variables.len() - 1
                    }))
                }
                Kind::Exp(at) => {
                    let (first, count) = heap.elements(at);
                    if count > 0 {
                        open.push((first, first + count));
                    }
                    Cell(Header::new(count, heap.header(at).0 & KEPT).0)
                }
            };
            self.entry.push(word.0);
            if self.entry.len() > WORDS_MAX {
                return false;
            }
            loop {
                let Some((at, end)) = open.last_mut() else {
                    return true;
                };
                if at < end {
                    next = heap.word(*at);
                    *at += 1;
                    break;
                }
                open.pop();
            }
        }
    }

    /// Writes an atom for all of the entry.
    pub(super) fn write_whole(&mut self, atom: Atom) {
        let same = named_by_place(&atom);
        let number = self.values.number(&same);
        let number = if atom.is_ground() {
            number
        } else {
            self.values.add(atom, Cell::boxed(number).0)
        };
        self.entry.clear();
        self.entry.extend([WHOLE, Cell::boxed(number).0]);
    }

    /// The table of a function with the entry as its key, for a call with so many variables.
    pub(super) fn number(&mut self, (name, arity): (u32, usize), variables: usize) -> u32 {
        let Tables {
            words,
            index,
            tables,
            values,
            entry,
            ..
        } = self;
        let key = |table: &Table| &words[table.key.0..][..table.key.1 as usize];
        let hash = values.hash(name, entry);
        let found = index.find(hash, |number| {
            let table = &tables[*number as usize];
            (table.name, table.arity) == (name, arity) && values.are_same(key(table), entry)
        });
        if let Some(known) = found {
            return *known;
        }
        let number = tables.len() as u32;
        index.insert_unique(hash, number, |number| {
            let table = &tables[*number as usize];
            values.hash(table.name, key(table))
        });
        tables.push(Table {
            name,
            arity,
            key: (words.len(), entry.len() as u32),
            variables: variables as u32,
            first: NONE,
            last: NONE,
            count: 0,
            taken: u32::MAX,
            state: State::Open,
        });
        words.extend_from_slice(entry);
        number
    }

    /// Adds the entry to the answers of a table, unless it has it.
    pub(super) fn add(&mut self, number: u32, is_ground: bool) {
        let Tables {
            words,
            tables,
            answers,
            seen,
            values,
            entry,
            ..
        } = self;
        let table = &mut tables[number as usize];
        let mut hash = 0;
        if table.count <= FEW {
            let mut next = table.first;
            while let Some(answer) = answers.get(next as usize) {
                if values.are_same(&words[answer.at..][..answer.words as usize], entry) {
                    return;
                }
                next = answer.next;
            }
        } else {
            hash = values.hash(number, entry);
            let found = seen.find(hash, |other| {
                let answer = &answers[*other as usize];
                answer.table(words) == number && values.are_same(answer.entry(words), entry)
            });
            if found.is_some() {
                return;
            }
        }
        if is_ground && entry.first() != Some(&WHOLE) {
            for word in entry.iter_mut() {
                let header = Header(*word);
                if Cell(*word).is_header() && !header.has(Header::GROUND) {
                    *word =
                        Header::new(header.arity(), header.0 & KEPT_OF_BOUND | Header::GROUND).0;
                }
            }
        }
        let own = answers.len() as u32;
        words.push(u64::from(number));
        answers.push(Answer {
            at: words.len(),
            words: entry.len() as u32,
            next: NONE,
        });
        words.extend_from_slice(entry);
        match answers.get_mut(table.last as usize) {
            Some(last) => last.next = own,
            None => table.first = own,
        }
        table.last = own;
        table.count += 1;
        let rehash = |other: &u32| {
            let answer = &answers[*other as usize];
            values.hash(answer.table(words), answer.entry(words))
        };
        if table.count == FEW + 1 {
            let mut next = table.first;
            while let Some(answer) = answers.get(next as usize) {
                seen.insert_unique(rehash(&next), next, rehash);
                next = answer.next;
            }
        } else if table.count > FEW {
            seen.insert_unique(hash, own, rehash);
        }
    }

    /// The answer of a table after this one, the first after none.
    #[inline]
    pub(super) fn after(&self, number: u32, last: u32) -> Option<u32> {
        let next = match self.answers.get(last as usize) {
            Some(answer) => answer.next,
            None => self.tables[number as usize].first,
        };
        (next != NONE).then_some(next)
    }

    /// Notes that some call has taken all the answers of a table that there are by now.
    pub(super) fn note_taken(&mut self, number: u32) {
        let table = &mut self.tables[number as usize];
        table.taken = table.taken.min(table.count);
    }

    /// Begins to fill a table.
    fn begin_filling(&mut self, number: u32) {
        let place = self.filling.len() as u32;
        self.tables[number as usize].state = State::Filling { place };
        self.filling.push(Filling {
            table: number,
            leader: place,
            waited: self.partial.len() as u32,
        });
    }

    /// The newest table being filled meets one that is not complete: at this place, or one that
    /// waits.
    fn meet(&mut self, place: u32) {
        let met = self.filling[place as usize].leader.min(place);
        if let Some(newest) = self.filling.last_mut() {
            newest.leader = newest.leader.min(met);
        }
    }

    /// The newest table being filled.
    pub(super) fn newest(&self) -> Option<u32> {
        self.filling.last().map(|filling| filling.table)
    }

    /// What to do for a call of a table.
    pub(super) fn called(&mut self, number: u32) -> Todo {
        match self.tables[number as usize].state {
            State::Complete => return Todo::Take,
            State::Filling { place } => self.meet(place),
            State::Partial { place } => {
                // It was evaluated for the newest of those that began before.
                let began = |filling: &Filling| filling.waited <= place;
                self.meet(self.filling.partition_point(began) as u32 - 1);
            }
            State::Open => {
                self.begin_filling(number);
                return Todo::Fill;
            }
        }
        Todo::Take
    }

    /// What to do at the end of a pass over the rules for the newest table being filled.
    pub(super) fn end_pass(&mut self) -> Todo {
        let place = self.filling.len() - 1;
        let Filling {
            table: number,
            leader,
            waited,
        } = self.filling[place];
        if (leader as usize) < place {
            self.filling.pop();
            let place = self.partial.len() as u32;
            self.tables[number as usize].state = State::Partial { place };
            self.partial.push(number);
            if let Some(outer) = self.filling.last_mut() {
                outer.leader = outer.leader.min(leader);
            }
            return Todo::Take;
        }
        // Answers that came when some call had taken all that there were.
        let tables = &mut self.tables;
        let is_behind = |number: &u32| {
            let table = &tables[*number as usize];
            table.taken < table.count
        };
        let others = self.partial.drain(waited as usize..);
        let again = is_behind(&number) || others.as_slice().iter().any(is_behind);
        // What the last pass does not come to is evaluated when asked for.
        let state = if again { State::Open } else { State::Complete };
        for other in others {
            let table = &mut tables[other as usize];
            (table.state, table.taken) = (state, u32::MAX);
        }
        let table = &mut tables[number as usize];
        table.taken = u32::MAX;
        if again {
            return Todo::Fill;
        }
        table.state = State::Complete;
        self.filling.pop();
        Todo::Take
    }

    /// Whether a table is complete, and this is its last answer.
    #[inline]
    pub(super) fn is_last(&self, number: u32, answer: u32) -> bool {
        let table = &self.tables[number as usize];
        table.state == State::Complete && table.last == answer
    }

    /// The result of an answer of a table, if that is a name, a number or a truth value, and the
    /// call has no variables.
    #[inline]
    pub(super) fn leaf(&self, number: u32, answer: u32) -> Option<Cell> {
        if self.tables[number as usize].variables > 0 {
            return None;
        }
        match self.answers[answer as usize].entry(&self.words) {
            [word] if Cell(*word).is_immediate() => Some(Cell(*word)),
            _ => None,
        }
    }

    /// What an answer has for each variable of its call, then its result.
    pub(super) fn read(&self, answer: u32, heap: &mut Heap) -> SmallVec<[Cell; 4]> {
        let words = self.answers[answer as usize].entry(&self.words);
        let mut terms = SmallVec::new();
        if let [WHOLE, word] = *words {
            let atom = seal(&self.values.values[Cell(word).at()].0, &[]);
            let all = heap.import(&atom);
            let (first, count) = heap.elements(all.at());
            terms.extend((first..first + count).map(|at| heap.word(at)));
            return terms;
        }
        let mut variables = Variables::new();
        // Expressions that are still to get elements: the place for the next, and the end.
        let mut open: SmallVec<[(usize, usize); 16]> = SmallVec::new();
        for word in words {
            let word = Cell(*word);
            let mut opened = None;
            let cell = if word.is_header() {
                let (at, count) = (heap.cells.len(), Header(word.0).arity());
                if count == 0 {
                    heap.unit
                } else {
                    heap.cells.push(word.0);
                    heap.cells.resize(at + 1 + count, Cell::FALSE.0);
                    opened = Some((at + 1, at + 1 + count));
                    Cell::expression(at)
                }
            } else if word.is_ref() {
                if word.at() == variables.len() {
                    variables.push(heap.variable());
                }
                variables[word.at()]
            } else if word.is_box() && !word.is_operation() {
                match &self.values.values[word.at()].0 {
                    Atom::Grounded(Grounded::Number(Number::Float(value))) => heap.float(*value),
                    atom => heap.boxed(atom.clone()),
                }
            } else {
                word
            };
            match open.last_mut() {
                Some((place, _)) => {
                    heap.cells[*place] = cell.0;
                    *place += 1;
                }
                None => terms.push(cell),
            }
            if let Some(opened) = opened {
                open.push(opened);
            }
            while open.last().is_some_and(|(place, end)| place == end) {
                open.pop();
            }
        }
        terms
    }
}

impl Answer {
    fn entry<'w>(&self, words: &'w [u64]) -> &'w [u64] {
        &words[self.at..][..self.words as usize]
    }

    /// The table that it is of.
    fn table(&self, words: &[u64]) -> u32 {
        words[self.at - 1] as u32
    }
}
