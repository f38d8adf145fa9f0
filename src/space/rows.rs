//! The rows of a store in order of age, in segments.
//!
//! A row's number is its age: it is never given to another row, so a row that is
//! gone is simply no longer there. Segments give the memory of gone rows back: as a
//! whole once none is left, by moving together once half are gone.

use smallvec::SmallVec;

use crate::space::column::Column;

const SEGMENT_BITS: u32 = 12;
/// Rows of one segment.
const SEGMENT: usize = 1 << SEGMENT_BITS;

/// Rows have numbers below this, which leaves a bit to those who keep them.
pub(super) const ROWS_MAX: u32 = 1 << 31;

#[derive(Default)]
pub(super) struct Rows {
    segments: Vec<Option<Box<Segment>>>,
    next: u32,
    live: usize,
}

#[derive(Default)]
struct Segment {
    /// Which of the segment's numbers are here, ascending.
    slots: Column,
    starts: Column,
    tokens: Vec<u32>,
    /// Lines in files, 0 for none; shorter than `slots` if the rest has none.
    lines: Column,
    /// From which slot on lines are of which file.
    files: SmallVec<[(u32, u32); 1]>,
    /// A bit for each index that is gone; empty while none is.
    gone: Vec<u64>,
    gone_count: usize,
}

impl Rows {
    /// How many rows are there.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// The number of the next row.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// No rows, of which the first will have this number.
    #[cfg(test)]
    pub(super) fn from(next: u32) -> Rows {
        let mut rows = Rows {
            next,
            ..Rows::default()
        };
        rows.segments.resize_with(place(next).0 + 1, || None);
        rows
    }

    /// Adds a row. `origin` is the number of a file, and a line.
    pub(super) fn push(&mut self, tokens: &[u32], origin: Option<(u32, u32)>) -> u32 {
        let row = self.next;
        let (segment, slot) = place(row);
        if segment == self.segments.len() {
            if let Some(Some(last)) = self.segments.last_mut() {
                last.shrink();
            }
            self.segments.push(Some(Box::default()));
        }
        let segment = self.segments[segment].get_or_insert_default();
        segment.push(slot, tokens, origin);
        self.next += 1;
        self.live += 1;
        row
    }

    fn find(&self, row: u32) -> Option<(&Segment, usize)> {
        let (segment, slot) = place(row);
        let segment = self.segments.get(segment)?.as_deref()?;
        let index = segment.slots.find(slot)?;
        (!segment.is_gone(index)).then_some((segment, index))
    }

    /// Whether the row is gone.
    pub(super) fn is_gone(&self, row: u32) -> bool {
        self.find(row).is_none()
    }

    /// The tokens of a row; `None` if it is gone.
    pub(super) fn tokens(&self, row: u32) -> Option<&[u32]> {
        let (segment, index) = self.find(row)?;
        let (start, end) = segment.range(index);
        Some(&segment.tokens[start..end])
    }

    /// File number and line of a row.
    pub(super) fn origin(&self, row: u32) -> Option<(u32, u32)> {
        let (segment, index) = self.find(row)?;
        if index >= segment.lines.len() {
            return None;
        }
        let line = segment.lines.get(index);
        let slot = place(row).1;
        let (_, file) = segment.files.iter().rev().find(|(from, _)| *from <= slot)?;
        (line > 0).then_some((*file, line))
    }

    /// Forgets a row that is there.
    pub(super) fn remove(&mut self, row: u32) {
        let (number, slot) = place(row);
        let place = &mut self.segments[number];
        let segment = place.as_deref_mut().expect("the row is there");
        let index = segment.slots.find(slot).expect("the row is there");
        if segment.gone.is_empty() {
            segment.gone = vec![0; SEGMENT / 64];
        }
        segment.gone[index / 64] |= 1 << (index % 64);
        segment.gone_count += 1;
        self.live -= 1;
        if segment.gone_count == segment.slots.len() {
            *place = None;
        } else if segment.gone_count > 32 && 2 * segment.gone_count > segment.slots.len() {
            segment.compact();
        }
    }

