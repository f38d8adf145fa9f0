//! Control: `if`, `let`, `let*`, `unify`.

use std::cell::RefCell;

use super::apart::Branches;
use super::call::Call;
use super::lambda::lambda_of;
use super::{
    Bound, Compiled, Compiler, Leave, Name, OddWhat, Place, Static, Value, Want, is_whole_error,
};
use crate::atom::{Atom, Grounded, Variable, known};
use crate::evaluate::Control;
use crate::fast::choice::Gathers;
use crate::fast::code::{ANY, AtomKind, BOOL, FAIL, Instruction, NO_NAME, Operand, Slot, TypeId};
use crate::fast::head::Signature;
use crate::types;

/// How many pairs of a `let*` are compiled within each other at most: what stands behind them is a
/// `let*` of its own.
const PAIRS_MAX: usize = 100;
/// What such a one counts for in the bound on how deep expressions are.
const PAIRS_DEEP: usize = 80;

impl Compiler<'_> {
    /// Begins a part that is instantiated on its own, as the body of a `let`.
    pub(super) fn part<T>(&mut self, inner: impl FnOnce(&mut Self) -> Compiled<T>) -> Compiled<T> {
        let outer = self.scope;
        self.scopes += 1;
        self.scope = self.scopes;
        let result = inner(self);
        self.scope = outer;
        result
    }

    pub(super) fn control(
        &mut self,
        call: Call<'_>,
        control: Control,
        signature: &Signature,
    ) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        match (control, &children[1..]) {
            (Control::If, [condition, then, otherwise]) => {
                self.if_form(call, signature, condition, then, otherwise)
            }
            (Control::Let | Control::LetAny, [pattern, value, template]) => {
                self.form_fits(signature, expected)?;
                // What evaluating the value bound is in it then.
                let bound = match (template, value) {
                    (Atom::Variable(_), Atom::Expression(_))
                        if types::has_part(pattern, |part| part == template) =>
                    {
                        Bound::Something
                    }
                    // So too of what evaluating a value before it bound.
                    (Atom::Variable(_), Atom::Variable(before))
                        if self.is_own_value(before)
                            && types::has_part(pattern, |part| part == template) =>
                    {
                        Bound::Something
                    }
                    // What was bound before the template was put in is in it as in a part.
                    (Atom::Variable(_), Atom::Expression(_))
                        if matches!(pattern, Atom::Symbol(_) | Atom::Grounded(_)) =>
                    {
                        Bound::Nothing
                    }
                    _ => self.bound_by(pattern, template),
                };
                let gathers = match control {
                    Control::LetAny if !self.is_collapse(value) => return Err(Leave),
                    Control::LetAny => Gathers::Any,
                    _ => self.gathers(pattern, value, template),
                };
                self.let_form(
                    atom,
                    pattern,
                    (value, gathers),
                    want,
                    expected,
                    template,
                    |this, want| {
                        this.part(|this| {
                            this.introduce(template)?;
                            if bound == Bound::Something
                                && !types::has_part(pattern, |part| part == template)
                            {
                                this.forget_settled(template);
                            }
                            this.let_template(template, want, bound)
                        })
                    },
                )
            }
            (Control::LetStar, [Atom::Expression(pairs), template]) => {
                self.form_fits(signature, expected)?;
                self.let_star(atom, pairs.children(), template, want, expected)
            }
            (Control::Case, [value, Atom::Expression(cases)]) => {
                self.form_fits(signature, expected)?;
                self.case_form(value, cases.children(), want)
            }
            (Control::Switch, [value, Atom::Expression(cases)])
                if children[0].as_symbol() == Some("switch") =>
            {
                self.form_fits(signature, expected)?;
                let guard = self.has_some_type(value, atom, expected)?;
                let (value, mark) =
                    self.marked(std::slice::from_ref(value), want, |this, inner| {
                        let slot = this.value_of_form(value)?;
                        this.cases(slot, cases.children(), inner.want)
                    })?;
                self.exit(mark);
                self.resume(guard, value, want)
            }
            (Control::Collapse, [inner]) => {
                let returned = known().expression.clone();
                let wanted = self.program.types[usize::from(expected)].clone();
                if expected != ANY && !wanted.is_symbol(&returned) {
                    self.form_fits(signature, expected)?;
                }
                self.collapse(atom, inner, want)
            }
            (Control::Match, [space, pattern, template]) => {
                self.form_fits(signature, expected)?;
                self.match_form(atom, space, pattern, template, expected, want)
            }
            (Control::Map | Control::Filter | Control::Fold, _) => {
                self.walk_form(call, control, signature)
            }
            (Control::Once, [inner]) => self.once(call, signature, inner),
            (Control::Lambda, [Atom::Expression(_), _]) => {
                self.form_fits(signature, expected)?;
                self.lambda_value(children, want)
            }
            _ => Err(Leave),
        }
    }

    pub(super) fn form_fits(&mut self, signature: &Signature, expected: TypeId) -> Compiled<()> {
        self.result_fits(&Static::Any, &signature.returns, expected)
    }

    /// Runs `inner` for a branch; what it knows of slots ends with it.
    pub(super) fn branch<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        let way = self.way();
        let result = self.recording(inner);
        self.back(way);
        result
    }

    /// Puts a branch's value where all branches of a form put theirs.
    pub(super) fn join(&mut self, value: Value, to: Slot, want: Want) -> Option<usize> {
        if want == Want::Tail {
            return None;
        }
        self.record_branch();
        if value.is_constant() {
            self.emit(Instruction::Constant {
                to,
                index: value.index() as u32,
            });
        } else {
            self.emit(Instruction::Move {
                to,
                from: value.index() as Slot,
            });
        }
        Some(self.emit(Instruction::Jump { to: FAIL }))
    }

    pub(super) fn land(&mut self, jumps: impl IntoIterator<Item = Option<usize>>) {
        let here = self.here();
        for at in jumps.into_iter().flatten() {
            self.fill(at, Place::To, here);
        }
    }

    pub(super) fn if_form(
        &mut self,
        call: Call<'_>,
        signature: &Signature,
        condition: &Atom,
        then: &Atom,
        otherwise: &Atom,
    ) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        let mut checks = Vec::new();
        let found = self.application_type(children, signature, false, &mut checks)?;
        self.result_fits(&found, &signature.returns, expected)?;
        let returned = self.program.stood_for(expected);
        let to = if want == Want::Tail { 0 } else { self.slot()? };
        let mut guard = None;
        // What a branch knows of its slots the slow way does not.
        let seen = self.seen.clone();
        let simple = self.simple_comparison(condition);
        // What is handed on as it stands may be a list, or a call: that is evaluated here.
        let (simple, tried) = match simple {
            Some(jump @ Instruction::JumpUnlessConstant { .. }) if !self.program.proving => {
                (None, Some(jump))
            }
            simple => (simple, None),
        };
        let numeric = simple.is_none() && tried.is_none() && self.is_numeric_comparison(condition);
        let mut try_same = None;
        let mut inlined = None;
        let mut before = self.defined.clone();
        let pending = self.pending.clone();
        let tried = tried.map(|jump| {
            let at = self.emit(jump);
            self.emit(Instruction::Jump { to: FAIL });
            let here = self.here();
            self.fill(at, Place::Odd, here);
            at
        });
        let mut is_compared = false;
        let tried = match tried {
            None if simple.is_none() && !numeric => {
                let tried = self.jump_compared(condition)?;
                is_compared = tried.is_some();
                tried
            }
            tried => tried,
        };
        if simple.is_none() && !numeric {
            if let Some((left, right)) = self.plain_equality(condition, &checks) {
                let (same, other) = (FAIL, FAIL);
                try_same = Some(self.emit(Instruction::TrySame {
                    left,
                    right,
                    same,
                    other,
                }));
            }
            let handed = match tried.map(|at| self.program.code[at]) {
                Some(Instruction::JumpUnlessConstant { slot, .. }) => {
                    Some((slot, AtomKind::Argument))
                }
                _ => None,
            };
            guard = self.guard_behind(handed, atom, checks, expected)?;
        }
        let (_, mark) = self.marked(std::slice::from_ref(condition), want, |this, inner| {
            let (jump, slow) = match simple {
                Some(comparison) => {
                    let at = this.emit(comparison);
                    let slow = this.slow(
                        vec![(at, Place::Odd)],
                        OddWhat::Source(atom.clone()),
                        expected,
                    )?;
                    this.record_called(condition);
                    if let Instruction::JumpUnlessCompare { left, right, .. } = comparison {
                        this.seen.numbers.insert(left);
                        this.seen.numbers.insert(right);
                    }
                    if let Instruction::JumpUnlessCompareSmall { left, .. } = comparison {
                        this.seen.numbers.insert(left);
                    }
                    (at, slow)
                }
                None if numeric => {
                    let source = OddWhat::Source(atom.clone());
                    let slow = this.slow(Vec::new(), source, expected)?;
                    let mut uses = Vec::new();
                    let at = this.numeric_comparison(condition, &mut uses)?;
                    this.record_called(condition);
                    uses.push((at, Place::Odd));
                    this.odd[slow].uses = uses;
                    (at, slow)
                }
                None => {
                    before.clone_from(&this.defined);
                    inlined = this.decided_inline(condition)?;
                    this.is_compared |= is_compared;
                    let value = this.evaluate_argument(condition, BOOL);
                    this.is_compared &= !is_compared;
                    let value = value?;
                    let slot = this.in_slot(value)?;
                    if let Some(Instruction::Take { to, on_error }) = this.program.code.last()
                        && *to == slot
                    {
                        let (to, on_error, no) = (*to, *on_error, FAIL);
                        let take = this.program.code.len() - 1;
                        this.program.code[take] = Instruction::TakeTruth { to, on_error, no };
                    }
                    let at = this.emit(Instruction::JumpUnless {
                        slot,
                        to: FAIL,
                        odd: FAIL,
                    });
                    let source = this.with_value(&children[0], slot, then, otherwise);
                    let what = match condition {
                        Atom::Variable(_) => OddWhat::Bound(source, this.was_open(condition)?),
                        _ if this.is_changed(condition) => OddWhat::Changed(source),
                        _ => OddWhat::Call(source),
                    };
                    let slow = this.slow(vec![(at, Place::Odd)], what, returned)?;
                    (at, slow)
                }
            };
            let inner = inner.want;
            if try_same.is_some() || inlined.is_some() || tried.is_some() {
                // Nothing else uses what was evaluated for the comparison.
                this.defined.clone_from(&before);
                // What the other way has recorded by now, this one has not.
                this.pending.add_all(&pending);
                this.record_called(condition);
            }
            let begin = this.here();
            let both = [then, otherwise];
            let both = Branches::new(&both);
            let first = this.own_branch(&[then], &both, |this| {
                this.part(|this| {
                    this.introduce(then)?;
                    let value = this.template(then, returned, inner, Bound::Nothing)?;
                    Ok(this.join(value, to, want))
                })
            })?;
            let here = this.here();
            this.fill(jump, Place::To, here);
            if let Some(at) = try_same
                && let Instruction::TrySame { same, other, .. } = &mut this.program.code[at]
            {
                *same = begin;
                *other = here;
            }
            if let Some(ways) = inlined.take() {
                this.lead(ways, begin, here);
            }
            if let Some(at) = tried {
                this.fill(at, Place::To, here);
                this.fill(at + 1, Place::To, begin);
            }
            let second = this.own_branch(&[otherwise], &both, |this| {
                this.part(|this| {
                    this.introduce(otherwise)?;
                    let value = this.template(otherwise, returned, inner, Bound::Nothing)?;
                    Ok(this.join(value, to, want))
                })
            })?;
            this.land([first, second]);
            if want != Want::Tail {
                this.odd[slow].to = Some(to);
                this.odd[slow].resume = this.here();
            }
            Ok(())
        })?;
        self.seen = seen;
        if want != Want::Tail {
            self.define(to);
            self.exit(mark);
        }
        self.resume(guard, Operand::slot(to), want)
    }

    /// `(if <value in slot> then otherwise)` with a variable that names the slot.
    pub(super) fn with_value(
        &mut self,
        head: &Atom,
        slot: Slot,
        then: &Atom,
        otherwise: &Atom,
    ) -> Atom {
        let condition = self.named_value(slot);
        Atom::expression([head.clone(), condition, then.clone(), otherwise.clone()])
    }

    /// A new variable for the value of a slot, which listings name by it.
    pub(super) fn name_value(&mut self, slot: Slot) -> Variable {
        let name = Variable::new("value").renamed();
        let fresh_in = None;
        self.name(&name, Name { slot, fresh_in });
        name
    }

    /// A variable that stands for what is in the slot.
    pub(super) fn named_value(&mut self, slot: Slot) -> Atom {
        let variable = Variable::new("value").renamed();
        self.names.insert(
            variable.clone(),
            Name {
                slot,
                fresh_in: None,
            },
        );
        Atom::Variable(variable)
    }

    /// Checks that the argument of a form is well-typed; whatever its type is, it fits.
    fn has_some_type(
        &mut self,
        argument: &Atom,
        atom: &Atom,
        expected: TypeId,
    ) -> Compiled<Option<usize>> {
        // A symbol or host value has a type.
        if !matches!(argument, Atom::Expression(_)) {
            return Ok(None);
        }
        let mut checks = Vec::new();
        match argument.as_expression() {
            // A tuple of what it is called with.
            Some([head, arguments @ ..]) if lambda_of(head).is_some() => {
                for argument in arguments {
                    self.static_type(argument, &mut checks)?;
                }
            }
            _ => {
                self.static_type(argument, &mut checks)?;
            }
        }
        self.guard(atom, checks, expected)
    }

    /// `let`: evaluates a value, unifies it with the pattern, goes on.
    #[expect(clippy::too_many_arguments, reason = "the parts of one form")]
    pub(super) fn let_form(
        &mut self,
        atom: &Atom,
        pattern: &Atom,
        (value, gathers): (&Atom, Gathers),
        want: Want,
        expected: TypeId,
        template: &Atom,
        inner: impl Fn(&mut Self, Want) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let mut guard = None;
        let as_written = is_whole_error(value) || value.is_empty_symbol();
        if !as_written {
            guard = self.has_some_type(value, atom, expected)?;
        }
        let (value, mark) = self.marked(std::slice::from_ref(value), want, |this, within| {
            let slot = this.gathering(gathers, |this| this.value_of_let(value))?;
            let queried = this.taken_apart(pattern, slot, template, expected)?;
            if within.want != Want::Tail {
                let value = match this.is_met_apart(template) {
                    true => this.joined_as_met(template, within.want, &inner)?,
                    false => inner(this, within.want)?,
                };
                return this.resume(queried, value, within.want);
            }
            this.as_met(template, |this| inner(this, Want::Tail).map(|_| ()))?;
            Ok(Operand::slot(0))
        })?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    /// As [`Compiler::as_met`], of a template whose value is a part of something: each way puts it
    /// into one slot.
    fn joined_as_met(
        &mut self,
        template: &Atom,
        want: Want,
        inner: impl Fn(&mut Self, Want) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let to = self.slot()?;
        let jumps: RefCell<Vec<usize>> = RefCell::default();
        let way = self.way();
        self.without_plain_copies(|this| {
            this.as_met(template, |this| {
                // What was tried and left is not there any more.
                let here = this.here() as usize;
                jumps.borrow_mut().retain(|at| *at < here);
                let value = inner(this, want)?;
                jumps.borrow_mut().extend(this.join(value, to, want));
                Ok(())
            })
        })?;
        self.back(way);
        let here = self.here() as usize;
        self.land(jumps.take().into_iter().filter(|at| *at < here).map(Some));
        self.define(to);
        Ok(Operand::slot(to))
    }

    /// Matches a value with the pattern of `let`. Where they do not fit, and one of them is a
    /// space, it stands for what is in it: so a slow way says.
    fn taken_apart(
        &mut self,
        pattern: &Atom,
        slot: Slot,
        template: &Atom,
        expected: TypeId,
    ) -> Compiled<Option<usize>> {
        if mentions_space(pattern) {
            return Err(Leave);
        }
        let other = match pattern {
            Atom::Variable(variable) => match self.names.get(variable) {
                Some(name) => name.slot,
                None => {
                    self.pattern(pattern, slot, FAIL)?;
                    return Ok(None);
                }
            },
            _ => slot,
        };
        let value = self.named_value(slot);
        let source = [
            Atom::symbol("let"),
            pattern.clone(),
            value,
            template.clone(),
        ];
        let what = OddWhat::Space([slot, other], Atom::expression(source));
        let slow = self.slow(Vec::new(), what, expected)?;
        let mut uses = Vec::new();
        let before = self.program.code.len();
        self.pattern_with(pattern, slot, &mut uses)?;
        if uses.len() == 1 && !types::has_part(template, |part| part == pattern) {
            self.take_elements(before);
        }
        self.odd[slow].uses = uses.into_iter().map(|at| (at, Place::OnFail)).collect();
        Ok(Some(slow))
    }

    /// Where the instruction before `at` takes what the one there takes apart, and nothing else
    /// uses that, it need not be made to be returned.
    fn take_elements(&mut self, at: usize) {
        use Instruction as I;
        let [.., take, taken] = &mut self.program.code[..=at] else {
            return;
        };
        let I::Take {
            to: to_taken,
            on_error,
        } = *take
        else {
            return;
        };
        let (elements, name, arity) = match *taken {
            I::MatchExpression {
                slot, to, arity, ..
            } if slot == to_taken => (to, NO_NAME, arity),
            I::MatchCall {
                slot,
                to,
                arity,
                head,
                ..
            } if slot == to_taken => {
                let head = self.program.constants[head as usize];
                (to, head.at() as u32, arity - 1)
            }
            _ => return,
        };
        let arity = u8::try_from(arity).unwrap_or(u8::MAX);
        *take = I::TakeElements {
            to: to_taken,
            elements,
            on_error,
            name,
            arity,
        };
        self.note_unmade(to_taken);
    }

    pub(super) fn let_star(
        &mut self,
        atom: &Atom,
        pairs: &[Atom],
        template: &Atom,
        want: Want,
        expected: TypeId,
    ) -> Compiled<Value> {
        match pairs {
            [] => self.part(|this| {
                this.introduce(template)?;
                this.let_template(template, want, Bound::Nothing)
            }),
            // Each pair is compiled within the one before it: bounds the native stack, too.
            pairs if pairs.len() > PAIRS_MAX => {
                let (first, others) = pairs.split_at(PAIRS_MAX);
                let rest = Atom::expression([
                    Atom::symbol("let*"),
                    Atom::expression(others.to_vec()),
                    template.clone(),
                ]);
                self.depth += PAIRS_DEEP;
                let value = self.let_star(atom, first, &rest, want, expected)?;
                self.depth -= PAIRS_DEEP;
                Ok(value)
            }
            [pair, others @ ..] => {
                let Some([pattern, value]) = pair.as_expression() else {
                    return Err(Leave);
                };
                let rest = Atom::expression([
                    Atom::symbol("let*"),
                    Atom::expression(others.to_vec()),
                    template.clone(),
                ]);
                let next = match others.first().map(Atom::as_expression) {
                    None => template,
                    Some(Some([_, next])) => next,
                    Some(_) => return Err(Leave),
                };
                let value = (value, self.gathers(pattern, value, next));
                self.let_form(atom, pattern, value, want, expected, &rest, |this, want| {
                    this.part(|this| {
                        this.introduce(&rest)?;
                        this.let_star(&rest, others, template, want, ANY)
                    })
                })
            }
        }
    }

    /// The instruction `unify`: what follows depends on whether two terms unify.
    pub(super) fn unify_form(
        &mut self,
        atom: &Atom,
        parts: [&Atom; 4],
        want: Want,
    ) -> Compiled<Value> {
        let [left, right, then, otherwise] = parts;
        let is_space = |side: &Atom| matches!(side, Atom::Grounded(Grounded::Space(_)));
        if is_space(right) {
            return Err(Leave);
        }
        if is_space(left) {
            return self.unify_space(atom, (left, right), (then, otherwise), want);
        }
        let (value, pattern) = self.value_first(left, right);
        let cases = two_cases(pattern, then, otherwise);
        let (value, mark) = self.marked(&[], want, |this, inner| {
            let sides = [left, right].into_iter();
            let is_called = |side| this.may_choose(side) || this.is_evaluated_to_other(side);
            let are_calls = sides.clone().any(is_called);
            let value = this.quoted(value)?;
            let slot = this.in_slot(value)?;
            if are_calls {
                let named = sides.filter_map(|side| match side {
                    Atom::Variable(variable) => this.names.get(variable).map(|name| name.slot),
                    _ => None,
                });
                this.calls.extend(named.chain([slot]));
            }
            this.cases_of(
                slot,
                &cases,
                inner.want,
                (OddWhat::Call(atom.clone()), ANY),
                &Self::unified,
            )
        })?;
        self.exit(mark);
        Ok(value)
    }

    /// The sides of `unify`, one that is the value of a variable first.
    pub(super) fn value_first<'a>(&self, left: &'a Atom, right: &'a Atom) -> (&'a Atom, &'a Atom) {
        let is_named = |side: &Atom| match side {
            Atom::Variable(variable) => self.names.contains_key(variable),
            _ => false,
        };
        if is_named(right) && !matches!(left, Atom::Variable(_)) {
            (right, left)
        } else {
            (left, right)
        }
    }
}

/// `unify` as cases, of which the second takes everything.
pub(super) fn two_cases(pattern: &Atom, then: &Atom, otherwise: &Atom) -> [Atom; 2] {
    let all = Atom::Variable(Variable::new("_").renamed());
    [
        Atom::expression([pattern.clone(), then.clone()]),
        Atom::expression([all, otherwise.clone()]),
    ]
}

/// Whether there is a space in an atom.
pub(super) fn mentions_space(atom: &Atom) -> bool {
    types::has_part(atom, |part| {
        matches!(part, Atom::Grounded(Grounded::Space(_)))
    })
}
