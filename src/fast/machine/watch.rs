//! Telling whoever watches what the machine does; what it takes is counted.
//!
//! Code reports only if it was made for a watch. Who called whom is kept by frame: a
//! frame that something may still return to is where it was.

use std::fmt::Write;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{FUEL, Machine};
use crate::fast::cell::Cell;
use crate::fast::choice::{Choice, Kind};
use crate::fast::code::Watched;
use crate::fast::heap::CONSTANTS;
use crate::watch::{Brief, Entry, RuleId, Watch};

/// From this word of the stack on, last calls are made as such.
const DEEP: usize = 1 << 22;

/// What is known of the frames of a watched evaluation.
#[derive(Default)]
pub(super) struct Watching {
    frames: HashMap<u32, Frame, FixedState>,
    /// What the evaluation is part of.
    outside: Frame,
    /// Whether the rule that is entered next leaves others to be tried.
    leaves_choice: bool,
}

/// The rule that a frame is for, and in how many it is; as a caller, itself included.
#[derive(Clone, Copy, Default)]
struct Frame {
    rule: Option<RuleId>,
    depth: usize,
}

impl Machine<'_> {
    /// The watch begins with what the evaluation is part of.
    pub(in crate::fast) fn watch_begin(&mut self) {
        if let Some(watch) = &self.host.watch {
            self.watching.outside = Frame {
                rule: watch.current(),
                depth: watch.depth(),
            };
        }
    }

    pub(super) fn spent(&self) -> u64 {
        self.meter.spent + u64::from(FUEL - self.fuel)
    }

    fn frame_of(&self, base: usize) -> Frame {
        let known = self.watching.frames.get(&(base as u32));
        known.copied().unwrap_or_default()
    }

    /// What a frame returns to.
    fn caller_of(&self, base: usize) -> Frame {
        if base == 0 {
            return self.watching.outside;
        }
        self.frame_of((self.stack[base] & 0xffff_ffff) as usize)
    }

    /// Tells something; whether the code goes on at the place that goes with it.
    #[cold]
    #[inline(never)]
    pub(super) fn watch(&mut self, what: u32, base: usize) -> bool {
        let what = self.program.watched(what);
        let Some(watch) = self.host.watch.clone() else {
            return false;
        };
        match what {
            Watched::Call | Watched::Expression => {
                let around = self.caller_of(base);
                self.watching.frames.insert(base as u32, around);
            }
            Watched::Rule { rule, function } => self.watch_rule(&watch, rule, function, base),
            Watched::Exit(value) => self.watch_exit(&watch, self.operand(base, value), base),
            Watched::ExitResult => self.watch_exit(&watch, self.result, base),
            Watched::Last => {
                let rule = self.frame_of(base).rule;
                if base < DEEP {
                    return false;
                }
                if let Some(rule) = rule {
                    let around = self.caller_of(base);
                    let around = (around.rule, around.depth);
                    watch.exit(rule, around, self.spent(), None::<fn(&mut Brief)>);
                }
                return true;
            }
        }
        false
    }

    fn watch_rule(&mut self, watch: &Watch, rule: u32, function: u32, base: usize) {
        let rule = watch.rule(&self.program.uses.rule(rule));
        let depth = self.caller_of(base).depth;
        let own = Frame {
            rule: Some(rule),
            depth: depth + 1,
        };
        self.watching.frames.insert(base as u32, own);
        let leaves_choice = std::mem::take(&mut self.watching.leaves_choice);
        let entry = Entry {
            rule,
            depth,
            leaves_choice,
        };
        watch.enter(entry, self.spent(), |line| {
            let function = &self.program.functions[function as usize];
            let _ = write!(line, "({}", self.heap.symbol_of(function.symbol));
            for argument in 0..function.arity {
                let _ = line.write_char(' ');
                let _ = self.heap.show(Cell(self.stack[base + 2 + argument]), line);
            }
            let _ = line.write_char(')');
        });
    }

    fn watch_exit(&self, watch: &Watch, value: Cell, base: usize) {
        let around = self.caller_of(base);
        let around = (around.rule, around.depth);
        let value = self.heap.deref(value);
        match self.frame_of(base).rule {
            Some(rule) if value != self.heap.empty => {
                let result = |line: &mut Brief| {
                    let _ = self.heap.show(value, line);
                };
                watch.exit(rule, around, self.spent(), Some(result));
            }
            _ => watch.go(around, self.spent()),
        }
    }

    /// It goes on in a frame that was left.
    #[cold]
    #[inline(never)]
    pub(super) fn watch_back(&self, base: usize) {
        if let Some(watch) = &self.host.watch {
            let frame = self.frame_of(base);
            watch.go((frame.rule, frame.depth), self.spent());
        }
    }

    /// Something to come back to is left.
    #[cold]
    #[inline(never)]
    pub(super) fn watch_choice(&mut self, kind: &Kind) {
        match kind {
            Kind::Rules { .. } | Kind::Chain { .. } => self.watching.leaves_choice = true,
            Kind::Places { .. }
            | Kind::Elements { .. }
            | Kind::Ways { .. }
            | Kind::Join(_)
            | Kind::Loops(_)
            | Kind::Answers { .. } => {
                if let Some(watch) = &self.host.watch {
                    watch.choice();
                }
            }
            Kind::Gather { .. } | Kind::Case { .. } | Kind::Fill { .. } | Kind::Aside => {}
        }
    }

    /// Something outside the compiled code is asked, in the frame's rule.
    pub(super) fn watch_outside(&self) {
        if self.watched
            && let Some(watch) = &self.host.watch
        {
            let (rule, depth) = (watch.current(), watch.depth());
            watch.go((rule, depth), self.spent());
        }
    }

    /// Notes how much is in use, with a frame at `base` the newest.
    pub(in crate::fast) fn note_peak(&mut self, base: usize) -> usize {
        let bytes = (base + self.heap.cells.len() - CONSTANTS) * 8
            + self.heap.trail.len() * 4
            + self.gathering
            + self.tables.bytes()
            + self.log.len() * std::mem::size_of::<crate::fast::choice::Step>()
            + self.results.len() * std::mem::size_of::<crate::evaluate::Answer>()
            + self.choices.len() * std::mem::size_of::<Choice>();
        self.peak_bytes = self.peak_bytes.max(bytes);
        bytes
    }
}
