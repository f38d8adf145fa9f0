//! Whether evaluating changes the elements of an expression: where it does not, the expression is a result,
//! and is looked at no more, whatever it stands for. Code knows that of what is plainly written; some calls
//! of which it does not are left to the plain evaluator.

use super::decide::is_call;
use super::tells::as_one;
use super::{Compiled, Compiler, Leave};
use crate::atom::{Atom, Variable, known};
use crate::evaluate::Control;
use crate::fast::code::{ANY, Operand, TypeId};
use crate::fast::function::Elements;
use crate::fast::head::{Head, Signature};
use crate::fast::program::Inline;
use crate::operation::Operation;
use crate::types;
use crate::unify::Bindings;

/// Of functions with more rules it is not asked what they give.
const RULES: usize = 16;
/// No more functions are looked into for whether they make data anew.
const FUNCTIONS: usize = 8;

impl Compiler<'_> {
    /// What the operands of a call were before they were evaluated, where values tell whether that changed
    /// them, and then what tells whether each was a variable that stood for nothing, or `()` if it was
    /// a call that is a result only where it is stuck; `None` if one is another expression, which
    /// evaluating may change.
    pub(super) fn as_written(
        &mut self,
        arguments: &[Atom],
        operands: &[Operand],
    ) -> Option<Vec<Operand>> {
        let as_written = |(argument, operand): (&Atom, &Operand)| match argument {
            Atom::Expression(_) if self.is_stuck_as_result(argument) => Some(*operand),
            Atom::Expression(_)
                if !argument.is_ground()
                    || self.is_evaluated_to_other(argument)
                    || self.is_kept_call(argument) =>
            {
                None
            }
            Atom::Variable(variable) => Some(match self.names.get(variable) {
                Some(name) if self.is_defined(name.slot) => Operand::slot(name.slot),
                _ => *operand,
            }),
            _ => Some(*operand),
        };
        let written: Option<Vec<Operand>> =
            arguments.iter().zip(operands).map(as_written).collect();
        let mut written = written?;
        for argument in arguments {
            written.push(self.was_open(argument).ok()?);
        }
        Some(written)
    }

    /// Whether it is a call of an operation that gives numbers or truth values: what is an expression
    /// then is the call itself, and is a result if evaluating changed nothing of it.
    fn is_stuck_as_result(&self, argument: &Atom) -> bool {
        let operation = argument
            .as_expression()
            .and_then(|call| call.first()?.as_operation());
        let inline = operation.and_then(|operation| self.program.inline(operation));
        matches!(
            inline,
            Some(Inline::Arithmetic(_) | Inline::Comparison(_) | Inline::Logic(_) | Inline::Not)
        )
    }

    /// Whether a call that is left as it stands, of an operation that gives numbers or truth values or of
    /// `if`, may be another than was written by then: an operand was evaluated to something else.
    pub(super) fn is_left_changed(&mut self, call: &Atom) -> bool {
        let Some([head, operands @ ..]) = call.as_expression() else {
            return false;
        };
        let operands = match self.is_stuck_as_result(call) {
            true => operands,
            false => match (self.program.head(self.host, self.heap, head), operands) {
                (Head::Operation(operation, _), [condition, _, _])
                    if operation.control() == Some(Control::If) =>
                {
                    std::slice::from_ref(condition)
                }
                _ => return false,
            },
        };
        operands.iter().any(|operand| self.is_changed(operand))
    }

    /// Whether evaluating an operand may give another one, which is no number nor truth value.
    pub(super) fn is_changed(&mut self, operand: &Atom) -> bool {
        match self.is_stuck_as_result(operand) {
            true => self.is_left_changed(operand),
            false => self.is_evaluated_to_other(operand) || self.is_kept_call(operand),
        }
    }

    /// Whether it is a call of what is declared to give an atom as it is, as `quote`: as an operand it is of
    /// the type `Atom` once it was evaluated.
    fn is_kept_call(&mut self, atom: &Atom) -> bool {
        let Some([head, ..]) = atom.as_expression() else {
            return false;
        };
        match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) | Head::Operation(_, signature) => {
                signature.returns.is_symbol(&known().atom)
            }
            Head::Untyped | Head::Complex => false,
        }
    }

    /// Tells whether an element is a variable that stood for nothing as this part began.
    pub(super) fn was_open(&mut self, element: &Atom) -> Compiled<Operand> {
        if self.is_stuck_as_result(element) {
            return self.constant_value(&Atom::unit());
        }
        let name = match element {
            Atom::Variable(variable) => self.names.get(variable).copied(),
            _ => None,
        };
        if let Some(told) = name.and_then(|name| self.unbound_at_first(name.slot)) {
            return Ok(Operand::slot(told));
        }
        let is_open = name.is_some_and(|name| name.fresh_in == Some(self.scope));
        self.constant_value(&Atom::boolean(is_open))
    }

    /// Whether an argument is a variable that may stand for a call as it was written.
    pub(super) fn may_be_written(&self, argument: &Atom) -> bool {
        let Atom::Variable(variable) = argument else {
            return false;
        };
        let name = self.names.get(variable);
        name.is_some_and(|name| self.calls.contains(&name.slot))
    }

    /// What is known of the arguments of a call as its elements, if no rule is for it: they are kept where
    /// some of them are not evaluated, and none that is may be evaluated to another.
    pub(super) fn elements_of(
        &mut self,
        arguments: &[Atom],
        signature: Option<&Signature>,
    ) -> Elements {
        let as_written = |place: usize| {
            signature.is_some_and(|signature| types::is_meta_type(&signature.parameters[place]))
        };
        let mut is_kept = arguments.iter().enumerate().any(|(place, argument)| {
            let name = match argument {
                Atom::Variable(variable) => self.names.get(variable),
                _ => return as_written(place) && is_call(argument),
            };
            // Where it is kept it may stand for a call.
            name.is_some_and(|name| match as_written(place) {
                true => self.is_late(name.slot) || !self.is_known_value(name.slot),
                false => signature.is_none() && self.is_late(name.slot),
            })
        });
        if is_kept {
            is_kept = !arguments.iter().enumerate().any(|(place, argument)| {
                !as_written(place) && self.is_evaluated_to_other(argument)
            });
        }
        // What is evaluated is another by then, if one before it has bound it.
        let is_late = |(place, argument): (usize, &Atom)| {
            let name = match argument {
                Atom::Variable(variable) => self.names.get(variable),
                _ => None,
            };
            signature.is_some()
                && !as_written(place)
                && name.is_some_and(|name| self.is_late(name.slot))
        };
        match is_kept {
            _ if arguments.iter().enumerate().any(is_late) => Elements::Unsettled,
            true => Elements::Kept,
            false if signature.is_some_and(|signature| self.is_remade(arguments, signature)) => {
                Elements::Remade
            }
            false => Elements::Seen,
        }
    }

    /// Whether data of these elements is of a type that goes by them, and some are evaluated to others.
    pub(super) fn is_remade(&mut self, arguments: &[Atom], signature: &Signature) -> bool {
        !signature.returns.is_ground()
            && (arguments.iter().zip(&signature.parameters)).any(|(argument, parameter)| {
                !types::is_meta_type(parameter) && self.is_evaluated_to_other(argument)
            })
    }

    /// As [`Compiler::elements_of`], of a call whose types are decided when it is made: what is evaluated as
    /// it was written may be of another type than its value.
    pub(super) fn elements_of_decided(&mut self, call: &[Atom], signature: &Signature) -> Elements {
        let arguments = &call[1..];
        let elements = self.elements_of(arguments, Some(signature));
        let mut given = arguments.iter().zip(&signature.parameters);
        let is_written = given.any(|(argument, parameter)| {
            !types::is_meta_type(parameter) && self.may_be_written(argument)
        });
        match is_written && self.has_no_rules(&call[0], arguments.len()) {
            true => Elements::Unsettled,
            false => elements,
        }
    }

    /// Leaves a call whose result is evaluated as a type if its function may hand on an argument that is
    /// data of another one, an element of which is evaluated to something else: that is typed again then,
    /// `(as-number (Cons (f) Nil))` with `(= (as-number $x) $x)`.
    pub(super) fn keep_retyped_apart(
        &mut self,
        children: &[Atom],
        returns: TypeId,
    ) -> Compiled<()> {
        if returns == ANY || types::is_meta_type(&self.program.types[usize::from(returns)]) {
            return Ok(());
        }
        for place in 1..children.len() {
            if self.is_evaluated_to_other(&children[place])
                && self.hands_on_remade(children, place, returns)
            {
                return Err(Leave);
            }
        }
        Ok(())
    }

    /// Has arguments that are known to be values looked at as they are given to a call whose result is
    /// evaluated as a type: they are results by then, whoever hands them on.
    pub(super) fn doubt_remade(&mut self, children: &[Atom], returns: TypeId) {
        if returns == ANY || types::is_meta_type(&self.program.types[usize::from(returns)]) {
            return;
        }
        for child in children {
            if let Atom::Variable(variable) = child
                && let Some(slot) = self.names.get(variable).map(|name| name.slot)
                && !self.seen.numbers.contains(&slot)
            {
                self.seen.forget(slot);
            }
        }
    }

    /// The rules for calls of a name with so many arguments, if they are no more than `most`; code
    /// depends on them.
    pub(super) fn few_rules(
        &mut self,
        head: &Atom,
        arity: usize,
        most: usize,
    ) -> Option<Vec<Atom>> {
        let Atom::Symbol(symbol) = head else {
            return None;
        };
        let symbol = self.heap.symbol(symbol);
        self.program.look_at_rules(symbol, arity);
        let rows = self.program.rule_rows(symbol, arity);
        if rows.len() > most {
            return None;
        }
        let rules = self.program.rules_at(&rows, head);
        Some(rules.into_iter().map(|(rule, _)| rule).collect())
    }

    /// Whether its value is data by a constructor of another type, of which elements are evaluated to
    /// others, as it is written or as a function gives it.
    fn is_remade_as_other(&mut self, atom: &Atom, wanted: TypeId) -> bool {
        self.is_remade_within(atom, wanted, &mut Vec::new())
    }

    fn is_remade_within(
        &mut self,
        atom: &Atom,
        wanted: TypeId,
        seen: &mut Vec<(u32, usize)>,
    ) -> bool {
        let Some([head, elements @ ..]) = atom.as_expression() else {
            return false;
        };
        let returns = match self.program.head(self.host, self.heap, head) {
            Head::Untyped => None,
            Head::Typed(signature) => Some(signature),
            Head::Operation(operation, _) => {
                let mut given = given_by(&operation, elements).into_iter();
                return given.any(|given| self.is_remade_within(given, wanted, seen));
            }
            Head::Complex => return false,
        };
        if let Some(signature) = &returns {
            let wanted = types::renamed(&self.program.types[usize::from(wanted)]);
            let declared = types::renamed(&as_one(signature));
            let [found, parameters @ ..] = declared.as_expression().unwrap_or_default() else {
                return false;
            };
            let mut bindings = Bindings::new();
            if types::match_types(&wanted, found, &mut bindings)
                && !matches!(found, Atom::Variable(_))
                && !types::is_undefined(found)
            {
                return self.is_remade_apart(head, elements, parameters, &bindings);
            }
            if self.has_no_rules(head, elements.len()) {
                let mut elements = elements.iter().zip(&signature.parameters);
                return !matches!(found, Atom::Variable(_))
                    && elements.any(|(element, parameter)| {
                        !types::is_meta_type(parameter) && self.is_evaluated_to_other(element)
                    });
            }
        }
        let Atom::Symbol(symbol) = head else {
            return false;
        };
        let function = (self.heap.symbol(symbol), elements.len());
        if seen.contains(&function) || seen.len() == FUNCTIONS {
            return false;
        }
        seen.push(function);
        let rules = self.few_rules(head, elements.len(), RULES);
        let rules = rules.unwrap_or_default();
        let mut bodies = rules.iter().filter_map(|rule| rule.as_expression()?.last());
        bodies.any(|body| self.is_remade_within(body, wanted, seen))
    }

    /// Whether an element of data is evaluated to what is plainly of another type than what is wanted of the
    /// data says.
    fn is_remade_apart(
        &mut self,
        head: &Atom,
        elements: &[Atom],
        parameters: &[Atom],
        wanted: &Bindings,
    ) -> bool {
        if parameters.iter().all(Atom::is_ground) || !self.has_no_rules(head, elements.len()) {
            return false;
        }
        elements.iter().zip(parameters).any(|(element, parameter)| {
            let parameter = wanted.apply(parameter);
            !types::is_meta_type(&parameter)
                && self.is_evaluated_to_other(element)
                && self.types_made(element).iter().any(|made| {
                    let (parameter, made) = (types::renamed(&parameter), types::renamed(made));
                    !types::match_types(&parameter, &made, &mut Bindings::new())
                })
        })
    }

    /// Whether evaluating an atom may give another one.
    pub(super) fn is_evaluated_to_other(&mut self, atom: &Atom) -> bool {
        let Some(parts @ [head, elements @ ..]) = atom.as_expression() else {
            return false;
        };
        match (self.program).head_of_call(self.host, self.heap, parts) {
            Head::Untyped | Head::Typed(_) if self.has_no_rules(head, elements.len()) => {
                (elements.iter()).any(|element| self.is_evaluated_to_other(element))
            }
            Head::Untyped | Head::Typed(_) | Head::Operation(..) | Head::Complex => true,
        }
    }

    /// Whether a rule for a call plainly gives back what it is given at a place, or a part of that, which
    /// is data of another type that was made anew.
    fn hands_on_remade(&mut self, call: &[Atom], place: usize, wanted: TypeId) -> bool {
        let rules = self.few_rules(&call[0], call.len() - 1, RULES);
        let rules = rules.unwrap_or_default();
        rules.iter().any(|rule| {
            let Some([_, pattern, body]) = rule.as_expression() else {
                return false;
            };
            let pattern = pattern.as_expression().and_then(|parts| parts.get(place));
            let mut given = Vec::new();
            self.gather_variables_given(body, &mut given);
            pattern.is_some_and(|pattern| {
                given.iter().any(|given| {
                    let seen = &mut Vec::new();
                    self.is_remade_where(&call[place], pattern, given, wanted, seen)
                })
            })
        })
    }

    /// Whether the part of an atom's value that a variable of a pattern stands for is such data.
    fn is_remade_where(
        &mut self,
        atom: &Atom,
        pattern: &Atom,
        given: &Variable,
        wanted: TypeId,
        seen: &mut Vec<(u32, usize, Atom)>,
    ) -> bool {
        if let Atom::Variable(variable) = pattern {
            return variable == given && self.is_remade_as_other(atom, wanted);
        }
        let (Some(parts), Some(elements)) = (pattern.as_expression(), atom.as_expression()) else {
            return false;
        };
        let Some((head, arguments)) = elements.split_first() else {
            return false;
        };
        let made = match self.program.head(self.host, self.heap, head) {
            Head::Operation(operation, _) => given_by(&operation, arguments),
            Head::Untyped | Head::Typed(_) if self.has_no_rules(head, arguments.len()) => {
                let is_of_this_name = elements.len() == parts.len()
                    && (*head == parts[0] || matches!(parts[0], Atom::Variable(_)));
                return is_of_this_name
                    && (parts.iter().zip(elements).skip(1)).any(|(part, element)| {
                        self.is_remade_where(element, part, given, wanted, seen)
                    });
            }
            Head::Untyped | Head::Typed(_) => {
                let Atom::Symbol(symbol) = head else {
                    return false;
                };
                let function = (self.heap.symbol(symbol), arguments.len(), pattern.clone());
                if seen.contains(&function) || seen.len() == FUNCTIONS {
                    return false;
                }
                seen.push(function);
                let rules = self.few_rules(head, arguments.len(), RULES);
                let rules = rules.unwrap_or_default();
                let mut bodies = rules.iter().filter_map(|rule| rule.as_expression()?.last());
                return bodies.any(|body| self.is_remade_where(body, pattern, given, wanted, seen));
            }
            Head::Complex => Vec::new(),
        };
        let mut made = made.into_iter();
        made.any(|made| self.is_remade_where(made, pattern, given, wanted, seen))
    }

    /// The variables that a body, or a branch of it, is.
    fn gather_variables_given(&mut self, body: &Atom, given: &mut Vec<Variable>) {
        match (body, body.as_expression()) {
            (Atom::Variable(variable), _) => given.push(variable.clone()),
            (_, Some([head, _, branches @ ..])) => {
                let head = self.program.head(self.host, self.heap, head);
                let is_if = matches!(&head, Head::Operation(operation, _)
                    if operation.control() == Some(Control::If));
                if is_if {
                    (branches.iter()).for_each(|branch| self.gather_variables_given(branch, given));
                }
            }
            _ => {}
        }
    }
}

/// What a form gives, one of these: a branch, a template, what stands beside a case.
pub(super) fn given_by<'e>(operation: &Operation, elements: &'e [Atom]) -> Vec<&'e Atom> {
    match operation.control() {
        Some(Control::If) => elements.iter().skip(1).collect(),
        Some(Control::Let | Control::LetAny | Control::LetStar | Control::Match) => {
            elements.last().into_iter().collect()
        }
        Some(Control::Case | Control::Switch) => {
            let cases = elements.get(1).and_then(Atom::as_expression);
            let cases = cases.unwrap_or_default().iter();
            cases
                .filter_map(|case| case.as_expression()?.get(1))
                .collect()
        }
        _ => Vec::new(),
    }
}
