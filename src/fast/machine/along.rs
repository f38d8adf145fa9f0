//! Data that is made of other data, element by element, at once.
//!
//! `(= (append (Cons $h $t) $l) (Cons $h (append $t $l)))` makes a list of another one. Once
//! `Grow` has made the first element, each turn takes the list's rest apart, sees that all is
//! plain, makes the next and calls itself: for as long as the rest is data of the same shape,
//! the turns are made here, without the instructions in between.

use super::{HEIGHT, Machine};
use crate::fast::cell::{Cell, Header};
use crate::fast::code::{CLOSE, Instruction, NUMBER, Pc, Slot};
use crate::fast::function::State;
use crate::fast::heap::TYPE_BITS;
use crate::fast::met;
use crate::fast::stack::place;

/// What data has to be noted to be for a turn.
const NOTED: u64 = Header::TAG | Header::GROUND | Header::DATA | Header::ERROR;
const WHOLE: u64 = Header::TAG | Header::GROUND | Header::DATA;
/// Words of what is made in a turn, at most.
const WORDS: usize = 5;

// How many words are taken apart, if that is not known.
const ANY: usize = 0;

// Which elements of it are looked at: none; only the rest, of which the next turn tells; also the other one,
// which its own bits tell; all, as far as types count.
const NOT: u8 = 0;
const REST: u8 = 1;
const OTHER: u8 = 2;
const ALL: u8 = 3;

