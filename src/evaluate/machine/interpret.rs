//! `metta` and `interpret` of the semantics: an atom by its types, a call by its signature, a tuple
//! element by element.

use crate::atom::{Atom, Expression, Grounded, known};
use crate::budget::Budget;
use crate::engine::Host;
use crate::evaluate::frame::{Done, Elements, FrameKind, Rest};
use crate::evaluate::machine::{Delta, Machine, Task};
use crate::evaluate::proof::Steps;
use crate::space::Space;
use crate::types::{self, Mode, Typed, Way};

impl<'h> Machine<'h> {
    /// `metta(atom, expected, space)`: see the semantics, "Evaluating".
    pub(super) fn metta(
        &mut self,
        atom: Atom,
        expected: Atom,
        space: Space,
        rest: Rest,
    ) -> Option<(Task, Rest)> {
        // What variables stand for is not looked at before the call is made: what
        // happened to an element's siblings tells nothing about its type.
        let known = known();
        let as_it_stands = match &atom {
            Atom::Variable(_) => true,
            Atom::Symbol(symbol) => *symbol == known.empty,
            Atom::Grounded(_) => false,
            Atom::Expression(expression) => expression.is_evaluated(),
        };
        // An error with too few or too many parts is an ill-typed call.
        let is_error =
            atom.is_error() && atom.as_expression().is_some_and(|parts| parts.len() == 3);
        // A type variable that stands for a meta-type keeps nothing unevaluated.
        if as_it_stands || types::matches_meta_type(&atom, &expected) {
            return Some((Task::Return(atom), rest));
        }
        match &atom {
            Atom::Expression(expression) if !expression.children().is_empty() && !is_error => {
                let rest = self.alternatives(rest);
                self.interpret(expression.clone(), expected, space, rest)
            }
            _ => match self.cast(&atom, &expected, &space) {
                Ok(()) => Some((Task::Return(atom), rest)),
                Err(errors) => self.branch(self.errors(errors), &rest),
            },
        }
    }

    /// Whether one of the types of `atom` is the expected one; else an error for each.
    pub(super) fn cast(
        &mut self,
        atom: &Atom,
        expected: &Atom,
        space: &Space,
    ) -> Result<(), Vec<Atom>> {
        if types::is_undefined(expected) || expected.is_symbol(&known().atom) {
            return Ok(());
        }
        // A state's type is that of the value it was made with, which may be
        // narrower than the type of the atom that gave the value.
        if let (Atom::Grounded(Grounded::State(_)), Some([head, inner])) =
            (atom, expected.as_expression())
            && head.is_symbol(&known().state_monad)
            && types::is_undefined(inner)
        {
            return Ok(());
        }
        let mut actual = types::types_of(space, atom);
        for found in &actual {
            if types::match_types(expected, found, &mut self.bindings) {
                return Ok(());
            }
        }
        if actual.is_empty() {
            actual.push(types::undefined());
        }
        let wrong = |found: Atom| {
            let reason = Atom::expression([
                Atom::Symbol(known().bad_type.clone()),
                types::shown(&self.bindings.apply(expected)),
                found,
            ]);
            Atom::error(atom.clone(), reason)
        };
        Err(actual.into_iter().map(wrong).collect())
    }

    /// Errors as ways to go on.
    pub(super) fn errors(&self, errors: Vec<Atom>) -> Vec<(Task, Delta, Steps)> {
        let way = |error| (Task::Return(error), Delta::new(), self.steps.clone());
        errors.into_iter().map(way).collect()
    }

    /// Evaluates a call or a tuple, as the types of its head say.
    pub(super) fn interpret(
        &mut self,
        expression: Expression,
        expected: Atom,
        space: Space,
        rest: Rest,
    ) -> Option<(Task, Rest)> {
        let head = &expression.children()[0];
        let head_types = types::typed_once(&space, head, &mut self.typings);
        let mut errors = Vec::new();
        // A head that is right by one of its types is not wrong by the others.
        let is_right = head_types.iter().any(|found| found.error().is_none());
        for found in &head_types {
            if let Some(error) = found.error() {
                if !is_right {
                    errors.push(error.clone());
                }
                continue;
            }
            let function = &found.atom;
            if !types::is_function(function) {
                continue;
            }
            match self.applicable(&expression, function, &expected, &space) {
                Ok(returns) => {
                    let parts = function.as_expression().expect("a function type");
                    let mut elements = vec![function.clone()];
                    elements.extend_from_slice(&parts[1..parts.len() - 1]);
                    let elements = Elements {
                        source: expression,
                        expected: Some(elements.into()),
                        done: Done::default(),
                        count: 0,
                        unchanged: true,
                        returns,
                        space,
                    };
                    return Some(self.elements(elements, rest));
                }
                Err(more) => errors.extend(more),
            }
        }
        let mut ways = self.errors(errors);
        let is_value = |found: &Typed| found.error().is_none() && !types::is_function(&found.atom);
        if head_types.iter().any(is_value) {
            let elements = Elements {
                source: expression,
                expected: None,
                done: Done::default(),
                count: 0,
                unchanged: true,
                returns: expected,
                space,
            };
            if ways.is_empty() {
                return Some(self.elements(elements, rest));
            }
            let way = (Task::Elements(elements), Delta::new(), self.steps.clone());
            ways.insert(0, way);
        }
        self.branch(ways, &rest)
    }

