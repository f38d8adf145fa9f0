//! Places in a text as people count them.

/// A line and a column, both from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// Finds positions in one text. Built in linear time; a lookup costs
/// O(log lines), however long the lines are.
#[derive(Clone, Debug)]
pub struct LineTable {
    /// The byte at which each line begins.
    starts: Vec<usize>,
    /// How many characters begin before each multiple of [`STRIDE`] bytes.
    counts: Vec<usize>,
}

const STRIDE: usize = 1024;

impl LineTable {
    /// The table of `source`.
    pub fn new(source: &str) -> LineTable {
        // A byte-order mark is before the first line's first character.
        let mark = if source.starts_with('\u{feff}') { 3 } else { 0 };
        let mut starts = vec![mark];
        let mut counts = vec![0];
        let mut count = 0;
        for (at, byte) in source.bytes().enumerate() {
            if at > 0 && at.is_multiple_of(STRIDE) {
                counts.push(count);
            }
            // Every byte but a continuation begins a character.
            count += usize::from(byte & 0xc0 != 0x80);
            if byte == b'\n' {
                starts.push(at + 1);
            }
        }
        LineTable { starts, counts }
    }

    /// Where the byte `offset` of `source` stands; the end of the text has a
    /// position too. `source` must be the text that the table is of.
    pub fn position(&self, source: &str, offset: usize) -> Position {
        let line = self.line_of(offset);
        let start = self.characters(source, self.starts[line]);
        let before = self.characters(source, offset).saturating_sub(start);
        Position {
            line: to_u32(line + 1),
            column: to_u32(before + 1),
        }
    }

    /// The byte at a line and column; the end of the line if it is shorter.
    pub fn offset(&self, source: &str, line: u32, column: u32) -> usize {
        let index = (line as usize).clamp(1, self.starts.len()) - 1;
        let (start, text) = self.line(source, self.starts[index]);
        text.char_indices()
            .nth((column as usize).saturating_sub(1))
            .map_or(start + text.len(), |(at, _)| start + at)
    }

    /// The bytes of the line that holds `offset`, its end excluded.
    pub fn line<'s>(&self, source: &'s str, offset: usize) -> (usize, &'s str) {
        let index = self.line_of(offset);
        let start = self.starts[index];
        let end = self
            .starts
            .get(index + 1)
            .map_or(source.len(), |next| next - 1);
        (start, source[start..end].trim_end_matches('\r'))
    }

    /// The index of the line that holds `offset`.
    fn line_of(&self, offset: usize) -> usize {
        let after = self.starts.partition_point(|start| *start <= offset);
        after.saturating_sub(1)
    }

    fn characters(&self, source: &str, offset: usize) -> usize {
        let part = (offset / STRIDE).min(self.counts.len() - 1);
        self.counts[part]
            + source.as_bytes()[part * STRIDE..offset]
                .iter()
                .filter(|byte| **byte & 0xc0 != 0x80)
                .count()
    }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{LineTable, Position};

    #[test]
    fn columns_count_characters() {
        let source = "a\nübér (x)\r\n\n🙂b";
        let table = LineTable::new(source);
        let at = |text: &str| {
            let Position { line, column } = table.position(source, source.find(text).unwrap());
            (line, column)
        };
        assert_eq!(at("a"), (1, 1));
        assert_eq!(at("(x)"), (2, 6));
        assert_eq!(at("b"), (2, 2));
        assert_eq!(at("🙂"), (4, 1));
        let end = table.position(source, source.len());
        assert_eq!((end.line, end.column), (4, 3));
        assert_eq!(table.line(source, 5).1, "übér (x)");
        assert_eq!(table.offset(source, 2, 6), source.find("(x)").unwrap());
        assert_eq!(table.offset(source, 4, 3), source.len());
    }

    #[test]
    fn long_lines_are_looked_up_by_strides() {
        let source = "é".repeat(5000);
        let table = LineTable::new(&source);
        for character in [0, 1, 511, 512, 513, 4999, 5000] {
            let found = table.position(&source, character * 2);
            assert_eq!(found.column as usize, character + 1);
        }
    }
}