impl Machine<'_> {
    /// Makes the turns that follow `Grow` for as long as the slot `rest` holds data of the
    /// shape that the rule takes `argument` to be, and puts what is left of it there. Nothing
    /// where a turn would not be as the rule's code is for plain values.
    #[inline(never)]
    pub(super) fn grow_along(&mut self, pc: usize, base: usize) -> Option<()> {
        let code = &self.program.code[..];
        let Instruction::GrowAlong {
            called,
            argument,
            rest,
            back,
            typed,
        } = code[pc]
        else {
            unreachable!("it was that instruction");
        };
        let Instruction::Grow {
            function,
            slots,
            count,
            ..
        } = code[pc - 1]
        else {
            unreachable!("it stands behind one");
        };
        let entry = &self.program.functions[called as usize];
        // A call with such an argument is for this rule alone, as far as it is made here.
        let Instruction::TakeCall {
            arity,
            slot,
            elements,
            name,
            to,
        } = code[entry.pc as usize]
        else {
            return None;
        };
        let arity = usize::from(arity);
        let mut shape = Header::new(arity, WHOLE).0;
        let mut noted = NOTED | !0 << Header::ARITY;
        let head = Cell::symbol(name).0;
        let is_this_rule = entry.state == State::Compiled
            && slot == argument
            && to == pc as Pc - Pc::from(back)
            && rest >= elements
            && usize::from(rest - elements) + 1 < arity;
        let frame = self.stack.frame(base);
        let (return_to, state) = (frame[0], frame[1]);
        let may_grow = return_to >> 32 == u64::from(CLOSE)
            && base >= self.protected
            && state >> HEIGHT == self.choices.len() as u64;
        if !is_this_rule || !may_grow {
            return None;
        }
        for other in (0..entry.arity as Slot).filter(|other| *other != argument) {
            let value = Cell(frame[place(other)]);
            if value.is_ref() || !self.heap.is_its_own(value) {
                return None;
            }
        }
        // Where types were looked at, all that is taken apart has to have those of the first.
        let mut words = [0; WORDS];
        let (mut counted, mut end) = (0, Cell::HOLE.0);
        if typed {
            let whole = Cell(frame[place(argument)]);
            if !whole.is_exp() {
                return None;
            }
            noted |= TYPE_BITS;
            shape |= self.heap.cells[whole.at()] & TYPE_BITS;
            let taken = &frame[place(elements)..][..arity - 1];
            counted = taken.len();
            end = self.end_of(&code[to as usize..pc], rest).0;
            for (word, value) in words.get_mut(..counted)?.iter_mut().zip(taken) {
                *word = met::word(&self.heap, Cell(*value));
                if !met::tells_type(*word) {
                    return None;
                }
            }
        }
        let made_of = &self.program.functions[function as usize];
        if !made_of.is_as_its_last() {
            return None;
        }
        let kept = slots.map(|slot| Cell(frame[place(slot)]));
        let header = self
            .heap
            .header_of_next(made_of, &kept[..usize::from(count)])?;
        let chain = return_to as u32 as usize;
        let mut last = super::grow::last_of(self.stack.frame(chain));

        let room = self.collect_at.saturating_sub(self.heap.cells.len()) / WORDS;
        let longest = self.growing_max - last.length;
        let rest_of = usize::from(rest - elements);
        let is_like_all = counted > 0 && met::is_like_header(words[rest_of], shape);
        let other = other_of(&words[..counted], rest_of);
        let along = Along {
            shape,
            noted,
            head,
            arity,
            rest: rest_of,
            header: header.0,
            name: Cell::symbol(made_of.symbol).0,
            // Where in what is taken apart an element of what is made is found.
            within: slots.map(|slot| {
                let is_taken = slot >= elements && usize::from(slot - elements) + 1 < arity;
                is_taken.then(|| usize::from(slot - elements))
            }),
            kept: kept.map(|value| value.0),
            words,
            counted,
            end,
            other: other.unwrap_or_default(),
            looks_further: !(is_like_all && (counted == 1 || other.is_some())),
            most: (room as i64).min(longest).min(i64::from(self.fuel) - 1),
        };
        let value = frame[place(rest)];
        let hole = self.heap.hole_of(&last);
        let cells = &mut self.heap.cells;
        // Lists and numbers in unary are known so well that nothing is asked in between.
        let is_last_of = |words| rest_of + 3 == words && arity + 1 == words;
        let takes_first = count == 1 && along.within[0] == Some(0);
        let looks_further = counted > 0 && along.looks_further;
        let (turns, value) = match counted {
            0 if count == 0 && is_last_of(3) => {
                along.turns::<0, 3, NOT>(cells, hole, value, |_, _| [])
            }
            0 if takes_first && is_last_of(4) => {
                along.turns::<1, 4, NOT>(cells, hole, value, |_, taken| [taken[0]])
            }
            1 if count == 0 && is_last_of(3) && !looks_further => {
                along.turns::<0, 3, REST>(cells, hole, value, |_, _| [])
            }
            2 if takes_first && is_last_of(4) && !looks_further => {
                along.turns::<1, 4, OTHER>(cells, hole, value, |_, taken| [taken[0]])
            }
            _ => match count {
                0 => along.turns::<0, ANY, ALL>(cells, hole, value, |_, _| []),
                1 => along.turns::<1, ANY, ALL>(cells, hole, value, |this, taken| {
                    [this.element(0, taken)]
                }),
                _ => along.turns::<2, ANY, ALL>(cells, hole, value, |this, taken| {
                    [this.element(0, taken), this.element(1, taken)]
                }),
            },
        };
        if turns == 0 {
            return None;
        }
        self.fuel -= turns as u32;
        let words = 3 + usize::from(count);
        last.add(turns, self.heap.cells.len() - words);
        super::grow::set_last_of(self.stack.frame_mut(chain), last);
        self.stack.frame_mut(base)[place(rest)] = value;
        Some(())
    }
}

impl Machine<'_> {
    /// A name that a slot may hold where these instructions look at types; else nothing.
    fn end_of(&self, looks: &[Instruction], slot: Slot) -> Cell {
        for look in looks {
            match *look {
                Instruction::IfMet { tests, .. } => {
                    let mut each = self.program.meetings.tests[tests as usize].each.iter();
                    if let Some(test) = each.find(|test| test.slot == slot) {
                        let name = Cell(test.name);
                        return if name.is_symbol() { name } else { Cell::HOLE };
                    }
                }
                Instruction::IfTyped {
                    slots,
                    types,
                    count,
                    ..
                } => {
                    let mut pairs = slots.iter().zip(types).take(usize::from(count));
                    if let Some((_, expected)) = pairs.find(|(looked_at, _)| **looked_at == slot)
                        && self.name_fit.1 == expected
                        && expected != NUMBER
                    {
                        return self.name_fit.0;
                    }
                }
                _ => {}
            }
        }
        Cell::HOLE
    }
}

