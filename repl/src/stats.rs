//! What evaluations took, added up.

use std::fmt;
use std::time::Duration;

use chimera::Directive;

/// What directives took, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many directives there were.
    pub directives: u64,
    /// Reductions of all of them.
    pub reductions: u64,
    /// About how many bytes one of them used at most for its terms and stacks.
    pub peak_heap_bytes: usize,
    /// Atoms in `&self` afterwards.
    pub atoms: usize,
    /// Wall-clock time of all that was done, reading the text included.
    pub time: Duration,
}

impl Stats {
    /// Counts a directive.
    pub fn add(&mut self, directive: &Directive) {
        self.directives += 1;
        self.reductions += directive.reductions;
        self.peak_heap_bytes = self.peak_heap_bytes.max(directive.peak_bytes);
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "directives  {}", self.directives)?;
        writeln!(f, "reductions  {}", self.reductions)?;
        writeln!(f, "peak heap   {} KiB", self.peak_heap_bytes.div_ceil(1024))?;
        writeln!(f, "atoms       {} in &self", self.atoms)?;
        write!(f, "time        {:.3} ms", self.time.as_secs_f64() * 1e3)
    }
}