    /// Checks a call against one function type; the type of its result, or an
    /// error for each type of an argument that does not fit.
    pub(super) fn applicable(
        &mut self,
        call: &Expression,
        function: &Atom,
        expected: &Atom,
        space: &Space,
    ) -> Result<Atom, Vec<Atom>> {
        let call_atom = Atom::Expression(call.clone());
        let parts = function.as_expression().expect("a function type");
        let (returns, parameters) = parts[1..].split_last().expect("a function type returns");
        let arguments = &call.children()[1..];
        if parameters.len() != arguments.len() {
            let reason = Atom::Symbol(known().incorrect_number.clone());
            return Err(vec![Atom::error(call_atom, reason)]);
        }
        let mut errors = Vec::new();
        let mut fits = false;
        let Machine {
            bindings, typings, ..
        } = self;
        types::each_way(
            parameters,
            arguments,
            Mode::Call,
            &mut |position| types::typed_for_call(space, &arguments[position], typings),
            bindings,
            &mut |way, bindings| {
                match way {
                    Way::Typed => {
                        fits = types::match_types(returns, expected, bindings);
                        if !fits {
                            let reason = Atom::expression([
                                Atom::Symbol(known().bad_type.clone()),
                                types::shown(&bindings.apply(expected)),
                                types::shown(&bindings.apply(returns)),
                            ]);
                            errors.push(Atom::error(call_atom.clone(), reason));
                        }
                    }
                    Way::Mismatch { position, actual } => {
                        errors.push(actual.error().cloned().unwrap_or_else(|| {
                            let parameter = bindings.apply(&parameters[position]);
                            types::bad_argument(&call_atom, position, &parameter, &actual.atom)
                        }));
                    }
                }
                !fits
            },
        );
        if fits {
            Ok(returns.clone())
        } else {
            Err(errors)
        }
    }

    /// The type with which the next element is evaluated.
    ///
    /// A type variable that stands for a meta-type by now keeps its argument from
    /// being evaluated, as the meta-type itself would. As in the reference, the
    /// first parameter's variable does not where the result's type mentions it:
    /// so `(id (cdr-atom (a b)))` evaluates its argument.
    pub(super) fn expected_of_element(&self, elements: &Elements) -> Atom {
        let Some(expected) = &elements.expected else {
            return types::undefined();
        };
        let expected = &expected[elements.count];
        if let Atom::Variable(variable) = expected {
            let mut mentioned = false;
            elements
                .returns
                .for_each_variable(|other| mentioned |= other == variable);
            if elements.count == 1 && mentioned {
                return expected.clone();
            }
        }
        self.bindings.apply(expected)
    }

    /// Evaluates the next element that needs it; calls the expression after the last.
    pub(super) fn elements(&mut self, mut elements: Elements, rest: Rest) -> (Task, Rest) {
        let source = elements.source.clone();
        let children = source.children();
        while elements.count < children.len() {
            let child = &children[elements.count];
            // Evaluating one argument tells the types of those after it; a result stays one where
            // it is an argument, whatever was bound since.
            let is_result =
                matches!(child, Atom::Expression(expression) if expression.is_evaluated());
            let child = if is_result || (elements.expected.is_some() && elements.count > 1) {
                self.bindings.apply_to_part(child)
            } else {
                child.clone()
            };
            let expected = self.expected_of_element(&elements);
            if let (Some(_), Atom::Variable(_)) = (&elements.expected, &children[elements.count])
                && !types::is_meta_type(&expected)
                && !matches!(
                    self.bindings.walk(&children[elements.count]),
                    Atom::Variable(_)
                )
            {
                // Another element of what the call is in has bound it.
                elements.unchanged = false;
            }
            let plain = match &child {
                Atom::Variable(_) => true,
                Atom::Symbol(symbol) => {
                    *symbol != known().empty
                        && (elements.count == 0 || types::is_undefined(&expected))
                }
                Atom::Grounded(_) => elements.count == 0 || types::is_undefined(&expected),
                Atom::Expression(expression) => {
                    expected.is_symbol(&known().atom)
                        || (expression.is_evaluated() && expression.is_ground())
                }
            };
            if plain {
                elements.done = elements.done.with(child);
                elements.count += 1;
                continue;
            }
            let space = elements.space.clone();
            let rest = rest.push(FrameKind::Elements(elements));
            return (
                Task::Metta {
                    atom: child,
                    expected,
                    space,
                },
                rest,
            );
        }
        let call = Atom::expression(elements.done.collect(elements.count));
        let call = self.bindings.apply(&call);
        let returns = elements.returns;
        let space = elements.space;
        let rest = rest.push(FrameKind::Call {
            call: call.clone(),
            unchanged: elements.unchanged,
            returns,
            space: space.clone(),
        });
        (Task::Eval { atom: call, space }, rest)
    }

    /// Why evaluating `atom` as a value of the type `expected` would be an error of
    /// types, whatever its arguments turn out to be; nothing if one of its types fits.
    pub(crate) fn ill_typed(
        host: &'h mut Host,
        space: &Space,
        atom: &Atom,
        expected: &Atom,
    ) -> Vec<Atom> {
        let mut machine = Machine::new(host, &Budget::default(), false);
        let call = match atom {
            Atom::Variable(_) => return Vec::new(),
            Atom::Expression(call) if !call.children().is_empty() => call,
            Atom::Symbol(_) | Atom::Grounded(_) | Atom::Expression(_) => {
                return machine
                    .cast(atom, expected, space)
                    .err()
                    .unwrap_or_default();
            }
        };
        let mut errors = Vec::new();
        for found in types::typed(space, &call.children()[0]) {
            if found.error().is_some() {
                continue;
            }
            if !types::is_function(&found.atom) {
                return Vec::new();
            }
            let mark = machine.bindings.mark();
            let checked = machine.applicable(call, &found.atom, expected, space);
            machine.bindings.undo(mark);
            match checked {
                Ok(_) => return Vec::new(),
                Err(more) => errors.extend(more),
            }
        }
        errors
    }
}
