//! Columns of numbers that take no memory while they grow in equal steps, and
//! ascending lists of rows from which rows disappear.

/// A growing list of numbers.
#[derive(Clone, Debug)]
pub(super) enum Column {
    /// `first`, `first + step`, … `count` times.
    Steps {
        first: u32,
        step: u32,
        count: u32,
    },
    Listed(Vec<u32>),
}

impl Default for Column {
    fn default() -> Column {
        Column::Steps {
            first: 0,
            step: 0,
            count: 0,
        }
    }
}

impl Column {
    pub(super) fn len(&self) -> usize {
        match self {
            Column::Steps { count, .. } => *count as usize,
            Column::Listed(list) => list.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> u32 {
        match self {
            Column::Steps { first, step, .. } => first + step * index as u32,
            Column::Listed(list) => list[index],
        }
    }

    pub(super) fn push(&mut self, value: u32) {
        match self {
            Column::Listed(list) => list.push(value),
            Column::Steps { first, step, count } => {
                match *count {
                    0 => *first = value,
                    1 if value >= *first => *step = value - *first,
                    n if u64::from(*first) + u64::from(*step) * u64::from(n)
                        == u64::from(value)
                        && n > 1 => {}
                    _ => {
                        let mut list: Vec<u32> = self.iter(0).collect();
                        list.push(value);
                        *self = Column::Listed(list);
                        return;
                    }
                }
                *count += 1;
            }
        }
    }

    pub(super) fn iter(&self, from: usize) -> impl Iterator<Item = u32> + '_ {
        (from..self.len()).map(|index| self.get(index))
    }

    /// The index of `value` in an ascending column.
    pub(super) fn find(&self, value: u32) -> Option<usize> {
        match self {
            Column::Listed(list) => list.binary_search(&value).ok(),
            Column::Steps { first, step, count } => {
                let distance = value.checked_sub(*first)?;
                let index = match *step {
                    0 => (distance == 0).then_some(0)?,
                    1 => distance,
                    step => (distance % step == 0).then_some(distance / step)?,
                };
                (index < *count).then_some(index as usize)
            }
        }
    }

    /// Gives back what growing took in advance.
    pub(super) fn shrink(&mut self) {
        if let Column::Listed(list) = self {
            list.shrink_to_fit();
        }
    }
}

impl FromIterator<u32> for Column {
    fn from_iter<I: IntoIterator<Item = u32>>(values: I) -> Column {
        let mut column = Column::default();
        for value in values {
            column.push(value);
        }
        column
    }
}

/// An ascending list of rows. Rows that are gone are told to it and stay in the
/// list for a while, so that losing one costs amortized O(1).
#[derive(Clone, Debug, Default)]
pub(super) struct RowList {
    rows: Column,
    /// How many rows at the front are gone.
    start: u32,
    /// How many rows are gone, those at the front included.
    gone: u32,
}

impl RowList {
    /// How many rows are there.
    pub(super) fn len(&self) -> usize {
        self.rows.len() - self.gone as usize
    }

    pub(super) fn push(&mut self, row: u32) {
        self.rows.push(row);
    }

    /// Takes note that one row of the list is gone. `is_gone` knows it already.
    pub(super) fn lose(&mut self, is_gone: impl Fn(u32) -> bool) {
        self.gone += 1;
        if self.gone as usize == self.rows.len() {
            *self = RowList::default();
            return;
        }
        while is_gone(self.rows.get(self.start as usize)) {
            self.start += 1;
        }
        if self.gone > 2 && self.gone as usize > self.rows.len() / 2 {
            self.rows = self
                .rows
                .iter(self.start as usize)
                .filter(|&row| !is_gone(row))
                .collect();
            self.rows.shrink();
            (self.start, self.gone) = (0, 0);
        }
    }

    /// The rows in order; rows that are gone may be among them, never at the front.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.rows.iter(self.start as usize)
    }

    /// Appends all rows; `false`, and nothing, if some may be gone, or are not below `bound`.
    pub(super) fn append_below(&self, bound: u32, found: &mut Vec<u32>) -> bool {
        if self.has_gaps() {
            return false;
        }
        let start = self.start as usize;
        match &self.rows {
            Column::Listed(list) => {
                let list = &list[start..];
                let are_below = list.last().is_none_or(|last| *last < bound);
                if are_below {
                    found.extend_from_slice(list);
                }
                are_below
            }
            Column::Steps { first, step, count } => {
                let row = |index: u32| first + step * index;
                let are_below = *count == self.start || row(count - 1) < bound;
                if are_below {
                    found.extend((self.start..*count).map(row));
                }
                are_below
            }
        }
    }

    /// The rows from `row` on, as [`RowList::iter`].
    pub(super) fn from(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        let (mut low, mut high) = (self.start as usize, self.rows.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.rows.get(middle) < row {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.rows.iter(low)
    }

    /// Where to look for rows that ascend.
    pub(super) fn cursor(&self) -> Cursor<'_> {
        match &self.rows {
            Column::Listed(list) => Cursor::Listed(&list[self.start as usize..]),
            steps @ Column::Steps { .. } => Cursor::Steps(steps),
        }
    }

    /// Whether rows that are gone may be among the rows.
    pub(super) fn has_gaps(&self) -> bool {
        self.gone > self.start
    }
}

/// Where a list is looked into, for rows that ascend. Rows that are gone are found, too.
pub(super) enum Cursor<'a> {
    /// What is left of the list.
    Listed(&'a [u32]),
    Steps(&'a Column),
}

impl Cursor<'_> {
    /// Whether the list has this row, which is not before those asked for earlier.
    pub(super) fn has(&mut self, row: u32) -> bool {
        match self {
            Cursor::Listed(rest) => {
                while let [first, others @ ..] = rest {
                    if *first >= row {
                        return *first == row;
                    }
                    *rest = others;
                }
                false
            }
            Cursor::Steps(steps) => steps.find(row).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, RowList};

    #[test]
    fn a_column_gives_back_what_was_pushed() {
        for values in [
            vec![],
            vec![7],
            vec![7, 7, 7],
            vec![0, 4, 8, 12],
            vec![3, 5, 7, 8, 1],
            vec![5, 2],
        ] {
            let column: Column = values.iter().copied().collect();
            assert_eq!(column.iter(0).collect::<Vec<_>>(), values);
        }
        let steps: Column = [10, 13, 16].into_iter().collect();
        assert_eq!(
            (steps.find(13), steps.find(14), steps.find(19)),
            (Some(1), None, None)
        );
    }

    #[test]
    fn a_list_of_rows_forgets_those_that_are_gone() {
        let mut list = RowList::default();
        let mut gone = [false; 100];
        for row in 0..100 {
            list.push(row);
        }
        for row in (0..100).filter(|row| row % 7 != 3) {
            gone[row as usize] = true;
            list.lose(|row| gone[row as usize]);
            let present: Vec<u32> = list.iter().filter(|&row| !gone[row as usize]).collect();
            assert_eq!(present.len(), list.len());
            assert!(list.iter().count() <= 2 * list.len() + 8);
        }
        assert_eq!(list.from(11).find(|&row| !gone[row as usize]), Some(17));
    }
}
