//! What a result means to the frame that waits for it.

use crate::atom::{Atom, Expression, known};
use crate::evaluate::Answer;
use crate::evaluate::control::{self, Control};
use crate::evaluate::cut;
use crate::evaluate::frame::{FrameKind, Rest};
use crate::evaluate::machine::{Choice, Machine, Task};
use crate::evaluate::minimal;
use crate::evaluate::proof::Step;
use crate::evaluate::tabling;
use crate::space::Space;
use crate::types;

impl Machine<'_> {
    /// Hands a result to the innermost frame.
    pub(super) fn deliver(&mut self, atom: Atom, rest: Rest) -> Option<(Task, Rest)> {
        let Some(frame) = rest.0.clone() else {
            let atom = self.bindings.apply(&atom);
            let proof = self.proving.then(|| self.steps.gather());
            self.results.push(Answer { atom, proof });
            if let Some(bound) = &mut self.bound {
                bound.push(self.bindings.iter_raw());
            }
            return None;
        };
        let next = frame.next.clone();
        match &frame.kind {
            FrameKind::Alternatives { choice } => self.deliver_alternative(atom, *choice, next),
            FrameKind::Elements(elements) => {
                let atom = self.bindings.apply(&atom);
                let original = &elements.source.children()[elements.count];
                let changed = self.bindings.apply(original) != atom;
                // As written they may be arguments, not as results.
                if (atom.is_empty_symbol() || (atom.is_error() && !takes_errors(&elements.source)))
                    && (changed || elements.expected.is_none())
                {
                    return Some((Task::Return(atom), next));
                }
                let mut elements = elements.clone();
                elements.unchanged &= !changed && !is_changed_within(original, &atom);
                elements.done = elements.done.with(atom);
                elements.count += 1;
                Some((Task::Elements(elements), next))
            }
            FrameKind::Call {
                call,
                unchanged,
                returns,
                space,
            } => self.deliver_call(atom, call, *unchanged, returns, space, next),
            FrameKind::Chain {
                variable,
                template,
                space,
            } => {
                let mut atom = self.bindings.apply(&atom);
                if let (Atom::Variable(all), Atom::Expression(result)) = (template, &atom)
                    && all == variable
                {
                    atom = result.as_whole();
                }
                let template = if control::contains(&atom, variable) {
                    template.clone()
                } else {
                    control::substitute(template, variable, &atom)
                };
                Some((
                    Task::Minimal {
                        atom: template,
                        space: space.clone(),
                    },
                    next,
                ))
            }
            FrameKind::Function { call, space } => {
                minimal::function_result(self, atom, call.as_ref(), space, rest, next)
            }
            FrameKind::Gather { choice } => {
                let atom = self.bindings.apply(&atom);
                if !atom.is_empty_symbol() {
                    let Some(Choice::Gather {
                        items, mark, steps, ..
                    }) = self.choices.get_mut(*choice)
                    else {
                        unreachable!("a gathering frame is inside its choice")
                    };
                    items.push((atom, self.bindings.since(*mark)));
                    if self.proving {
                        // What led to a gathered result led to what is made of them.
                        *steps = steps.with(Step::Gathered(self.steps.clone()));
                    }
                }
                None
            }
            FrameKind::Limit { choice } => {
                let atom = self.bindings.walk(&atom).clone();
                if atom.is_empty_symbol() {
                    return None;
                }
                cut::deliver(self, *choice);
                Some((Task::Return(atom), next))
            }
            FrameKind::Watched(applied) => {
                self.watch_result(*applied, &atom, &next);
                Some((Task::Return(atom), next))
            }
            FrameKind::Counted => Some((Task::Return(atom), next)),
            FrameKind::Table { table, call } => {
                tabling::deliver(self, &atom, *table, call);
                None
            }
            FrameKind::Walk(walk) => {
                let atom = self.bindings.apply(&atom);
                control::walk_result(self, walk.clone(), atom, next)
            }
            FrameKind::Case {
                choice,
                cases,
                space,
            } => {
                let atom = self.bindings.apply(&atom);
                if atom.is_empty_symbol() {
                    return None;
                }
                if let Some(Choice::Case { any, .. }) = self.choices.get_mut(*choice) {
                    *any = true;
                }
                control::switch(self, Control::Case, &atom, cases, space, &next)
            }
        }
    }

    pub(super) fn deliver_alternative(
        &mut self,
        atom: Atom,
        choice: usize,
        next: Rest,
    ) -> Option<(Task, Rest)> {
        let atom = match atom {
            Atom::Variable(_) => self.bindings.walk(&atom).clone(),
            other => other,
        };
        if atom.is_empty_symbol() {
            return None;
        }
        let last = self.choices.len() == choice + 1;
        let failed = atom.is_error();
        let Some(Choice::Alternatives {
            succeeded,
            errors,
            mark,
            ..
        }) = self.choices.get_mut(choice)
        else {
            unreachable!("a frame of alternatives is inside its choice")
        };
        if failed {
            if *succeeded {
                return None;
            }
            if !last || !errors.is_empty() {
                let delta = self.bindings.since(*mark);
                errors.push((self.bindings.apply(&atom), delta, self.steps.clone()));
                return None;
            }
        } else {
            *succeeded = true;
        }
        if last {
            self.choices.pop();
        }
        Some((Task::Return(atom), next))
    }

    pub(super) fn deliver_call(
        &mut self,
        atom: Atom,
        call: &Atom,
        unchanged: bool,
        returns: &Atom,
        space: &Space,
        next: Rest,
    ) -> Option<(Task, Rest)> {
        let known = known();
        let head = call.as_expression().and_then(<[Atom]>::first);
        let is_chain = head.is_some_and(|head| head.is_symbol(&known.chain));
        // What a `chain` came to that was no more than a variable is as it was bound.
        let is_bound = is_chain && matches!(atom, Atom::Variable(_));
        let atom = match atom {
            Atom::Variable(_) => self.bindings.walk(&atom).clone(),
            other => other,
        };
        if atom.is_symbol(&known.not_reducible) {
            // Where evaluating changed an argument, the whole may be looked at again.
            let call = match self.bindings.apply(call) {
                Atom::Expression(call) if unchanged => Atom::Expression(call.evaluated()),
                call => call,
            };
            return Some((Task::Return(call), next));
        }
        if atom.is_empty_symbol() {
            return None;
        }
        if atom.is_error() {
            return Some((Task::Return(self.bindings.apply(&atom)), next));
        }
        if returns.is_symbol(&known.atom) || is_bound {
            return Some((Task::Return(atom), next));
        }
        let expected = if returns.is_symbol(&known.expression) {
            types::undefined()
        } else {
            returns.clone()
        };
        let atom = if is_chain {
            atom
        } else {
            let is_open = matches!(atom.as_expression(), Some([Atom::Variable(_), ..]));
            let atom = self.bindings.apply(&atom);
            if is_open && atom.is_error() {
                return Some((Task::Return(atom), next));
            }
            atom
        };
        let is_bounded = self.host.settings.stack_depth_max != usize::MAX;
        let next = match atom {
            Atom::Expression(_) if is_bounded => next.push(FrameKind::Counted),
            _ => next,
        };
        Some((
            Task::Metta {
                atom,
                expected,
                space: space.clone(),
            },
            next,
        ))
    }
}

/// Whether an element was given back as it was written, but for a call of something typed in it whose
/// variables another element had bound before: that is no result, nor what it is in.
fn is_changed_within(written: &Atom, given: &Atom) -> bool {
    match (written, given) {
        (Atom::Expression(_), Atom::Expression(result)) => {
            !result.is_evaluated() && !result.children().is_empty() && written != given
        }
        _ => false,
    }
}

/// Whether an error is an argument like others for that call.
fn takes_errors(call: &Expression) -> bool {
    let operation = call.children().first().and_then(Atom::as_operation);
    operation.is_some_and(|operation| operation.control() == Some(Control::LetAny))
}