    /// Every row that is there, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u32])> {
        self.segments
            .iter()
            .enumerate()
            .filter_map(|(number, segment)| Some((number, segment.as_deref()?)))
            .flat_map(|(number, segment)| {
                let first = (number << SEGMENT_BITS) as u32;
                (0..segment.slots.len())
                    .filter(|&index| !segment.is_gone(index))
                    .map(move |index| {
                        let (start, end) = segment.range(index);
                        (
                            first + segment.slots.get(index),
                            &segment.tokens[start..end],
                        )
                    })
            })
    }
}

fn place(row: u32) -> (usize, u32) {
    ((row >> SEGMENT_BITS) as usize, row & (SEGMENT as u32 - 1))
}

impl Segment {
    fn push(&mut self, slot: u32, tokens: &[u32], origin: Option<(u32, u32)>) {
        let start = u32::try_from(self.tokens.len()).expect("a segment has fewer than 2^32 tokens");
        if let Some((file, line)) = origin {
            while self.lines.len() < self.slots.len() {
                self.lines.push(0);
            }
            self.lines.push(line);
            if self.files.last().is_none_or(|(_, last)| *last != file) {
                self.files.push((slot, file));
            }
        }
        self.slots.push(slot);
        self.starts.push(start);
        self.tokens.extend_from_slice(tokens);
    }

    fn is_gone(&self, index: usize) -> bool {
        self.gone_count > 0 && self.gone[index / 64] >> (index % 64) & 1 == 1
    }

    fn range(&self, index: usize) -> (usize, usize) {
        let end = if index + 1 < self.starts.len() {
            self.starts.get(index + 1) as usize
        } else {
            self.tokens.len()
        };
        (self.starts.get(index) as usize, end)
    }

    fn shrink(&mut self) {
        self.slots.shrink();
        self.starts.shrink();
        self.lines.shrink();
        self.tokens.shrink_to_fit();
    }

    /// Moves the rows that are there together.
    fn compact(&mut self) {
        let mut compact = Segment::default();
        for index in (0..self.slots.len()).filter(|&index| !self.is_gone(index)) {
            let (start, end) = self.range(index);
            compact.slots.push(self.slots.get(index));
            compact.starts.push(compact.tokens.len() as u32);
            compact.tokens.extend_from_slice(&self.tokens[start..end]);
            let line = if index < self.lines.len() {
                self.lines.get(index)
            } else {
                0
            };
            compact.lines.push(line);
        }
        compact.files = std::mem::take(&mut self.files);
        compact.shrink();
        *self = compact;
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn rows_keep_their_numbers_while_others_go() {
        let mut rows = Rows::default();
        for n in 0..20_000_u32 {
            let tokens = vec![n; 1 + (n % 3) as usize];
            let origin = (n % 5 > 0).then_some((n / 9_000, n));
            assert_eq!(rows.push(&tokens, origin), n);
        }
        for n in (0..20_000).filter(|n| n % 100 != 7) {
            rows.remove(n);
            assert!(rows.is_gone(n));
        }
        let left: Vec<u32> = rows.iter().map(|(row, _)| row).collect();
        assert_eq!(left, (0..200).map(|n| 100 * n + 7).collect::<Vec<_>>());
        assert_eq!(rows.len(), 200);
        for row in left {
            let tokens = vec![row; 1 + (row % 3) as usize];
            assert_eq!(rows.tokens(row), Some(&tokens[..]));
            let origin = (row % 5 > 0).then_some((row / 9_000, row));
            assert_eq!(rows.origin(row), origin);
        }
        let held: usize = rows.segments.iter().flatten().map(|s| s.tokens.len()).sum();
        assert!(held < 2_000, "{held} tokens held");
        rows.remove(7);
        assert_eq!(rows.push(&[5], None), 20_000);
    }
}
