//! Large areas of memory, told of before they are written to.
//!
//! The first write to each page of 4 KiB costs about as much as the thousand words that go
//! into it. An embedder may know how to have an area backed by larger pages; the engine
//! knows which areas will be filled from their beginning on.

use std::mem::MaybeUninit;

/// Does what it likes with an area but write to it.
pub(crate) type Prepare = fn(&mut [MaybeUninit<u64>]);

/// Whom large areas are told to, if anyone.
#[derive(Clone, Copy, Default)]
pub(crate) struct Areas(Option<Prepare>);

impl Areas {
    /// Areas of fewer words are not told of: two large pages of most systems.
    const LARGE: usize = 1 << 19;

    pub(crate) fn told_to(prepare: Prepare) -> Areas {
        Areas(Some(prepare))
    }

    /// Tells of the room behind what is in use.
    pub(crate) fn tell_of_room(self, words: &mut Vec<u64>) {
        if let Some(prepare) = self.0 {
            let room = words.spare_capacity_mut();
            if room.len() >= Areas::LARGE {
                prepare(room);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use crate::{Budget, Engine};

    static WORDS: AtomicUsize = AtomicUsize::new(0);

    fn note(area: &mut [MaybeUninit<u64>]) {
        WORDS.fetch_add(area.len(), Relaxed);
    }

    #[test]
    fn evaluations_tell_of_what_they_are_about_to_fill() {
        let mut engine = Engine::builder().large_areas(note).build();
        let text = "(= (count $n) (if (== $n 0) Z (S (count (- $n 1)))))
            (= (size $x $n) (case $x ((Z $n) ((S $y) (size $y (+ $n 1))))))";
        engine.load(text, "count.metta").unwrap();
        let mut size = |n: usize| {
            let call = engine.parse(&format!("(size (count {n}) 0)")).unwrap();
            let results = engine.evaluate(&call, &Budget::default()).atoms();
            assert_eq!(results[0].to_string(), n.to_string());
        };
        size(1_000);
        assert_eq!(WORDS.load(Relaxed), 0, "little is made");
        size(400_000);
        assert!(WORDS.load(Relaxed) >= 3 * 400_000);
    }
}
