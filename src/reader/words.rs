//! The words of a module that its tokens say something about.

use crate::atom::Atom;
use crate::persistent::Map;

/// Words with what they stand for.
///
/// A copy costs O(1), and so does a word more: programs bind words between facts, and
/// each change is seen by what reads the next ones.
#[derive(Clone)]
pub(crate) struct Words {
    meanings: Map<String, Atom>,
    /// A bit for each [`Words::shape`] that such a word has: nearly all words have none.
    shapes: [u64; 64],
}

impl Words {
    /// No words.
    pub(crate) fn new() -> Words {
        Words {
            meanings: Map::new(),
            shapes: [0; 64],
        }
    }

    /// A number below 4,096 that tells words apart somewhat, from their ends and length.
    pub(super) fn shape(word: &[u8]) -> usize {
        let (first, last) = match word {
            [] => (0, 0),
            [first, .., last] => (*first, *last),
            [one] => (*one, *one),
        };
        let mixed = (usize::from(first) * 7) ^ (usize::from(last) * 131) ^ (word.len() * 977);
        mixed & 4095
    }

    /// From now on the word stands for `atom`.
    pub(crate) fn insert(&mut self, word: String, atom: Atom) {
        let shape = Words::shape(word.as_bytes());
        self.shapes[shape / 64] |= 1 << (shape % 64);
        self.meanings.insert(word, atom);
    }

    /// What the word stands for.
    pub(crate) fn get(&self, word: &str) -> Option<&Atom> {
        let shape = Words::shape(word.as_bytes());
        if self.shapes[shape / 64] >> (shape % 64) & 1 == 0 {
            return None;
        }
        self.meanings.get(word)
    }

    /// Every word, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.meanings.keys()
    }

    /// Every word and what it stands for, in no order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Atom)> {
        self.meanings.iter()
    }

    /// Whether both are seen at once to be the same.
    pub(crate) fn is_same(&self, other: &Words) -> bool {
        self.meanings.ptr_eq(&other.meanings)
    }
}
