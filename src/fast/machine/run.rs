//! The loop: instructions as they are most often, one after the other.
//!
//! What it needs is at hand: the frame, the code, the place in it. All else is left to
//! [`Machine::step`], which is called from one place only, so that nothing has to be kept
//! out of the way of calls.

use super::walk::{INDEX, LIST, SO_FAR};
use super::{HEIGHT, MARK_SUCCEEDED, MATCHED, Machine, SUCCEEDED};
use crate::fast::cell::{Cell, Header};
use crate::fast::code::{
    ANY, Arithmetic, AtomKind, FAIL, IF_DATA, Instruction, NO_NAME, NUMBER, Of, Pc, Slot, TypeId,
};
use crate::fast::function::{Function, State};
use crate::fast::site::FURTHER;
use crate::fast::stack::place;
use crate::fast::switch::{Branch, expression_word};

impl Machine<'_> {
    /// Runs from `pc` on to the end of the evaluation.
    pub(super) fn run(&mut self, pc: Pc, base: usize) {
        use Instruction as I;
        // Where the next instruction is, and the frame.
        let (mut pc, mut base) = (pc as usize, base);
        let mut code = &self.program.code[..];
        let mut frame = self.stack.frame_mut(base);

        'run: loop {
            macro_rules! slot {
                ($slot:expr) => {
                    Cell(frame[place($slot)])
                };
            }
            // Sets a slot and goes on with the next instruction.
            macro_rules! set {
                ($slot:expr, $value:expr) => {{
                    let value: Cell = $value;
                    frame[place($slot)] = value.0;
                    continue 'run;
                }};
            }
            macro_rules! next {
                () => {{
                    continue 'run;
                }};
            }
            macro_rules! jump {
                ($to:expr) => {{
                    pc = $to as usize;
                    continue 'run;
                }};
            }
            // Passes over so many instructions.
            macro_rules! pass_over {
                ($count:expr) => {{
                    pc += $count;
                    continue 'run;
                }};
            }
            // What arithmetic makes of two doubles goes into a slot.
            macro_rules! set_of_floats {
                ($operation:expr, $to:expr, $left:ident, $right:ident) => {
                    if $left.is_float() && $right.is_float() {
                        set!($to, self.heap.of_floats($operation, $left, $right))
                    }
                };
            }
            // Goes on with the next instruction if it holds, else there.
            macro_rules! jump_unless {
                ($holds:expr, $to:expr) => {{
                    if !$holds {
                        pc = $to as usize;
                    }
                    continue 'run;
                }};
            }
            // Where the function begins, if calls of it are compiled code and nothing else has
            // to be done.
            macro_rules! entered {
                ($function:expr) => {{
                    let entry = &self.program.functions[$function as usize];
                    if entry.state == State::Compiled
                        && self.heap.cells.len() < self.collect_at
                        && self.fuel != 1
                    {
                        Some(entry.pc)
                    } else {
                        None
                    }
                }};
            }
            // Begins a frame and goes on there.
            macro_rules! call {
                ($to:expr, $target:expr, $called:ident, $words:expr) => {{
                    let words = $words;
                    $called[..words.len()].copy_from_slice(&words);
                    begun!($to, $target, $called)
                }};
            }
            // Goes on there in a frame that was begun.
            macro_rules! begun {
                ($to:expr, $target:expr, $called:ident) => {{
                    self.fuel -= 1;
                    self.head_trail = self.heap.trail.len();
                    (frame, base) = ($called, $target);
                    jump!($to)
                }};
            }
            // Leaves the frame, with a result, for that of the caller.
            macro_rules! leave {
                () => {
                    let (word, state) = (frame[0], frame[1]);
                    if self.choices.len() as u64 > state >> HEIGHT {
                        self.stack[(state & 0xffff_ffff) as usize + 1] |= SUCCEEDED;
                    }
                    pc = (word >> 32) as usize;
                    base = (word & 0xffff_ffff) as usize;
                    frame = self.stack.frame_mut(base);
                };
            }
            // Goes on there, in a frame of the machine's making.
            macro_rules! frame_on {
                ($to:expr, $base:expr) => {{
                    code = &self.program.code;
                    base = $base;
                    frame = self.stack.frame_mut(base);
                    jump!($to)
                }};
            }
            // Goes back to the newest choice, if it is for a place in the code.
            macro_rules! go_back {
                () => {
                    if !self.watched
                        && let Some((to, frame_of)) = self.next_place()
                    {
                        code = &self.program.code;
                        base = frame_of;
                        frame = self.stack.frame_mut(base);
                        jump!(to)
                    }
                };
            }
            // Puts what an expression of so many elements has behind its head into slots.
            macro_rules! put_elements {
                ($arity:ident, $elements:ident, $to:ident) => {
                    match ($arity, $elements) {
                        (2, [a, ..]) => frame[place($to)] = *a,
                        (3, [a, b, ..]) => {
                            frame[place($to)] = *a;
                            frame[place($to + 1)] = *b;
                        }
                        _ => frame[place($to)..][..$arity - 1]
                            .copy_from_slice(&$elements[..$arity - 1]),
                    }
                };
            }
            // How many choices there were when the mark was set; those there are, without a mark.
            macro_rules! height {
                ($mark:expr) => {
                    if $mark == Slot::MAX {
                        self.choices.len() as u64
                    } else {
                        (slot!($mark).0 & !MARK_SUCCEEDED) >> 3
                    }
                };
            }

            // Calls the function, if the arguments are what they have to be; else goes on with
            // the next instruction.
            macro_rules! try_call {
                ($function:expr, [$a:ident, $b:ident, $c:ident], $size:ident, $mark:ident, $skip:ident) => {{
                    if let Some(to) = entered!($function)
                        && let Some(a) = self.heap.quick(&self.program, frame, *$a)
                        && let Some(b) = self.heap.quick(&self.program, frame, *$b)
                        && let Some(c) = self.heap.quick(&self.program, frame, *$c)
                    {
                        let height = height!(*$mark);
                        let target = (base + 2 + usize::from(*$size)).max(self.protected);
                        let back = (pc - 1 + usize::from(*$skip)) as u64;
                        if let Some(called) = self.stack.at_mut(target) {
                            let word = (back << 32) | base as u64;
                            let state = (height << HEIGHT) | target as u64;
                            call!(to, target, called, [word, state, a, b, c])
                        }
                        frame = self.stack.frame_mut(base);
                    }
                    next!()
                }};
            }
            // As `try_call`, in the place of the frame.
            macro_rules! try_call_last {
                ($function:expr, [$a:ident, $b:ident, $c:ident]) => {{
                    if let Some(to) = entered!($function)
                        && let Some(a) = self.heap.quick(&self.program, frame, *$a)
                        && let Some(b) = self.heap.quick(&self.program, frame, *$b)
                        && let Some(c) = self.heap.quick(&self.program, frame, *$c)
                    {
                        let (word, state) = (frame[0], frame[1] & !MATCHED);
                        let target = base.max(self.protected);
                        if let Some(called) = self.stack.at_mut(target) {
                            call!(to, target, called, [word, state, a, b, c])
                        }
                        frame = self.stack.frame_mut(base);
                    }
                    next!()
                }};
            }

            let value = 'hand: {
                let instruction = &code[pc];
                pc += 1;
                match *instruction {
                    I::Jump { to } => jump!(to),
                    I::Move { to, from } => set!(to, slot!(from)),
                    I::Constant { to, index } => set!(to, self.program.constants[index as usize]),
                    I::Neck => {
                        frame[1] |= MATCHED;
                        next!()
                    }
                    I::Record { used } => {
                        if self.recorded.has(used) {
                            next!()
                        }
                    }
                    I::RecordReturn { slot, used } => {
                        if self.recorded.has(used) {
                            let value = slot!(slot);
                            if value.is_int() {
                                break 'hand value;
                            }
                            next!()
                        }
                    }
                    I::Take { to, on_error } | I::TakeElements { to, on_error, .. } => {
                        let value = self.result;
                        frame[place(to)] = value.0;
                        let is_error = value.is_exp() && self.heap.is_error(value);
                        jump_unless!(!is_error, on_error)
                    }
                    I::TakeTruth { to, on_error, no } => {
                        let value = self.result;
                        frame[place(to)] = value.0;
                        if value.is_bool() {
                            if value == Cell::TRUE {
                                pass_over!(1)
                            }
                            jump!(no)
                        }
                        let is_error = value.is_exp() && self.heap.is_error(value);
                        jump_unless!(!is_error, on_error)
                    }
                    I::TakeAny { to } => set!(to, self.result),
                    I::Offer { from } => {
                        self.result = self.heap.deref(slot!(from));
                        next!()
                    }

                    I::AddSmall {
                        to, left, right, ..
                    } => {
                        let value = slot!(left);
                        if let Some(sum) = (value.0 as i64).checked_add(i64::from(right) << 3)
                            && value.is_int()
                        {
                            set!(to, Cell(sum as u64))
                        }
                    }
                    I::Add {
                        to, left, right, ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if let Some(sum) = (left.0 as i64).checked_add(right.0 as i64)
                            && left.are_ints(right)
                        {
                            set!(to, Cell(sum as u64))
                        }
                        set_of_floats!(Arithmetic::Add, to, left, right)
                    }
                    I::Subtract {
                        to, left, right, ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if let Some(difference) = (left.0 as i64).checked_sub(right.0 as i64)
                            && left.are_ints(right)
                        {
                            set!(to, Cell(difference as u64))
                        }
                        set_of_floats!(Arithmetic::Subtract, to, left, right)
                    }
                    I::Compute {
                        operation: Arithmetic::Multiply,
                        to,
                        left,
                        right,
                        ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.are_ints(right)
                            && let Some(word) = left.as_int().checked_mul(right.0 as i64)
                        {
                            set!(to, Cell(word as u64))
                        }
                        set_of_floats!(Arithmetic::Multiply, to, left, right)
                    }
                    I::Compute {
                        operation: Arithmetic::Divide,
                        to,
                        left,
                        right,
                        ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.are_ints(right)
                            && let Some(quotient) = (left.0 as i64).checked_div(right.0 as i64)
                            && let Some(value) = Cell::int(quotient)
                        {
                            set!(to, value)
                        }
                        set_of_floats!(Arithmetic::Divide, to, left, right)
                    }
                    I::Compute {
                        operation: Arithmetic::Remainder,
                        to,
                        left,
                        right,
                        ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.are_ints(right)
                            && let Some(word) = (left.0 as i64).checked_rem(right.0 as i64)
                        {
                            set!(to, Cell(word as u64))
                        }
                    }
                    I::ComputeSmall {
                        operation: Arithmetic::Divide,
                        to,
                        left,
                        right,
                        ..
                    } => {
                        let left = slot!(left);
                        if left.is_int()
                            && let Some(quotient) = left.as_int().checked_div(i64::from(right))
                            && let Some(value) = Cell::int(quotient)
                        {
                            set!(to, value)
                        }
                    }
                    I::ComputeSmall {
                        operation,
                        to,
                        left,
                        right,
                        ..
                    } => {
                        let left = slot!(left);
                        if left.is_int() {
                            let (word, right) = (left.0 as i64, i64::from(right));
                            let found = match operation {
                                Arithmetic::Multiply => word.checked_mul(right),
                                Arithmetic::Remainder => word.checked_rem(right << 3),
                                Arithmetic::Divide | Arithmetic::Add | Arithmetic::Subtract => None,
                            };
                            if let Some(word) = found {
                                set!(to, Cell(word as u64))
                            }
                        }
                    }
                    I::Compare {
                        operation,
                        to,
                        left,
                        right,
                        ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.are_ints(right) {
                            let holds = operation.holds((left.0 as i64).cmp(&(right.0 as i64)));
                            set!(to, Cell::boolean(holds))
                        }
                    }
                    I::JumpUnlessCompare {
                        operation,
                        left,
                        right,
                        to,
                        ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.are_ints(right) {
                            let order = (left.0 as i64).cmp(&(right.0 as i64));
                            jump_unless!(operation.holds(order), to)
                        }
                    }
                    I::JumpUnlessCompareSmall {
                        operation,
                        left,
                        right,
                        to,
                        ..
                    } => {
                        let left = slot!(left);
                        if left.is_int() {
                            let order = (left.0 as i64).cmp(&(i64::from(right) << 3));
                            jump_unless!(operation.holds(order), to)
                        }
                    }
                    I::JumpUnlessConstant {
                        slot, index, to, ..
                    } => {
                        let value = slot!(slot);
                        let constant = self.program.constants[index as usize];
                        if let Some(is_it) = self.heap.is_constant(value, constant) {
                            jump_unless!(is_it, to)
                        }
                    }
                    I::JumpUnlessInteger {
                        slot, value, to, ..
                    } => {
                        let found = slot!(slot);
                        if found.is_int() {
                            jump_unless!(found == Cell::small(value), to)
                        }
                    }
                    I::JumpUnlessSum {
                        minus,
                        whole,
                        left,
                        right,
                        to,
                        ..
                    } => {
                        let (whole, left, right) = (slot!(whole), slot!(left), slot!(right));
                        let sum = if minus {
                            (left.0 as i64).checked_sub(right.0 as i64)
                        } else {
                            (left.0 as i64).checked_add(right.0 as i64)
                        };
                        if let Some(sum) = sum
                            && Cell(left.0 | right.0).are_ints(whole)
                        {
                            jump_unless!(sum as u64 == whole.0, to)
                        }
                    }
                    I::TrySame {
                        left,
                        right,
                        same,
                        other,
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.are_ints(right)
                            || self
                                .heap
                                .are_names_alike(&self.program.value_types, left, right)
                        {
                            jump!(if left == right { same } else { other })
                        }
                    }
                    I::Same {
                        to, left, right, ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        let types = &self.program.value_types;
                        if left.are_ints(right) || self.heap.are_names_alike(types, left, right) {
                            set!(to, Cell::boolean(left == right))
                        }
                    }
                    I::Logic {
                        ref operation,
                        to,
                        left,
                        right,
                        ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.is_bool() && right.is_bool() {
                            let (left, right) = (left == Cell::TRUE, right == Cell::TRUE);
                            set!(to, Cell::boolean(operation.of(left, right)))
                        }
                    }
                    I::JumpUnlessSame {
                        left, right, to, ..
                    } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.are_ints(right) {
                            jump_unless!(left == right, to)
                        }
                    }
                    I::JumpUnless { slot, to, odd } => {
                        let value = self.heap.deref(slot!(slot));
                        if value == Cell::TRUE {
                            next!()
                        }
                        jump!(if value == Cell::FALSE { to } else { odd })
                    }

                    I::Not { to, from, .. } => {
                        let value = slot!(from);
                        if value.is_bool() {
                            set!(to, Cell::boolean(value != Cell::TRUE))
                        }
                    }
                    I::IfPlain {
                        slots: [a, b, ref rest @ ..],
                        ref count,
                        odd,
                    } => {
                        // Mostly one or two: without a loop.
                        macro_rules! is_plain {
                            ($slot:expr) => {{
                                let value = slot!($slot & !IF_DATA);
                                if $slot & IF_DATA == 0 {
                                    self.heap.is_given(value)
                                } else {
                                    self.heap.is_whole_data(value)
                                }
                            }};
                        }
                        if !is_plain!(a) {
                            jump!(odd)
                        }
                        if *count > 1 {
                            if !is_plain!(b) {
                                jump!(odd)
                            }
                            for slot in &rest[..usize::from(*count) - 2] {
                                if !is_plain!(*slot) {
                                    jump!(odd)
                                }
                            }
                        }
                        next!()
                    }
                    I::IfElements {
                        ref slots,
                        looked,
                        count,
                        ..
                    } => {
                        let mut looked = slots[..usize::from(looked)].iter();
                        let head = Cell(frame[place(slots[0])]);
                        let is_ruled = self.program.has_rules_of_values(usize::from(count));
                        let names = &mut self.program.data_heads;
                        if looked.all(|slot| self.heap.is_given(slot!(*slot)))
                            && (count == 0 || !is_ruled && self.heap.heads_data(names, head, count))
                        {
                            next!()
                        }
                    }
                    I::IfTyped {
                        slots: [a, b],
                        types: [first, second],
                        count,
                        ..
                    } => {
                        let types = &self.program.value_types;
                        let fits = (self.fit, self.name_fit);
                        if self.heap.is_known_as(types, fits, slot!(a), first)
                            && (count == 1 || self.heap.is_known_as(types, fits, slot!(b), second))
                        {
                            next!()
                        }
                    }
                    I::CheckFirst { .. } => {
                        if frame[place(INDEX as Slot)] != Cell::small(0).0 {
                            next!()
                        }
                    }
                    I::IfIntegers {
                        slots: [a, b, c, d],
                        ref met,
                        ref odd,
                    } => {
                        let all = slot!(a).0 | slot!(b).0 | slot!(c).0 | slot!(d).0;
                        if Cell(all).is_int() {
                            pass_over!(usize::from(*met))
                        }
                        pass_over!(usize::from(*odd))
                    }
                    I::IfMostlyMet {
                        pair,
                        ref is_one,
                        ref met,
                        ref odd,
                    } => {
                        let [first, second] = &self.program.meetings.mostly[pair as usize];
                        if self.heap.is_mostly(slot!(first.slot), first)
                            && (*is_one || self.heap.is_mostly(slot!(second.slot), second))
                        {
                            pass_over!(usize::from(*met))
                        }
                        pass_over!(usize::from(*odd))
                    }
                    I::IfMet { tests, odd } => {
                        jump_unless!(self.heap.are_as_met(&self.program, frame, tests), odd)
                    }
                    I::IfFamilies { tests, odd } => {
                        let types = &self.program.value_types;
                        let tests = &mut self.program.meetings.tests[tests as usize];
                        jump_unless!(tests.families.take(&self.heap, types, frame), odd)
                    }
                    I::TakeSettled { to, from, settled } => {
                        let value = self.heap.deref(slot!(from));
                        if self.heap.is_plain(value, ANY) {
                            frame[place(to)] = value.0;
                            jump!(settled)
                        }
                        next!()
                    }
                    I::Evaluate {
                        to,
                        from,
                        expected,
                        of,
                        ..
                    } => {
                        let value = self.heap.deref(slot!(from));
                        if self.heap.is_plain(value, expected)
                            || value.is_ref()
                            || self.heap.is_open(value)
                            || of == Of::Argument && self.heap.take_remade(value)
                        {
                            frame[place(to)] = value.0;
                            pass_over!(1)
                        }
                        const NOTED: u64 = Header::GROUND | Header::EVALUATED | Header::ERROR;
                        if value.is_exp()
                            && self.fuel > 1
                            && self.heap.cells[value.at()] & NOTED == 0
                            && let data_heads = &mut self.program.data_heads
                            && let Some(copy) = self.heap.copy_flat(data_heads, value)
                        {
                            self.fuel -= 1;
                            frame[place(to)] = copy.0;
                            pass_over!(1)
                        }
                    }
                    I::CheckType { slot, expected, .. } => {
                        let value = slot!(slot);
                        let is_known = if value.is_exp() {
                            (self.heap.noted_type(value.at()), expected) == self.fit
                        } else if value.is_symbol() {
                            let types = &self.program.value_types;
                            (value, expected) == self.name_fit
                                || self.heap.is_name_known_as(types, value, expected)
                        } else {
                            (value.is_int() || value.is_float()) && expected == NUMBER
                        };
                        if is_known {
                            next!()
                        }
                    }
                    I::CheckKind { slot, kind, .. } => {
                        let value = slot!(slot);
                        let is_of_kind = match kind {
                            AtomKind::Expression => value.is_exp(),
                            AtomKind::Grounded
                            | AtomKind::NoName
                            | AtomKind::Own
                            | AtomKind::Argument
                            | AtomKind::BoundArgument => value.is_int(),
                            AtomKind::Symbol
                            | AtomKind::Variable
                            | AtomKind::Lambda
                            | AtomKind::Called => false,
                        };
                        if is_of_kind {
                            next!()
                        }
                    }
                    I::First { to, from, .. } => {
                        let list = slot!(from);
                        if list.is_exp()
                            && let (first, 1..) = self.heap.elements(list.at())
                            && let first = self.heap.word(first)
                            && !first.is_ref()
                        {
                            set!(to, first)
                        }
                    }
                    I::Rest { to, from, .. } => {
                        let list = slot!(from);
                        if list.is_exp()
                            && !self.program.has_rules_of_values(
                                self.heap.header(list.at()).arity().wrapping_sub(1),
                            )
                            && let Some(rest) = self.heap.rest_of_data(list.at())
                        {
                            set!(to, rest)
                        }
                    }
                    I::CheckGround { slot, .. } => {
                        let value = slot!(slot);
                        if value.is_int()
                            || value.is_exp()
                                && self.heap.cells[value.at()] & (Header::GROUND | Header::ERROR)
                                    == Header::GROUND
                        {
                            next!()
                        }
                    }
                    I::CheckSame { left, right, .. } => {
                        let (left, right) = (slot!(left), slot!(right));
                        let types = &self.program.value_types;
                        if left.are_ints(right) || self.heap.are_names_alike(types, left, right) {
                            next!()
                        }
                    }
                    I::Equal { to, left, right } => {
                        let (left, right) = (slot!(left), slot!(right));
                        if left.is_immediate() && right.is_immediate() {
                            set!(to, Cell::boolean(left == right))
                        }
                    }

                    I::Switch { switch } => {
                        let switch = &self.program.switches[switch as usize];
                        let cell = slot!(switch.slot);
                        if switch.is_plain {
                            if cell.is_exp()
                                && let [header, head, elements @ ..] = &self.heap.cells[cell.at()..]
                                && Cell(*head).is_symbol()
                            {
                                // What shares elements has no symbol there, and `()` has
                                // none of the words.
                                let arity = Header(*header).arity();
                                let word = expression_word(Some(Cell(*head)), arity);
                                for few in &switch.few {
                                    if few.word != word {
                                        continue;
                                    }
                                    let to = few.elements;
                                    if to != Branch::KEEP {
                                        put_elements!(arity, elements, to);
                                    }
                                    jump!(few.to)
                                }
                                if arity > 0 {
                                    jump!(switch.other)
                                }
                            }
                            let word = if cell.is_exp() && self.heap.header(cell.at()).arity() == 0
                            {
                                expression_word(None, 0)
                            } else {
                                cell.0
                            };
                            if cell.is_immediate() || word != cell.0 {
                                let found = switch.few.iter().find(|few| few.word == word);
                                jump!(found.map_or(switch.other, |few| few.to))
                            }
                        } else if let Some(to) = switch.find(&self.heap, cell) {
                            jump!(to)
                        }
                    }
                    I::TakeCall {
                        ref arity,
                        slot,
                        elements,
                        name,
                        to,
                    } => {
                        let value = slot!(slot);
                        let (arity, name) = (usize::from(*arity), Cell::symbol(name).0);
                        if !value.is_exp() {
                            next!()
                        }
                        let cells = &self.heap.cells[value.at()..];
                        // Mostly two arguments: with one look at whether there is as much.
                        if arity == 3
                            && let [header, head, a, b, ..] = cells
                            && *head == name
                            && Header(*header).arity() == 3
                        {
                            frame[place(elements)] = *a;
                            frame[place(elements + 1)] = *b;
                            jump!(to)
                        }
                        if let [header, head, found @ ..] = cells
                            && *head == name
                            && Header(*header).arity() == arity
                        {
                            put_elements!(arity, found, elements);
                            jump!(to)
                        }
                        next!()
                    }
                    I::MatchExpression {
                        slot,
                        to,
                        arity,
                        on_fail,
                    } => {
                        let value = self.heap.deref(slot!(slot));
                        if value.is_exp() {
                            let (first, count) = self.heap.elements(value.at());
                            if count != usize::from(arity) {
                                jump!(on_fail)
                            }
                            match &self.heap.cells[first..first + count] {
                                [a, b] => {
                                    frame[place(to)] = *a;
                                    frame[place(to + 1)] = *b;
                                }
                                elements => {
                                    frame[place(to)..][..count].copy_from_slice(elements);
                                }
                            }
                            next!()
                        }
                    }
                    I::MatchCall {
                        slot,
                        to,
                        arity,
                        head,
                        on_fail,
                    } => {
                        let value = self.heap.deref(slot!(slot));
                        if value.is_exp() {
                            let (first, count) = self.heap.elements(value.at());
                            let head = self.program.constants[head as usize];
                            if count != usize::from(arity) {
                                jump!(on_fail)
                            }
                            let elements = &self.heap.cells[first..first + count];
                            if elements[0] == head.0 {
                                let elements = &elements[1..];
                                frame[place(to)..][..elements.len()].copy_from_slice(elements);
                                next!()
                            }
                            if Cell(elements[0]).is_name() {
                                jump!(on_fail)
                            }
                        }
                    }
                    I::Unpack { slot, to, skip } => {
                        let value = self.heap.deref(slot!(slot));
                        let (first, count) = self.heap.elements(value.at());
                        let elements = &self.heap.cells[first + usize::from(skip)..first + count];
                        match elements {
                            [a] => frame[place(to)] = *a,
                            [a, b] => {
                                frame[place(to)] = *a;
                                frame[place(to + 1)] = *b;
                            }
                            _ => {
                                frame[place(to)..][..elements.len()].copy_from_slice(elements);
                            }
                        }
                        next!()
                    }
                    I::MatchConstant {
                        slot,
                        index,
                        on_fail,
                    } => {
                        let constant = self.program.constants[index as usize];
                        let value = self.heap.deref(slot!(slot));
                        if value == constant {
                            next!()
                        }
                        // An expression is no leaf, and leaves are as they look.
                        if constant.is_immediate() && (value.is_immediate() || value.is_exp()) {
                            jump!(on_fail)
                        }
                        if let Some(unified) = self.heap.unify_flat(value, constant) {
                            jump_unless!(unified, on_fail)
                        }
                    }
                    I::Unify {
                        left,
                        right,
                        on_fail,
                    } => {
                        if let Some(unified) = self.heap.unify_flat(slot!(left), slot!(right)) {
                            jump_unless!(unified, on_fail)
                        }
                    }
                    I::Variable { to } => set!(to, self.heap.variable()),
                    I::IsUnbound { to, from } => {
                        set!(to, Cell::boolean(self.heap.deref(slot!(from)).is_ref()))
                    }
                    I::IfFacts { facts, to, .. } => {
                        let stand = &mut self.program.facts[facts as usize];
                        if self.fuel > 1 && self.program.sight.shows(stand, &self.program.space) {
                            self.fuel -= 1;
                            jump!(to)
                        }
                    }

                    I::IfRules { rules, .. } => {
                        let epoch = self.program.inlined[rules as usize].epoch;
                        if epoch == self.program.epoch && self.fuel > 1 {
                            self.fuel -= 1;
                            next!()
                        }
                    }

                    I::MakeNoted {
                        ref to,
                        function,
                        slots: [a, b, c],
                        ref count,
                    } => {
                        let values = [slot!(a), slot!(b), slot!(c)];
                        let heap = &mut self.heap;
                        set!(
                            *to,
                            heap.make_noted(&self.program, function, values, *count).0
                        )
                    }
                    I::TryMake {
                        ref to,
                        function,
                        arguments: [ref a, ref b, ref c],
                        ref skip,
                    } => {
                        let entry = &self.program.functions[function as usize];
                        if entry.state == State::Data
                            && self.fuel != 1
                            && let arguments = [*a, *b, *c]
                            && let Some(made) =
                                self.heap.try_make(&self.program, frame, entry, arguments)
                            && self.heap.is_made(entry, made)
                        {
                            self.fuel -= 1;
                            frame[place(*to)] = made.0;
                            pass_over!(usize::from(*skip) - 1)
                        }
                        next!()
                    }
                    I::MakeOrCall {
                        ref to,
                        function,
                        slots: [a, b, c],
                        ref last,
                        ..
                    } => {
                        let entry = &self.program.functions[function as usize];
                        if entry.state == State::Data && self.fuel != 1 {
                            self.fuel -= 1;
                            let values = [slot!(a), slot!(b), slot!(c)];
                            if *last
                                && let I::TakeElements {
                                    to,
                                    elements,
                                    name,
                                    arity,
                                    ..
                                } = code[(frame[0] >> 32) as usize]
                                && name == entry.symbol
                                && usize::from(arity) == entry.arity
                                && let arity @ 1..=3 = usize::from(arity)
                                && values[..arity]
                                    .iter()
                                    .all(|value| self.heap.is_settled(*value))
                            {
                                leave!();
                                frame[place(to)] = self.heap.taken_apart.0;
                                for (slot, value) in (elements..).zip(&values[..arity]) {
                                    frame[place(slot)] = value.0;
                                }
                                pass_over!(2)
                            }
                            let made = self.heap.make_call(&self.program, entry, values);
                            if self.heap.is_made(entry, made) {
                                if *last {
                                    break 'hand made;
                                }
                                frame[place(*to)] = made.0;
                                pass_over!(1)
                            }
                        }
                    }

                    I::BuildOrCall {
                        to,
                        operands,
                        function,
                        ..
                    } => {
                        let entry = &self.program.functions[function as usize];
                        if entry.state == State::Data && !entry.types_elements && self.fuel != 1 {
                            self.fuel -= 1;
                            let (data_type, flags) = (entry.data_type, (entry.open, entry.whole));
                            let built = self.build_noted_data(operands, base, data_type, flags);
                            code = &self.program.code;
                            frame = self.stack.frame_mut(base);
                            frame[place(to)] = built.0;
                            pass_over!(1)
                        }
                    }
                    I::TryCall {
                        function,
                        arguments: [ref a, ref b, ref c],
                        ref size,
                        ref mark,
                        ref skip,
                    } => try_call!(function, [a, b, c], size, mark, skip),
                    I::TryCallLast {
                        function,
                        arguments: [ref a, ref b, ref c],
                    } => try_call_last!(function, [a, b, c]),
                    I::TryApply {
                        head,
                        count,
                        expected,
                        arguments: [ref a, ref b, ref c],
                        ref size,
                        ref mark,
                        ref skip,
                    } => {
                        let head = self.heap.deref(slot!(head));
                        let expected = TypeId::from(expected);
                        if !head.is_symbol() && !head.is_ref() {
                            next!()
                        }
                        if let Some(callee) = self.program.applied.find(head, count, expected)
                            && !callee.is_typed
                        {
                            let entry = &self.program.functions[callee.function as usize];
                            if entry.state != State::Data {
                                try_call!(callee.function, [a, b, c], size, mark, skip)
                            }
                            if (1..=3).contains(&entry.arity)
                                && self.fuel > 1
                                && let Some(a) = self.heap.quick(&self.program, frame, *a)
                                && let Some(b) = self.heap.quick(&self.program, frame, *b)
                                && let Some(c) = self.heap.quick(&self.program, frame, *c)
                            {
                                self.fuel -= 1;
                                let values = [Cell(a), Cell(b), Cell(c)];
                                self.result = self.heap.make_call(&self.program, entry, values);
                                if self.heap.is_made(entry, self.result) {
                                    pass_over!(usize::from(*skip) - 1)
                                }
                            }
                            next!()
                        }
                    }
                    I::TryApplyLast {
                        head,
                        count,
                        expected,
                        arguments: [ref a, ref b, ref c],
                        odd,
                    } => {
                        let head = self.heap.deref(slot!(head));
                        let expected = TypeId::from(expected);
                        if !head.is_symbol() && !head.is_ref() {
                            jump!(odd)
                        }
                        if let Some(callee) = self.program.applied.find(head, count, expected)
                            && !callee.is_typed
                        {
                            try_call_last!(callee.function, [a, b, c])
                        }
                    }
                    I::Applied {
                        to,
                        head,
                        count,
                        expected,
                        odd,
                    } => {
                        let head = self.heap.deref(slot!(head));
                        if !head.is_symbol() && !head.is_ref() {
                            jump!(odd)
                        }
                        if let Some(callee) = self.program.applied.find(head, count, expected)
                            && !callee.is_typed
                        {
                            set!(to, Cell::small(callee.function as i32))
                        }
                    }
                    I::CallApplied {
                        function,
                        slots: [a, b, c],
                        ..
                    } => {
                        let function = slot!(function).as_int() as usize;
                        let entry = &self.program.functions[function];
                        if entry.state == State::Data
                            && (1..=3).contains(&entry.arity)
                            && self.fuel > 1
                        {
                            self.fuel -= 1;
                            let values = [slot!(a), slot!(b), slot!(c)];
                            self.result = self.heap.make_call(&self.program, entry, values);
                            if self.heap.is_made(entry, self.result) {
                                next!()
                            }
                        } else if let Some((to, frame_of)) = self.on_decided(pc, base) {
                            frame_on!(to, frame_of)
                        }
                    }
                    I::Decide { .. } | I::CallAppliedLast { .. } => {
                        if let Some((to, frame_of)) = self.on_decided(pc, base) {
                            frame_on!(to, frame_of)
                        }
                    }
                    I::CallSlots {
                        function,
                        slots: [a, b, c],
                        ref size,
                        ref mark,
                    } => {
                        if let Some(to) = entered!(function) {
                            let height = height!(*mark);
                            let (a, b, c) = (slot!(a).0, slot!(b).0, slot!(c).0);
                            let target = (base + 2 + usize::from(*size)).max(self.protected);
                            if let Some(called) = self.stack.at_mut(target) {
                                let word = ((pc as u64) << 32) | base as u64;
                                let state = (height << HEIGHT) | target as u64;
                                call!(to, target, called, [word, state, a, b, c])
                            }
                        }
                    }
                    I::CallFour {
                        function,
                        slots: [a, b, c, d],
                        size,
                    } => {
                        if let Some(to) = entered!(function) {
                            let (a, b) = (slot!(a).0, slot!(b).0);
                            let (c, d) = (slot!(c).0, slot!(d).0);
                            let height = self.choices.len() as u64;
                            let target = (base + 2 + usize::from(size)).max(self.protected);
                            if let Some(called) = self.stack.at_mut(target) {
                                let word = ((pc as u64) << 32) | base as u64;
                                let state = (height << HEIGHT) | target as u64;
                                call!(to, target, called, [word, state, a, b, c, d])
                            }
                        }
                    }
                    I::CallFourLast {
                        function,
                        slots: [a, b, c, d],
                    } => {
                        if let Some(to) = entered!(function) {
                            let (word, state) = (frame[0], frame[1] & !MATCHED);
                            let (a, b) = (slot!(a).0, slot!(b).0);
                            let (c, d) = (slot!(c).0, slot!(d).0);
                            let target = base.max(self.protected);
                            if let Some(called) = self.stack.at_mut(target) {
                                call!(to, target, called, [word, state, a, b, c, d])
                            }
                        }
                    }
                    I::CallSlotsLast {
                        function,
                        slots: [a, b, c],
                    } => {
                        if let Some(to) = entered!(function) {
                            let (word, state) = (frame[0], frame[1] & !MATCHED);
                            let (a, b, c) = (slot!(a).0, slot!(b).0, slot!(c).0);
                            let target = base.max(self.protected);
                            if let Some(called) = self.stack.at_mut(target) {
                                call!(to, target, called, [word, state, a, b, c])
                            }
                        }
                    }
                    I::Grow {
                        function,
                        slots: [a, b],
                        count,
                        odd,
                        ..
                    } => {
                        if frame[1] >> HEIGHT != self.choices.len() as u64 {
                            jump!(odd)
                        }
                        let values = [slot!(a), slot!(b)];
                        let return_to = frame[0];
                        let grown = self.grow_on(function, values, count, return_to);
                        code = &self.program.code;
                        frame = self.stack.frame_mut(base);
                        if grown {
                            next!()
                        }
                    }
                    I::GrowAlong { rest, .. } => {
                        if self.heap.is_whole_data(slot!(rest)) {
                            self.grow_along(pc - 1, base);
                            code = &self.program.code;
                            frame = self.stack.frame_mut(base);
                        }
                        next!()
                    }
                    I::Item {
                        to,
                        folding,
                        done,
                        odd,
                    } => {
                        let list = self.heap.deref(slot!(LIST as Slot));
                        let place_of = slot!(INDEX as Slot).as_int() as usize;
                        let (first, count) = self.heap.elements(list.at());
                        if place_of >= count {
                            jump!(done)
                        }
                        let item = self.heap.deref(self.heap.word(first + place_of));
                        frame[place(to)] = item.0;
                        frame[place(to + 1)] = (place_of as u64 + 1) << 3;
                        let ends = self.heap.ends(item)
                            || folding && self.heap.ends(slot!(SO_FAR as Slot));
                        jump_unless!(!ends, odd)
                    }
                    I::Push { to, so_far, value } => {
                        let (so_far, value) = (slot!(so_far), slot!(value));
                        set!(to, self.heap.push(so_far, value))
                    }
                    I::Again {
                        to, next, so_far, ..
                    } => {
                        let has_room = self.heap.cells.len() < self.collect_at;
                        if has_room && base >= self.protected && self.fuel != 1 {
                            self.fuel -= 1;
                            let (next, so_far) = (slot!(next), self.heap.deref(slot!(so_far)));
                            frame[place(INDEX as Slot)] = next.0;
                            frame[place(SO_FAR as Slot)] = so_far.0;
                            jump!(to)
                        }
                    }
                    I::Call {
                        function,
                        operands,
                        size,
                    } => {
                        if let Some(to) = entered!(function) {
                            let operands = self.program.operands_at(operands);
                            let constants = &self.program.constants[..];
                            let target = (base + 2 + usize::from(size)).max(self.protected);
                            let word = ((pc as u64) << 32) | base as u64;
                            let state = ((self.choices.len() as u64) << HEIGHT) | target as u64;
                            let (places, words) = ((base, target), [word, state]);
                            if let Some(called) =
                                self.stack.begin(places, words, operands, constants)
                            {
                                begun!(to, target, called)
                            }
                        }
                    }
                    I::CallLast { function, operands } => {
                        if let Some(to) = entered!(function) {
                            let operands = self.program.operands_at(operands);
                            let constants = &self.program.constants[..];
                            let target = base.max(self.protected);
                            let words = [frame[0], frame[1] & !MATCHED];
                            let places = (base, target);
                            if let Some(called) =
                                self.stack.begin(places, words, operands, constants)
                            {
                                begun!(to, target, called)
                            }
                        }
                    }
                    I::CallLastBare { function, .. } => {
                        if let Some(to) = entered!(function)
                            && matches!(code[to as usize], I::Fail)
                        {
                            self.fuel -= 1;
                            pc = FAIL as usize + 1;
                            go_back!();
                        }
                    }

                    I::Return { slot } => {
                        let value = slot!(slot);
                        if value.is_int() {
                            break 'hand value;
                        }
                        if !value.is_ref()
                            && value != self.heap.empty
                            && !(value.is_exp() && self.heap.is_error(value))
                        {
                            break 'hand value;
                        }
                    }
                    I::ReturnConstant { index } => {
                        let value = self.program.constants[index as usize];
                        if value.is_immediate() && value != self.heap.empty {
                            break 'hand value;
                        }
                    }
                    I::ReturnLeaf { word, .. } => break 'hand Cell(word),
                    I::ReturnResult => {
                        let value = self.result;
                        if value.is_int() {
                            break 'hand value;
                        }
                    }
                    I::EvaluateLast { from, expected, .. } => {
                        let value = self.heap.deref(slot!(from));
                        if self.heap.is_plain(value, expected)
                            || self.heap.is_open(value)
                            || value.is_exp()
                                && (self.heap.noted_type(value.at()), expected) == self.fit
                                && self.heap.take_remade(value)
                        {
                            break 'hand value;
                        }
                    }
                    I::ReturnNoted {
                        function,
                        slots: [a, b, c],
                        ref count,
                        part: _,
                    } => {
                        let values = [slot!(a), slot!(b), slot!(c)];
                        if let I::TakeElements {
                            to,
                            elements,
                            name: NO_NAME,
                            arity: 2,
                            ..
                        } = code[(frame[0] >> 32) as usize]
                            && function == Function::NONE
                            && *count == 2
                            && let [head, second, _] = values
                            && self.program.is_data_by_head(head, 2)
                            && self.heap.is_settled(second)
                        {
                            leave!();
                            frame[place(to)] = self.heap.taken_apart.0;
                            frame[place(elements)] = head.0;
                            frame[place(elements + 1)] = second.0;
                            pass_over!(2)
                        }
                        let heap = &mut self.heap;
                        let (made, is_data) =
                            heap.make_noted(&self.program, function, values, *count);
                        if is_data {
                            self.heap.cells[made.at()] |= Header::EVALUATED;
                            break 'hand made;
                        }
                        // Made once more.
                        self.heap.cells.truncate(made.at());
                    }

                    I::Mark { to } => set!(to, Cell((self.choices.len() as u64) << 3)),
                    I::Exit { mark } => {
                        let word = slot!(mark).0;
                        if self.choices.len() as u64 > (word & !MARK_SUCCEEDED) >> 3 {
                            frame[place(mark)] = word | MARK_SUCCEEDED;
                        }
                        next!()
                    }
                    I::Chain { rules, kept, .. } => {
                        if !self.watched {
                            let first = self.begin_rules(rules, kept, base);
                            code = &self.program.code;
                            frame = self.stack.frame_mut(base);
                            jump!(first)
                        }
                    }
                    I::ChainUnify { rules, kept, .. } => {
                        if !self.watched {
                            let first = self.begin_unifying(rules, kept, base);
                            code = &self.program.code;
                            frame = self.stack.frame_mut(base);
                            jump!(first)
                        }
                    }
                    I::Fail => go_back!(),
                    I::HeadFail { .. } => {
                        if frame[1] & MATCHED != 0 || self.has_rules_left(base) {
                            go_back!()
                        }
                    }
                    I::Alternatives { operands, size } => {
                        let first = self.begin_places(operands, size, base);
                        code = &self.program.code;
                        frame = self.stack.frame_mut(base);
                        jump!(first)
                    }
                    // All that are fewer, or call something anyway.
                    I::Finish
                    | I::Select { .. }
                    | I::NoRule { .. }
                    | I::Table { .. }
                    | I::Answer
                    | I::Watch { .. }
                    | I::Import { .. }
                    | I::Instantiate { .. }
                    | I::Build { .. }
                    | I::BuildNoted { .. }
                    | I::BuildResult { .. }
                    | I::BuildData { .. }
                    | I::Try { .. }
                    | I::Undo { .. }
                    | I::Keep
                    | I::Plain { .. }
                    | I::PlainOf { .. }
                    | I::PlainAs { .. }
                    | I::PlainCall { .. }
                    | I::PlainRule { .. }
                    | I::Step { .. }
                    | I::CheckStepped { .. }
                    | I::ReturnAny
                    | I::EvaluateElement
                    | I::TakeElement
                    | I::OfferResult { .. }
                    | I::CallMarked { .. }
                    | I::Operate { .. }
                    | I::ErrorAt { .. }
                    | I::Gather { .. }
                    | I::GatherAdd { .. }
                    | I::IfTypes { .. }
                    | I::CaseOpen { .. }
                    | I::CaseAny { .. }
                    | I::Found { .. }
                    | I::Only { .. }
                    | I::UnlessSpace { .. }
                    | I::Elements { .. }
                    | I::Query { .. }
                    | I::Match { .. }
                    | I::CheckTree { .. }
                    | I::CheckTreeOf { .. }
                    | I::Retype { .. }
                    | I::CallDecided { .. }
                    | I::CallDecidedLast { .. }
                    | I::Walk { .. }
                    | I::List { .. }
                    | I::NoTruth { .. }
                    | I::Cons { .. }
                    | I::Decons { .. }
                    | I::GetState { .. }
                    | I::ChangeState { .. }
                    | I::ChangeSpace { .. }
                    | I::SizeAtom { .. }
                    | I::IndexAtom { .. }
                    | I::UnionAtom { .. }
                    | I::Close
                    | I::BuildBlock { .. }
                    | I::Meet { .. }
                    | I::Compute { .. }
                    | I::EvaluateAs { .. } => {}
                    I::AppliedAs {
                        to,
                        head,
                        count,
                        expected,
                        ..
                    } => {
                        let expected = slot!(expected).as_int() as TypeId;
                        if let Some(callee) =
                            self.program.applied.find(slot!(head), count, expected)
                            && !callee.is_typed
                        {
                            set!(to, Cell::small(callee.function as i32))
                        }
                    }
                    I::IfUntold { slot, odd } => {
                        jump_unless!(slot!(slot).as_int() as TypeId == ANY, odd)
                    }
                    I::IfFurther { slot, odd } => {
                        jump_unless!(slot!(slot).as_int() >= i64::from(FURTHER), odd)
                    }
                }
                // It is not as most often.
                let Some((to, frame_of)) = self.step((pc - 1) as Pc, base) else {
                    return;
                };
                code = &self.program.code;
                base = frame_of as usize;
                frame = self.stack.frame_mut(base);
                jump!(to)
            };
            // A result that is no error is handed to the caller.
            leave!();
            // Most often the caller takes it.
            match code[pc] {
                I::Take { to, .. } | I::TakeElements { to, .. } | I::TakeAny { to } => {
                    frame[place(to)] = value.0;
                    pc += 1;
                }
                I::TakeTruth { to, no, .. } if value.is_bool() => {
                    frame[place(to)] = value.0;
                    pc = if value == Cell::TRUE {
                        pc + 2
                    } else {
                        no as usize
                    };
                }
                _ => self.result = value,
            }
        }
    }
}
