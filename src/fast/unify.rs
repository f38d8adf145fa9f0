//! Unification and comparison of terms on the heap.

use smallvec::SmallVec;

use crate::atom::{Atom, Grounded};
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::heap::Heap;
use crate::seen::Seen;
use crate::unify::takes;

impl Heap {
    /// Whether both are the same term now. Numbers by value.
    pub(super) fn equal(&self, left: Cell, right: Cell) -> bool {
        let (left, right) = (self.deref(left), self.deref(right));
        if left.is_immediate() && right.is_immediate() {
            return left == right;
        }
        if left.is_exp()
            && right.is_exp()
            && self.elements(left.at()).1 != self.elements(right.at()).1
        {
            return false;
        }
        let mut pending: SmallVec<[(Cell, Cell); 16]> = SmallVec::new();
        pending.push((left, right));
        let mut seen = Seen::new();
        while let Some((left, right)) = pending.pop() {
            let (left, right) = (self.deref(left), self.deref(right));
            if left == right && !left.is_float() {
                continue;
            }
            match (left.kind(), right.kind()) {
                (Kind::Exp(a), Kind::Exp(b)) => {
                    if !seen.again(left.0, right.0) && !self.pair_elements(a, b, &mut pending) {
                        return false;
                    }
                }
                _ => {
                    if !self.equal_leaves(left, right) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Adds the elements of two expressions in pairs, the first last, if they are as many.
    #[inline(always)]
    fn pair_elements(
        &self,
        a: usize,
        b: usize,
        pending: &mut SmallVec<[(Cell, Cell); 16]>,
    ) -> bool {
        let ((a, n), (b, m)) = (self.elements(a), self.elements(b));
        if n != m {
            return false;
        }
        for i in (0..n).rev() {
            pending.push((self.word(a + i), self.word(b + i)));
        }
        true
    }

    /// Compares terms of which not both are expressions.
    fn equal_leaves(&self, left: Cell, right: Cell) -> bool {
        match (left.kind(), right.kind()) {
            (Kind::Flt(_), Kind::Flt(_))
            | (Kind::Int(_), Kind::Flt(_))
            | (Kind::Flt(_), Kind::Int(_)) => match (self.number_of(left), self.number_of(right)) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
            (Kind::Box(_), Kind::Box(_)) => self.box_of(left) == self.box_of(right),
            // An integer in a box is none that a cell holds.
            (Kind::Box(_), Kind::Int(_)) if self.is_number(left) => false,
            (Kind::Int(_), Kind::Box(_)) if self.is_number(right) => false,
            (Kind::Box(_), Kind::Int(_) | Kind::Flt(_) | Kind::Bool(_) | Kind::Char(_))
            | (Kind::Int(_) | Kind::Flt(_) | Kind::Bool(_) | Kind::Char(_), Kind::Box(_)) => {
                self.leaf(left) == self.leaf(right)
            }
            _ => left == right,
        }
    }

    /// Whether one of two terms, none of them a variable, is a pattern that matches the other.
    fn takes(&mut self, left: Cell, right: Cell) -> bool {
        let may_take = |cell: Cell| {
            cell.is_box() && matches!(self.box_of(cell), Atom::Grounded(Grounded::Value(_)))
        };
        if !may_take(left) && !may_take(right) {
            return false;
        }
        let (left, right) = (self.export(left), self.export(right));
        takes(&left, &right) || takes(&right, &left)
    }

    fn occurs(&self, variable: Cell, term: Cell) -> bool {
        let mut pending: SmallVec<[Cell; 16]> = SmallVec::new();
        pending.push(term);
        let mut seen = Seen::new();
        while let Some(term) = pending.pop() {
            let term = self.deref(term);
            if term == variable {
                return true;
            }
            if term.is_exp()
                && !self.header(term.at()).has(Header::GROUND)
                && !seen.again(term.0, 0)
            {
                let (first, n) = self.elements(term.at());
                for i in 0..n {
                    pending.push(self.word(first + i));
                }
            }
        }
        false
    }

    /// Binds an unbound variable unless that makes a cycle.
    pub(super) fn bind_checked(&mut self, variable: Cell, value: Cell) -> bool {
        if value.is_exp()
            && !self.header(value.at()).has(Header::GROUND)
            && self.occurs(variable, value)
        {
            return false;
        }
        self.doubt(value);
        self.bind(variable.at(), value);
        true
    }

    /// Unifies two terms. Bindings made on failure stay: the caller goes back.
    ///
    /// Source: J. A. Robinson, "A Machine-Oriented Logic Based on the Resolution
    /// Principle", J. ACM 12(1), 1965.
    pub(super) fn unify(&mut self, left: Cell, right: Cell) -> bool {
        let mut pending: SmallVec<[(Cell, Cell); 16]> = SmallVec::new();
        let (left, right) = (self.deref(left), self.deref(right));
        if left.is_exp() && right.is_exp() && left != right {
            if !self.pair_others(left.at(), right.at(), &mut pending) {
                return false;
            }
            if pending.is_empty() {
                return true;
            }
        } else {
            pending.push((left, right));
        }
        let mut seen = Seen::new();
        while let Some((left, right)) = pending.pop() {
            let (left, right) = (self.deref(left), self.deref(right));
            if left == right {
                if left.is_float() && self.float_of(left).is_nan() {
                    return false;
                }
                continue;
            }
            match (left.kind(), right.kind()) {
                (Kind::Ref(a), Kind::Ref(b)) => {
                    if a < b {
                        self.bind(b, left);
                    } else {
                        self.bind(a, right);
                    }
                }
                (Kind::Ref(_), _) => {
                    if !self.bind_checked(left, right) {
                        return false;
                    }
                }
                (_, Kind::Ref(_)) => {
                    if !self.bind_checked(right, left) {
                        return false;
                    }
                }
                (Kind::Exp(a), Kind::Exp(b)) => {
                    if !seen.again(left.0, right.0) && !self.pair_others(a, b, &mut pending) {
                        return false;
                    }
                }
                _ => {
                    if !self.equal_leaves(left, right) && !self.takes(left, right) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// As [`Heap::pair_elements`], without elements that are plainly the same; not if some
    /// plainly differ.
    #[inline(always)]
    fn pair_others(&self, a: usize, b: usize, pending: &mut SmallVec<[(Cell, Cell); 16]>) -> bool {
        let ((a, n), (b, m)) = (self.elements(a), self.elements(b));
        if n != m {
            return false;
        }
        let pairs = self.cells[a..a + n].iter().zip(&self.cells[b..b + n]);
        for (left, right) in pairs.rev() {
            let (left, right) = (self.deref(Cell(*left)), self.deref(Cell(*right)));
            if left == right && !left.is_float() {
                continue;
            }
            if left.is_immediate() && right.is_immediate() {
                return false;
            }
            pending.push((left, right));
        }
        true
    }
}