/// What is the same in all turns.
struct Along {
    /// What the header has to be of what is taken apart, as far as these bits of it; then its
    /// head, how many elements it has, and which of those behind the head is the rest.
    shape: u64,
    noted: u64,
    head: u64,
    arity: usize,
    rest: usize,
    /// The first words of what is made.
    header: u64,
    name: u64,
    within: [Option<usize>; 2],
    kept: [u64; 2],
    /// What tells the types of so many elements behind the head; none where they do not count.
    words: [u64; WORDS],
    counted: usize,
    /// A name that the rest may be as well, as that of an empty list.
    end: u64,
    /// An element, bits of it and what these have to be; whether that is not all that tells the types of
    /// elements, the rest being told by the next turn.
    other: (usize, u64, u64),
    looks_further: bool,
    most: i64,
}

/// The only element but the rest, if its word is told by its own bits: which, and what they are.
fn other_of(words: &[u64], rest: usize) -> Option<(usize, u64, u64)> {
    let other = 1_usize.checked_sub(rest)?;
    let word = Cell(*words.get(other).filter(|_| words.len() == 2)?);
    match word {
        _ if word.is_header() => None,
        _ if word.is_symbol() => Some((other, !0, word.0)),
        _ => Some((other, Header::TAG, word.0)),
    }
}

impl Along {
    #[inline(always)]
    fn element(&self, number: usize, taken: &[u64]) -> u64 {
        self.within[number].map_or(self.kept[number], |place| taken[place])
    }

    /// Whether a header is that of data as it is taken apart.
    #[inline(always)]
    fn is_shape(&self, header: u64) -> bool {
        header & self.noted == self.shape
    }

    /// Whether the rest is of the type that is to be had.
    fn is_rest_alike(&self, cells: &[u64], rest: u64) -> bool {
        rest == self.end || met::word_in(cells, Cell(rest)) == self.words[self.rest]
    }

    /// Whether all elements are of the types that are to be had.
    #[inline(never)]
    fn are_all_alike(&self, cells: &[u64], taken: &[u64]) -> bool {
        let mut words = self.words[..self.counted].iter().zip(taken);
        words.all(|(word, value)| met::word_in(cells, Cell(*value)) == *word)
    }

    /// Makes data of the elements that are told, each in the hole of the one before; how many
    /// times, and what is left of the value. What is taken apart has `WORDS_OF` words, the rest being the
    /// last of them, unless that is [`ANY`].
    #[inline(always)]
    fn turns<const N: usize, const WORDS_OF: usize, const LOOKS: u8>(
        &self,
        cells: &mut Vec<u64>,
        hole: usize,
        mut value: u64,
        elements: impl Fn(&Along, &[u64]) -> [u64; N],
    ) -> (i64, u64) {
        let words_of = if WORDS_OF == ANY {
            self.arity + 1
        } else {
            WORDS_OF
        };
        let rest = if WORDS_OF == ANY {
            self.rest
        } else {
            WORDS_OF - 3
        };
        let is_typed = LOOKS != NOT && self.counted > 0;
        let (first, mut turns) = (cells.len(), 0);
        // What the last turn began with.
        let mut before = value;
        while turns < self.most && Cell(value).is_exp() {
            let at = Cell(value).at();
            let Some([header, head, taken @ ..]) = cells.get(at..at + words_of) else {
                break;
            };
            if !self.is_shape(*header) || *head != self.head {
                break;
            }
            let (other, mask, bits) = self.other;
            let is_alike = match LOOKS {
                NOT | REST => true,
                OTHER => taken[0] & mask == bits,
                _ if !is_typed => true,
                _ => {
                    taken[other] & mask == bits
                        && (!self.looks_further || self.are_all_alike(cells, taken))
                }
            };
            if !is_alike {
                break;
            }
            before = value;
            value = taken[rest];
            let elements = elements(self, taken);
            let mut words = [0; WORDS];
            (words[0], words[1]) = (self.header, self.name);
            words[2..2 + N].copy_from_slice(&elements);
            // What the next turn makes comes right behind.
            words[2 + N] = Cell::expression(cells.len() + 3 + N).0;
            cells.extend_from_slice(&words[..3 + N]);
            turns += 1;
        }
        if is_typed && turns > 0 && !self.is_rest_alike(cells, value) {
            // The last turn was one too many.
            turns -= 1;
            value = before;
            cells.truncate(cells.len() - (3 + N));
        }
        if turns > 0 {
            let last = cells.len() - 1;
            cells[last] = Cell::HOLE.0;
            cells[hole] = Cell::expression(first).0;
        }
        (turns, value)
    }
}
