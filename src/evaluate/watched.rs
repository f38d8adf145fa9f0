//! Telling whoever watches which rules the plain evaluator applies.

use crate::atom::Atom;
use crate::evaluate::RuleUse;
use crate::evaluate::frame::{Applied, FrameKind, Rest};
use crate::evaluate::machine::{Delta, Machine, Task};
use crate::evaluate::proof::Steps;
use crate::space::Origin;
use crate::watch::{Brief, Entry, Outer, RuleId, Watch};

/// A rule that matched a call.
pub(crate) struct Entered {
    rule: RuleId,
    leaves_choice: bool,
    pub(crate) call: Atom,
    pub(crate) body: Task,
}

impl Machine<'_> {
    pub(super) fn watch_begin(&self) -> Option<Outer> {
        self.host.watch.as_ref().map(Watch::begin)
    }

    pub(super) fn watch_end(&self, outer: Option<Outer>) {
        if let (Some(watch), Some(outer)) = (&self.host.watch, outer) {
            watch.end(&outer, self.meter.spent);
        }
    }

    /// Charges what was spent so far, before something outside is asked.
    pub(super) fn watch_outside(&self) {
        if let Some(watch) = &self.host.watch {
            watch.go((watch.current(), watch.depth()), self.meter.spent);
        }
    }

    /// Lets the first ways, which are these rules of a call, tell that they are taken.
    pub(super) fn watch_rules(
        &self,
        call: &Atom,
        rules: Vec<(Atom, Option<Origin>)>,
        ways: &mut [(Task, Delta, Steps)],
    ) {
        let Some(watch) = &self.host.watch else {
            return;
        };
        let several = ways.len() > 1;
        for (place, ((task, _, _), (head, origin))) in ways.iter_mut().zip(rules).enumerate() {
            let rule = watch.rule(&RuleUse::of(head, origin));
            let body = std::mem::replace(task, Task::Return(Atom::unit()));
            *task = Task::Watched(Box::new(Entered {
                rule,
                leaves_choice: several && place == 0,
                call: call.clone(),
                body,
            }));
        }
    }

    /// Several ways to go on are there, but those by rules tell so themselves.
    pub(super) fn watch_choice(&self, first: &Task) {
        if let Some(watch) = &self.host.watch
            && !matches!(first, Task::Watched(_))
        {
            watch.choice();
        }
    }

    /// Enters a rule: its exit is told once what its call evaluates to is known.
    pub(super) fn enter(&mut self, entered: Entered, rest: Rest) -> (Task, Rest) {
        let Some(watch) = &self.host.watch else {
            return (entered.body, rest);
        };
        let depth = match around(&rest) {
            Some(around) => around.depth + 1,
            None => watch.base_depth(),
        };
        let rule = entered.rule;
        let entry = Entry {
            rule,
            depth,
            leaves_choice: entered.leaves_choice,
        };
        let call = self.bindings.apply(&entered.call);
        watch.enter(entry, self.meter.spent, |line| line.atom(&call));
        let frame = FrameKind::Watched(Applied { rule, depth });
        let rest = match rest.0.as_deref() {
            Some(top) => match &top.kind {
                FrameKind::Call {
                    call,
                    unchanged,
                    returns,
                    space,
                } => top.next.push(frame).push(FrameKind::Call {
                    call: call.clone(),
                    unchanged: *unchanged,
                    returns: returns.clone(),
                    space: space.clone(),
                }),
                _ => rest.push(frame),
            },
            None => rest.push(frame),
        };
        (entered.body, rest)
    }

    /// The body of a rule has a result.
    pub(super) fn watch_result(&self, applied: Applied, result: &Atom, next: &Rest) {
        let Some(watch) = &self.host.watch else {
            return;
        };
        let outside = match around(next) {
            Some(around) => Some(around.rule),
            None => watch.base_rule(),
        };
        let outside = (outside, applied.depth);
        let result = self.bindings.apply(result);
        if result.is_empty_symbol() {
            watch.go(outside, self.meter.spent);
        } else {
            let tell = |line: &mut Brief| line.atom(&result);
            watch.exit(applied.rule, outside, self.meter.spent, Some(tell));
        }
    }
}

/// The innermost rule whose body is being evaluated.
fn around(rest: &Rest) -> Option<Applied> {
    let mut next = &rest.0;
    while let Some(frame) = next {
        if let FrameKind::Watched(applied) = &frame.kind {
            return Some(*applied);
        }
        next = &frame.next.0;
    }
    None
}
