//! Types of calls: what is decided when the code is made, what is looked at when it runs.

use std::sync::Arc;

use super::call::Call;
use super::decide::{is_applied, is_call, is_evaluated};
use super::lambda::lambda_of;
use super::{
    Check, Compiled, Compiler, Leave, OddWhat, Place, Static, Value, Want, is_large, is_whole_error,
};
use crate::atom::{Atom, Variable, known};
use crate::evaluate::is_instruction;
use crate::fast::code::{ANY, AtomKind, FAIL, Instruction, NUMBER, Operand, Quick, Slot, TypeId};
use crate::fast::function::Elements;
use crate::fast::head::{Head, Signature, signature};
use crate::types;

/// A call whose arguments are as its signature takes them.
pub(super) struct TypedCall {
    /// Its head, then its arguments.
    pub(super) operands: Vec<Operand>,
    pub(super) mark: Option<Slot>,
    pub(super) elements: Elements,
    /// What a type variable of the result stands for.
    pub(super) returned: TypeId,
    /// Arguments of which it is made without evaluating any, and the place for that.
    pub(super) quick: Option<(usize, [Quick; 3])>,
}

impl Compiler<'_> {
    /// The static type of an argument. `checks` gathers the slots whose values have
    /// to be looked at, with the types that they must have.
    pub(super) fn static_type(&mut self, atom: &Atom, checks: &mut Vec<Check>) -> Compiled<Static> {
        self.deeper()?;
        let found = match atom {
            Atom::Variable(variable) => match self.names.get(variable) {
                Some(name) if name.fresh_in == Some(self.scope) => Static::Any,
                Some(name) => match self.type_met(name.slot) {
                    Some(found) => Static::Known(found),
                    None => Static::Slot(name.slot),
                },
                None => Static::Any,
            },
            Atom::Symbol(_) => {
                let mut found = types::types_of(&self.program.space, atom);
                match found.pop() {
                    Some(only) if found.is_empty() && types::is_undefined(&only) => Static::Any,
                    Some(only) if found.is_empty() && only.is_ground() => Static::Known(only),
                    Some(only) if found.is_empty() => Static::Open(only),
                    _ => return Err(Leave),
                }
            }
            Atom::Grounded(_) => match types::types_of(&self.program.space, atom).pop() {
                Some(only) if types::is_undefined(&only) => Static::Any,
                Some(only) if only.is_ground() => Static::Known(only),
                _ => return Err(Leave),
            },
            Atom::Expression(expression) if expression.children().is_empty() => Static::Any,
            Atom::Expression(expression) => {
                let (depth, known) = (self.depth, checks.len());
                match self.expression_type(expression.children(), checks) {
                    Ok(found) => found,
                    Err(Leave) => {
                        self.depth = depth;
                        checks.truncate(known);
                        match self.type_as_written(atom) {
                            Some(found) => found,
                            None => {
                                let tree = self.tree(atom)?;
                                checks.push(Check::Tree(tree, types::undefined()));
                                Static::Tree(tree)
                            }
                        }
                    }
                }
            }
        };
        self.depth -= 1;
        Ok(found)
    }

    /// Whether it is a call of a name that is declared to return a meta-type.
    fn is_declared_meta(&mut self, argument: &Atom) -> bool {
        let Some([head, ..]) = argument.as_expression() else {
            return false;
        };
        match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) => types::is_meta_type(&signature.returns),
            Head::Untyped | Head::Operation(..) | Head::Complex => false,
        }
    }

    /// The slot of a variable that may stand for something.
    fn standing_in(&self, atom: &Atom) -> Option<Slot> {
        let Atom::Variable(variable) = atom else {
            return None;
        };
        let name = self.names.get(variable)?;
        (name.fresh_in != Some(self.scope)).then_some(name.slot)
    }

    /// The type of an expression without variables, if it has one.
    fn type_as_written(&mut self, atom: &Atom) -> Option<Static> {
        if !atom.is_ground() || is_large(atom) {
            return None;
        }
        // By what it is wrong by counts for the types of what is around it.
        let mut found = types::typed_once(&self.program.space, atom, &mut self.typings);
        let only = found.pop().filter(|_| found.is_empty())?;
        let only = only.error().is_none().then_some(only.atom)?;
        if types::is_undefined(&only) {
            Some(Static::Any)
        } else if only.is_ground() {
            Some(Static::Known(only))
        } else {
            None
        }
    }

    /// The type of an expression by the signature of its head.
    pub(super) fn expression_type(
        &mut self,
        children: &[Atom],
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        Ok({
            {
                let head = &children[0];
                if matches!(head, Atom::Expression(_))
                    && self.program.space.may_type_expression(head)
                {
                    return Err(Leave);
                }
                if lambda_of(head).is_some() {
                    return Ok(Static::Any);
                }
                match (self.program).head_of_call(self.host, self.heap, children) {
                    Head::Untyped => {
                        let head = &children[0];
                        let unknown = match head {
                            Atom::Symbol(symbol) => {
                                let id = self.heap.symbol(symbol);
                                self.program.types_of_symbol(self.heap, id).is_none()
                            }
                            _ => false,
                        };
                        if !unknown {
                            return Err(Leave);
                        }
                        Static::Any
                    }
                    Head::Typed(signature) | Head::Operation(_, signature) => {
                        self.application_type(children, &signature, true, checks)?
                    }
                    Head::Complex if matches!(&children[0], Atom::Expression(_)) => {
                        match self.flat_call(children).ok_or(Leave)? {
                            (_, Head::Untyped) => Static::Any,
                            (flat, Head::Typed(signature)) => {
                                match self.is_open_curried(&flat, &signature) {
                                    true => {
                                        let before = std::mem::replace(&mut self.in_types, true);
                                        let found = self.applied_type(&flat, &signature, checks);
                                        self.in_types = before;
                                        found?
                                    }
                                    false => {
                                        self.application_type(&flat, &signature, true, checks)?
                                    }
                                }
                            }
                            _ => return Err(Leave),
                        }
                    }
                    Head::Complex if self.met_as_one(&children[0]).is_some() => {
                        self.type_of_met_call(children, checks)?
                    }
                    // What it is ill-typed by counts for the types of what is around it.
                    Head::Complex
                        if self.in_types && self.several_types(&children[0]).is_some() =>
                    {
                        return Err(Leave);
                    }
                    Head::Complex => {
                        let found = self.signature_for(children, None);
                        if let Ok((signature, true)) = &found {
                            return self.application_type(children, signature, true, checks);
                        }
                        if let Some(returns) = self.returned_by_all(children) {
                            let tree = self.tree(&Atom::expression(children.to_vec()))?;
                            checks.push(Check::Tree(tree, returns.clone()));
                            return Ok(Static::Known(returns));
                        }
                        if found.is_ok() {
                            return Err(Leave);
                        }
                        let signature = self.signature_of_instruction(&children[0])?;
                        // Whether something is a variable only its value tells.
                        let takes = |(parameter, argument): (&Atom, &Atom)| {
                            let known = known();
                            parameter.is_symbol(&known.atom)
                                || parameter.is_symbol(&known.expression)
                                || match argument {
                                    // A `chain`'s own is one.
                                    Atom::Variable(_) => types::is_meta_type(parameter),
                                    _ => argument.is_ground() && !types::is_meta_type(parameter),
                                }
                        };
                        let arguments = &children[1..];
                        if !signature.parameters.iter().zip(arguments).all(takes) {
                            return Err(Leave);
                        }
                        self.application_type(children, &signature, true, checks)?
                    }
                }
            }
        })
    }

    /// What is declared of a minimal instruction, if that is one type.
    pub(super) fn signature_of_instruction(&mut self, head: &Atom) -> Compiled<Arc<Signature>> {
        let Atom::Symbol(symbol) = head else {
            return Err(Leave);
        };
        if !is_instruction(symbol) || self.program.space.may_type_expression(head) {
            return Err(Leave);
        }
        let id = self.heap.symbol(symbol);
        match self.program.types_of_symbol(self.heap, id).as_deref() {
            Some([only]) if types::is_function(only) => Ok(signature(only)),
            _ => Err(Leave),
        }
    }

    /// The type of a call of values whose parameters share no type variable with each other, nor with
    /// the result: it is well-typed if each value by itself is of the type that its parameter takes.
    fn type_apart(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let returns = &signature.returns;
        if !returns.is_ground() || types::is_undefined(returns) || types::is_meta_type(returns) {
            return Err(Leave);
        }
        let mut met: Vec<Variable> = Vec::new();
        for (parameter, argument) in signature.parameters.iter().zip(&children[1..]) {
            let mut own: Vec<Variable> = Vec::new();
            parameter.for_each_variable(|variable| own.push(variable.clone()));
            let is_shared = own.iter().any(|variable| met.contains(variable));
            if is_shared || types::is_meta_type(parameter) || types::is_undefined(parameter) {
                return Err(Leave);
            }
            met.extend(own);
            match self.static_type(argument, checks)? {
                Static::Slot(slot) => checks.push(Check::Type(slot, parameter.clone())),
                Static::Known(actual) | Static::Open(actual) if !types::is_meta_type(&actual) => {
                    let (parameter, actual) = (types::renamed(parameter), types::renamed(&actual));
                    let mut bindings = crate::unify::Bindings::new();
                    if !types::match_types(&parameter, &actual, &mut bindings) {
                        return Err(Leave);
                    }
                }
                _ => return Err(Leave),
            }
        }
        Ok(Static::Known(returns.clone()))
    }

    /// The type that a call has; leaves what is not well-typed for certain.
    pub(super) fn application_type(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        nested: bool,
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let before = std::mem::replace(&mut self.in_types, nested);
        let found = self.type_of_application(children, signature, nested, checks);
        self.in_types = before;
        found
    }

    fn type_of_application(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        nested: bool,
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let arguments = &children[1..];
        if signature.parameters.len() != arguments.len() {
            return Err(Leave);
        }
        if is_applied(signature) {
            let (known, in_doubt) = (checks.len(), self.in_doubt);
            if let Ok(found) = self.applied_type(children, signature, checks) {
                return Ok(found);
            }
            checks.truncate(known);
            let found = self.type_apart(children, signature, checks)?;
            self.in_doubt = in_doubt;
            return Ok(found);
        }
        // What type variables stand for: known, or the type of a slot's value.
        let mut bound: Vec<(Variable, Static)> = Vec::new();
        for (place, (parameter, argument)) in
            (signature.parameters.iter().zip(arguments)).enumerate()
        {
            // Inside of an argument, what takes any type does not look at it.
            if nested && types::is_undefined(parameter) {
                continue;
            }
            if types::matches_meta_type(argument, parameter) {
                // What a variable stands for may be no variable.
                let is_own = !matches!(argument, Atom::Variable(variable)
                    if self.names.get(variable).is_some_and(|name| name.fresh_in != Some(self.scope)));
                if is_own || parameter.is_symbol(&known().atom) {
                    continue;
                }
                let slot = self.standing_in(argument).ok_or(Leave)?;
                if atom_kind(parameter) != Some(AtomKind::Variable) {
                    return Err(Leave);
                }
                checks.push(Check::Type(slot, parameter.clone()));
                continue;
            }
            if types::is_meta_type(parameter) {
                // A variable may stand for what the parameter takes.
                let slot = match (
                    self.standing_in(argument),
                    self.static_type(argument, checks)?,
                ) {
                    (Some(slot), _) | (None, Static::Slot(slot))
                        if atom_kind(parameter).is_some() =>
                    {
                        slot
                    }
                    _ => return Err(Leave),
                };
                checks.push(Check::Type(slot, parameter.clone()));
                continue;
            }
            if self.fits_by_one(argument, parameter) {
                continue;
            }
            let actual = self.static_type(argument, checks)?;
            match (parameter, actual) {
                (Atom::Variable(variable), Static::Any | Static::Atom)
                    if is_call(argument)
                        && bound.iter().any(|(known, found)| {
                            known == variable && matches!(found, Static::Tree(_))
                        }) =>
                {
                    return Err(Leave);
                }
                (_, Static::Any) => {}
                (_, Static::Atom) if !nested => {}
                // Inside of an argument it fits no other type, but what may be any.
                (Atom::Variable(variable), actual @ Static::Atom)
                    if *parameter != signature.returns
                        && is_pair(signature, parameter)
                        && bound.iter().all(|(known, _)| known != variable) =>
                {
                    bound.push((variable.clone(), actual));
                }
                (_, Static::Atom) => return Err(Leave),
                // What may stand for an ill-typed call as it was written is looked at before anything is
                // evaluated.
                (parameter, Static::Slot(_))
                    if types::is_undefined(parameter)
                        && !nested
                        && arguments[..place].iter().any(is_call)
                        && self.may_be_written(argument) =>
                {
                    let tree = self.tree(argument)?;
                    checks.push(Check::Tree(tree, types::undefined()));
                }
                (parameter, Static::Known(_) | Static::Slot(_) | Static::Open(_))
                    if types::is_undefined(parameter) => {}
                (Atom::Variable(_), Static::Known(actual)) if types::is_meta_type(&actual) => {
                    return Err(Leave);
                }
                // Inside of an argument, fewer types fit: the whole is looked at.
                (_, Static::Tree(_)) if nested => return Err(Leave),
                (_, Static::Tree(_)) if types::is_undefined(parameter) => {}
                // What returns a meta-type is an argument as it stands.
                (Atom::Variable(_), Static::Tree(_)) if self.is_declared_meta(argument) => {
                    return Err(Leave);
                }
                (Atom::Variable(variable), Static::Tree(tree)) => {
                    let used = signature.parameters.iter().chain([&signature.returns]);
                    let only = used.filter(|part| *part == parameter).count() == 1;
                    let known = bound.iter().find(|(known, _)| known == variable);
                    match known {
                        None if only => {}
                        Some((_, Static::Known(known))) if *parameter != signature.returns => {
                            checks.push(Check::Tree(tree, known.clone()));
                        }
                        Some((_, Static::Slot(slot)))
                            if *parameter != signature.returns
                                && !nested
                                && is_pair(signature, parameter) =>
                        {
                            checks.push(Check::TreeOf(tree, *slot));
                        }
                        // Of what is no call and no type is known of nothing is expected.
                        None if *parameter != signature.returns
                            && !nested
                            && is_pair(signature, parameter) =>
                        {
                            let other = other_of_pair(signature, place);
                            if is_call(&arguments[other]) && other < place {
                                return Err(Leave);
                            }
                            bound.push((variable.clone(), Static::Tree(tree)));
                        }
                        _ => return Err(Leave),
                    }
                }
                (Atom::Variable(_), Static::Open(_)) if *parameter == signature.returns => {
                    return Err(Leave);
                }
                (Atom::Variable(variable), actual) => {
                    match bound.iter().find(|(known, _)| known == variable) {
                        None => bound.push((variable.clone(), actual)),
                        Some((_, before)) => match (before, &actual) {
                            (Static::Known(a), Static::Known(b)) if a == b => {}
                            (Static::Slot(slot), Static::Known(known))
                            | (Static::Known(known), Static::Slot(slot)) => {
                                checks.push(Check::Type(*slot, known.clone()));
                            }
                            (Static::Tree(tree), Static::Known(known)) => {
                                checks.push(Check::Tree(*tree, known.clone()));
                            }
                            (Static::Tree(tree), Static::Slot(slot)) => {
                                checks.push(Check::TreeOf(*tree, *slot));
                            }
                            (Static::Slot(a), Static::Slot(b)) => {
                                let is_pair = is_pair(signature, parameter);
                                checks.push(Check::Same(*a, *b, is_pair));
                            }
                            (Static::Slot(slot), Static::Open(open))
                            | (Static::Open(open), Static::Slot(slot))
                                if is_pair(signature, parameter) =>
                            {
                                checks.push(Check::Type(*slot, open.clone()));
                            }
                            (
                                Static::Known(a) | Static::Open(a),
                                Static::Known(b) | Static::Open(b),
                            ) if is_pair(signature, parameter) => {
                                let (a, b) = (types::renamed(a), types::renamed(b));
                                let mut bindings = crate::unify::Bindings::new();
                                if !types::match_types(&a, &b, &mut bindings) {
                                    return Err(Leave);
                                }
                            }
                            _ => return Err(Leave),
                        },
                    }
                }
                (parameter, _) if !parameter.is_ground() => return Err(Leave),
                (_, Static::Known(actual)) if nested && actual.is_symbol(&known().atom) => {
                    return Err(Leave);
                }
                (parameter, Static::Known(actual)) => {
                    let mut bindings = crate::unify::Bindings::new();
                    if !types::match_types(parameter, &actual, &mut bindings) {
                        return Err(Leave);
                    }
                }
                (parameter, Static::Open(actual)) => {
                    let actual = types::renamed(&actual);
                    let mut bindings = crate::unify::Bindings::new();
                    if !types::match_types(parameter, &actual, &mut bindings) {
                        return Err(Leave);
                    }
                }
                (parameter, Static::Slot(slot)) => {
                    checks.push(Check::Type(slot, parameter.clone()));
                }
                (parameter, Static::Tree(tree)) => {
                    checks.push(Check::Tree(tree, parameter.clone()));
                }
            }
        }
        let returns = &signature.returns;
        Ok(match returns {
            _ if types::is_undefined(returns) => Static::Any,
            _ if returns.is_symbol(&known().atom) => Static::Atom,
            Atom::Variable(variable) => {
                match bound.into_iter().find(|(known, _)| known == variable) {
                    Some((_, found)) => found,
                    None => Static::Any,
                }
            }
            _ if returns.is_ground() => Static::Known(returns.clone()),
            _ => return Err(Leave),
        })
    }

    /// A call of something with one function type: types are checked, arguments
    /// are evaluated as it says.
    pub(super) fn typed(
        &mut self,
        call: Call<'_>,
        signature: &Signature,
        inner: impl FnOnce(&mut Self, TypedCall) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let Call {
            children,
            expected,
            want,
            ..
        } = call;
        let (guard, found) = self.check(call, signature)?;
        // What a type variable of the result stands for.
        let returned = match (&signature.returns, found) {
            (Atom::Variable(_), Static::Known(actual)) => self.program.type_id(&actual),
            (Atom::Variable(_), Static::Any) => self.program.stood_for(expected),
            _ => ANY,
        };
        if want == Want::Tail
            && let Some(function) = self.grows_typed(children, signature)
        {
            return self.grown(function, children, |this, place, argument, want| {
                let parameter = &signature.parameters[place];
                this.in_place(place, argument, |this| {
                    this.argument(argument, parameter, signature, returned, &mut true, want)
                })
            });
        }
        let mut settled = true;
        let evaluated: Vec<Atom> = children[1..]
            .iter()
            .zip(&signature.parameters)
            .filter(|(argument, parameter)| !types::matches_meta_type(argument, parameter))
            .map(|(argument, _)| argument.clone())
            .collect();
        let (value, mark) = self.marked(&evaluated, want, |this, within| {
            let mut operands = vec![this.constant_value(&children[0])?];
            let quick = this.quick_typed(children, signature).map(|arguments| {
                // Another takes its place when more is known.
                let to = this.here() + 1;
                (this.emit(Instruction::Jump { to }), arguments)
            });
            let before = this.defined.clone();
            let arguments = &children[1..];
            // Where nothing is a call, names stay what they are, whatever their types.
            let mut given = arguments.iter().zip(&signature.parameters);
            let is_called = given.any(|(argument, parameter)| is_evaluated(argument, parameter));
            for (place, parameter) in signature.parameters.iter().enumerate() {
                let argument = &arguments[place];
                let is_settled = settled;
                let is_open = matches!(argument, Atom::Variable(_)) && this.is_open(argument);
                // What it stands for by then was not looked at before.
                let before = &arguments[..place];
                let is_late =
                    is_open && (before.iter()).any(|before| this.may_bind_any(before, argument));
                if is_late && parameter.is_symbol(&known().variable) {
                    // Whether it still stands for nothing only its value tells.
                    return Err(Leave);
                }
                operands.push(this.in_place(place, argument, |this| {
                    let want = Want::Own;
                    this.argument(argument, parameter, signature, returned, &mut settled, want)
                })?);
                if !is_called && matches!(argument, Atom::Symbol(_)) || is_open {
                    settled = is_settled;
                }
                let is_written = !types::is_meta_type(parameter) && this.may_be_written(argument);
                settled &= !is_late && !is_written;
            }
            let elements = match settled {
                true => this.elements_of(&children[1..], Some(signature)),
                false => Elements::Unsettled,
            };
            if quick.is_some() {
                // Nothing but the call uses what arguments were evaluated to.
                this.defined = before;
            }
            inner(
                this,
                TypedCall {
                    operands,
                    mark: within.mark,
                    elements,
                    returned,
                    quick,
                },
            )
        })?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    /// Notes which slots of a rule hold arguments as they were written.
    pub(super) fn note_calls(&mut self, signature: Option<&Signature>) {
        let known = known();
        let parameters = signature.map_or(&[][..], |signature| &signature.parameters);
        for (slot, parameter) in parameters.iter().enumerate() {
            if parameter.is_symbol(&known.atom) || parameter.is_symbol(&known.expression) {
                self.calls.insert(slot as Slot);
            }
        }
    }

    pub(super) fn argument(
        &mut self,
        argument: &Atom,
        parameter: &Atom,
        signature: &Signature,
        returned: TypeId,
        settled: &mut bool,
        want: Want,
    ) -> Compiled<Operand> {
        if argument.is_symbol(&known().not_reducible) {
            return Err(Leave);
        }
        // As they are written they are arguments, not results.
        if argument.is_empty_symbol() || is_whole_error(argument) {
            return self.quoted(argument);
        }
        if types::matches_meta_type(argument, parameter) {
            return self.quoted(argument);
        }
        if types::is_meta_type(parameter) {
            // A variable that was checked to stand for an atom of that kind.
            return self.quoted(argument);
        }
        let expected = match parameter {
            Atom::Variable(_) if returned != ANY && *parameter == signature.returns => returned,
            Atom::Variable(_) => {
                // Its type may be known from the arguments before.
                let mut checks = Vec::new();
                match self.static_type(argument, &mut checks)? {
                    Static::Known(actual) => self.program.type_id(&actual),
                    _ => {
                        let shared = signature
                            .parameters
                            .iter()
                            .filter(|other| *other == parameter)
                            .count();
                        if shared > 1 && argument.as_expression().is_some() {
                            return Err(Leave);
                        }
                        ANY
                    }
                }
            }
            _ if types::is_undefined(parameter) => ANY,
            _ => self.program.type_id(parameter),
        };
        if expected != ANY && !self.fits_by_one(argument, parameter) {
            // The value may turn out to be of another type than the argument was known to be of.
            *settled &= self.is_of_known_type(argument);
        }
        match want {
            Want::Tail => self.evaluate(argument, expected, want),
            Want::Own | Want::Shared => self.evaluate_argument(argument, expected),
        }
    }

    /// Emits the checks that a typed call wants before anything of it is evaluated.
    pub(super) fn check(
        &mut self,
        call: Call<'_>,
        signature: &Signature,
    ) -> Compiled<(Option<usize>, Static)> {
        let Call {
            atom,
            children,
            expected,
            ..
        } = call;
        let mut checks = Vec::new();
        let found = self.application_type(children, signature, false, &mut checks)?;
        self.result_fits(&found, &signature.returns, expected)?;
        Ok((self.guard(atom, checks, expected)?, found))
    }

    /// What the result is expected to be must fit what the signature says.
    pub(super) fn result_fits(
        &mut self,
        found: &Static,
        returns: &Atom,
        expected: TypeId,
    ) -> Compiled<()> {
        if expected == ANY {
            return Ok(());
        }
        let expected = self.program.types[usize::from(expected)].clone();
        let returns = match (returns, found) {
            (Atom::Variable(_), Static::Known(actual)) => actual,
            (Atom::Variable(_), Static::Slot(_) | Static::Tree(_)) => return Err(Leave),
            _ => returns,
        };
        let mut bindings = crate::unify::Bindings::new();
        if types::match_types(returns, &types::renamed(&expected), &mut bindings) {
            Ok(())
        } else {
            Err(Leave)
        }
    }

    /// Emits checks; if one fails, the expression is evaluated by the plain evaluator.
    pub(super) fn guard(
        &mut self,
        atom: &Atom,
        checks: Vec<Check>,
        expected: TypeId,
    ) -> Compiled<Option<usize>> {
        self.guard_behind(None, atom, checks, expected)
    }

    /// As [`Compiler::guard`], behind a check of the kind of what a variable may stand for: a call of
    /// what returns a meta-type is left to the slow way, as it is an argument as it stands.
    pub(super) fn guard_behind(
        &mut self,
        handed: Option<(Slot, AtomKind)>,
        atom: &Atom,
        mut checks: Vec<Check>,
        expected: TypeId,
    ) -> Compiled<Option<usize>> {
        let mut uses = Vec::new();
        if let Some((slot, kind)) = handed {
            let odd = FAIL;
            let at = self.emit(Instruction::CheckKind { slot, kind, odd });
            uses.push((at, Place::Odd));
        }
        checks.dedup_by(|a, b| a == b);
        uses.extend(self.emit_checks(checks));
        if uses.is_empty() {
            return Ok(None);
        }
        self.slow(uses, OddWhat::Source(atom.clone()), expected)
            .map(Some)
    }

    /// Whether a slot holds a plain value of some type.
    pub(super) fn is_plainly(&self, slot: Slot) -> bool {
        self.met.contains_key(&slot) || self.seen.typed.iter().any(|(known, _)| *known == slot)
    }

    /// Whether the checks that were just emitted, with nothing run since, have one of this type.
    fn was_just_checked(&self, slot: Slot, wanted: TypeId) -> bool {
        self.just_checked().any(|check| {
            matches!(check, Instruction::CheckType { slot: of, expected, .. } if (*of, *expected) == (slot, wanted))
        })
    }

    /// The same of a type that two slots have in common.
    fn were_just_compared(&self, one: Slot, other: Slot, is_pair: bool) -> bool {
        self.just_checked().any(|check| match check {
            Instruction::CheckSame {
                left,
                right,
                evaluated: false,
                alike,
                ..
            } => [(one, other), (other, one)].contains(&(*left, *right)) && (is_pair || !*alike),
            _ => false,
        })
    }

    /// The checks that were just emitted.
    fn just_checked(&self) -> impl Iterator<Item = &Instruction> {
        use Instruction as I;
        let emitted = self.program.code.iter().rev();
        emitted.take_while(|last| {
            matches!(
                last,
                I::CheckType { .. }
                    | I::CheckKind { .. }
                    | I::CheckGround { .. }
                    | I::CheckSame { .. }
            )
        })
    }

    /// Emits checks: where each goes if it fails.
    pub(super) fn emit_checks(&mut self, checks: Vec<Check>) -> Vec<(usize, Place)> {
        let mut uses = Vec::new();
        let mut checks = checks;
        // That it is of a type says that it is of any.
        let typed: Vec<u32> = checks
            .iter()
            .filter_map(|check| match check {
                Check::Tree(tree, wanted) if !types::is_undefined(wanted) => Some(*tree),
                _ => None,
            })
            .collect();
        checks.retain(|check| match check {
            Check::Tree(tree, wanted) => !types::is_undefined(wanted) || !typed.contains(tree),
            _ => true,
        });
        for check in checks {
            let at = match check {
                Check::Type(slot, wanted) => {
                    if let Some(kind) = atom_kind(&wanted) {
                        if !self.seen.kinds.insert((slot, kind)) {
                            continue;
                        }
                        let at = self.emit(Instruction::CheckKind {
                            slot,
                            kind,
                            odd: FAIL,
                        });
                        uses.push((at, Place::Odd));
                        continue;
                    }
                    let expected = self.program.type_id(&wanted);
                    if expected == NUMBER && self.seen.numbers.contains(&slot)
                        || self.seen.typed.contains(&(slot, expected))
                        || self.is_met_as(slot, expected)
                        || self.was_just_checked(slot, expected)
                    {
                        continue;
                    }
                    self.emit(Instruction::CheckType {
                        slot,
                        expected,
                        odd: FAIL,
                    })
                }
                Check::Tree(tree, wanted) => {
                    let expected = self.program.type_id(&wanted);
                    let head = self.program.trees[tree as usize].head_slot();
                    self.emit(Instruction::CheckTree {
                        tree,
                        expected,
                        head: head.unwrap_or(Slot::MAX),
                        odd: FAIL,
                    })
                }
                Check::TreeOf(tree, slot) => {
                    let odd = FAIL;
                    self.emit(Instruction::CheckTreeOf { tree, slot, odd })
                }
                Check::Ground(slot) => {
                    if self.seen.numbers.contains(&slot) || self.is_plainly(slot) {
                        continue;
                    }
                    self.emit(Instruction::CheckGround { slot, odd: FAIL })
                }
                Check::Same(left, right, alike) => {
                    if self.seen.numbers.contains(&left) && self.seen.numbers.contains(&right)
                        || self.were_just_compared(left, right, alike)
                    {
                        continue;
                    }
                    self.emit(Instruction::CheckSame {
                        left,
                        right,
                        evaluated: false,
                        alike,
                        odd: FAIL,
                    })
                }
            };
            uses.push((at, Place::Odd));
        }
        uses
    }
}

/// The atoms that a meta-type takes, but for `Atom`.
fn atom_kind(meta_type: &Atom) -> Option<AtomKind> {
    let known = known();
    let kinds = [
        (&known.expression, AtomKind::Expression),
        (&known.symbol, AtomKind::Symbol),
        (&known.grounded, AtomKind::Grounded),
        (&known.variable, AtomKind::Variable),
    ];
    let found = kinds.iter().find(|(symbol, _)| meta_type.is_symbol(symbol));
    found.map(|(_, kind)| *kind)
}

/// Whether a type variable is the type of two parameters, and of nothing else.
fn is_pair(signature: &Signature, variable: &Atom) -> bool {
    let used = signature.parameters.iter().chain([&signature.returns]);
    used.filter(|part| *part == variable).count() == 2
}

/// The place of the other parameter of the same type variable.
fn other_of_pair(signature: &Signature, place: usize) -> usize {
    let parameters = &signature.parameters;
    let mut others = (0..parameters.len()).filter(|other| *other != place);
    let other = others.find(|other| parameters[*other] == parameters[place]);
    other.expect("it is one of a pair")
}
