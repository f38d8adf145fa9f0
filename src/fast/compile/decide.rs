//! Calls whose types are decided when they run: signatures with type variables inside
//! of types, heads and arguments of which only the value tells the type.

use std::cell::RefCell;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::siblings::tells_nothing;
use super::{
    Check, Compiled, Compiler, Flags, Leave, Name, OddWhat, Place, Static, Value, Want,
    is_whole_error,
};
use crate::atom::{Atom, Grounded, Variable};
use crate::fast::code::{ANY, FAIL, Instruction, Operand, Quick, Slot, TypeId};
use crate::fast::function::Made;
use crate::fast::head::{Head, Signature};
use crate::fast::program::Program;
use crate::fast::site::{Expected, Lately, Leaf, LeafPlace, Site, SiteArgument, Tells, Told, Tree};
use crate::fast::types::{Argument, ArgumentKind, Arguments, Decision, ValueType};
use crate::types;

/// The arguments of a call, as each of the ways in which they were met.
pub(super) type Combinations = SmallVec<[Arguments; 1]>;

/// So many of them are looked at.
const COMBINATIONS_MAX: usize = 16;

/// How a call is made, where that is decided when the code is.
pub(super) struct Now {
    pub(super) decision: Arc<Decision>,
    /// The types of its function and its arguments.
    function: ValueType,
    parts: Combinations,
}

/// Trees are looked at recursively.
const TREE_DEPTH_MAX: usize = 32;

/// Whether its types have type variables inside of others.
pub(super) fn is_applied(signature: &Signature) -> bool {
    let mut parts = signature.parameters.iter().chain([&signature.returns]);
    parts.any(|part| matches!(part, Atom::Expression(part) if !part.is_ground()))
}

/// Whether an argument is a call that is evaluated for such a parameter.
pub(super) fn is_evaluated(argument: &Atom, parameter: &Atom) -> bool {
    !types::is_meta_type(parameter) && is_call(argument)
}

fn is_call(argument: &Atom) -> bool {
    argument
        .as_expression()
        .is_some_and(|parts| !parts.is_empty())
}

/// Whether it is the operation that makes states, whose types their values tell.
fn makes_states(head: &Atom) -> bool {
    (head.as_operation()).is_some_and(|operation| operation.name() == "new-state")
}

/// Whether it is an operation whose type has variables.
fn is_open_operation(argument: &Atom) -> bool {
    argument
        .as_operation()
        .is_some_and(|operation| !operation.type_atom().is_ground())
}

/// What a call that is decided is of.
pub(super) enum Callee {
    /// The function whose number the slot holds.
    Slot(Slot),
    /// The function for results of this type, or for data of a known one; arguments of which
    /// it is called without evaluating any, and the place for that.
    Known(TypeId, Option<u32>, Option<(usize, [Quick; 3])>),
}

/// What an argument is told when it runs, and where that is looked at.
#[derive(Clone, Copy)]
pub(super) struct ToldBy {
    told: Told,
    at: usize,
}

/// A call that is decided about, and again where an argument tells more once it was evaluated.
struct Further {
    /// The call, with what arguments were evaluated to so far.
    whole: Vec<Atom>,
    head: Value,
    expected: Expected,
    /// The slot of its function.
    function: Slot,
    arguments: Vec<SiteArgument>,
    /// Whether its function is for results of a type.
    evaluates_result: bool,
    /// Whether there is such an argument.
    looks: bool,
    /// Slow ways from there on.
    slow: Vec<usize>,
    names: Vec<Variable>,
}

impl Further {
    /// Whether the argument tells something, and anything after it depends on that.
    fn is_told_by(&self, place: usize) -> bool {
        let tells = matches!(self.arguments[place].tells, Tells::Type(_) | Tells::Value);
        let later = &self.arguments[place + 1..];
        tells && (self.evaluates_result || later.iter().any(SiteArgument::is_evaluated))
    }
}

/// Notes the slots that a tree depends on; `place` is that of the whole.
fn add_leaves(tree: &Tree, place: LeafPlace, leaves: &mut Vec<Leaf>) {
    match tree {
        Tree::Value(operand) if !operand.is_constant() => leaves.push(Leaf {
            slot: operand.index() as Slot,
            place,
        }),
        Tree::Result(slot) => leaves.push(Leaf {
            slot: *slot,
            place: LeafPlace::Result,
        }),
        Tree::Told(slot, made) => leaves.push(Leaf {
            slot: *slot,
            place: if *made {
                LeafPlace::Made
            } else {
                LeafPlace::Told
            },
        }),
        Tree::Value(_) | Tree::Unknown | Tree::Known(_) => {}
        Tree::Call(parts) => {
            for (number, part) in parts.iter().enumerate() {
                let place = if number == 0 {
                    LeafPlace::Head
                } else {
                    LeafPlace::Part
                };
                add_leaves(part, place, leaves);
            }
        }
    }
}

impl Compiler<'_> {
    /// What the type of an expression depends on.
    pub(super) fn tree(&mut self, atom: &Atom) -> Compiled<u32> {
        let tree = self.tree_of(atom, 0)?;
        self.program.trees.push(Arc::new(tree));
        Ok(self.program.trees.len() as u32 - 1)
    }

    fn tree_of(&mut self, atom: &Atom, depth: usize) -> Compiled<Tree> {
        if depth > TREE_DEPTH_MAX {
            return Err(Leave);
        }
        match atom {
            Atom::Variable(variable) => Ok(match self.names.get(variable) {
                Some(name) if name.fresh_in != Some(self.scope) => {
                    Tree::Value(Operand::slot(name.slot))
                }
                _ => Tree::Unknown,
            }),
            Atom::Symbol(_) | Atom::Grounded(_) => Ok(Tree::Value(self.constant_value(atom)?)),
            Atom::Expression(expression) => {
                let children = expression.children();
                // An argument that is a call is one, whatever is in it.
                if children.is_empty() || depth > 0 && atom.is_ground() {
                    return Ok(Tree::Value(self.constant_value(atom)?));
                }
                let parts = children.iter().map(|child| self.tree_of(child, depth + 1));
                Ok(Tree::Call(parts.collect::<Compiled<_>>()?))
            }
        }
    }

    /// What the type of an argument depends on, or its type with what has to hold for that.
    fn argument_tree(&mut self, argument: &Atom, checks: &mut Vec<Check>) -> Compiled<Tree> {
        if let Atom::Expression(expression) = argument
            && !expression.children().is_empty()
        {
            let (depth, known) = (self.depth, checks.len());
            let found = self.expression_type(expression.children(), checks);
            self.depth = depth;
            match found {
                Ok(Static::Known(found)) if !types::is_meta_type(&found) => {
                    return Ok(Tree::Known(self.program.type_id(&found)));
                }
                _ => checks.truncate(known),
            }
        }
        self.tree_of(argument, 0)
    }

    /// A call of a function whose signature has type variables inside of types.
    pub(super) fn decided(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let Atom::Symbol(symbol) = &children[0] else {
            return Err(Leave);
        };
        let symbol = self.heap.symbol(symbol);
        let expected = Expected::Known(expected);
        self.decided_as(
            atom,
            children,
            signature,
            expected,
            want,
            |this, operands, callee, want, mark| {
                this.call_decided(symbol, operands, callee, want, mark)
            },
        )
    }

    /// A call of something with such a signature: `inner` makes it of its operands.
    pub(super) fn decided_as(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: Expected,
        want: Want,
        inner: impl FnOnce(&mut Self, Vec<Operand>, Callee, Want, Option<Slot>) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let arguments = &children[1..];
        if signature.parameters.len() != arguments.len() {
            return Err(Leave);
        }
        for (place, argument) in arguments.iter().enumerate() {
            // What it stands for by then is to be evaluated.
            let is_late = matches!(argument, Atom::Variable(_)) && self.is_open(argument);
            let before = &arguments[..place];
            if is_late && (before.iter()).any(|before| self.may_bind_any(before, argument)) {
                return Err(Leave);
            }
        }
        if let Expected::Known(known) = expected
            && let Some((guard, now)) = self.decide_now(atom, children, signature, known)?
        {
            let value = self.decided_now(children, signature, now, want, inner)?;
            return self.resume(guard, value, want);
        }
        // What its arguments are told depends on that.
        let has_rules = !self.has_no_rules(&children[0], arguments.len());
        let makes_state = makes_states(&children[0]);
        let is_symbol = matches!(children[0], Atom::Symbol(_));
        let evaluates_result = has_rules && !makes_state;
        let head = self.constant_value(&children[0])?;
        let mut parts = Vec::with_capacity(arguments.len());
        let (mut evaluated, mut checks) = (Vec::new(), Vec::new());
        for (parameter, argument) in signature.parameters.iter().zip(arguments) {
            if argument.is_empty_symbol() || is_whole_error(argument) {
                return Err(Leave);
            }
            let as_written = types::is_meta_type(parameter);
            if as_written
                && !types::matches_meta_type(argument, parameter)
                && !matches!(argument, Atom::Variable(_))
            {
                return Err(Leave);
            }
            let tree = self.argument_tree(argument, &mut checks)?;
            if !as_written && argument.as_expression().is_some() {
                evaluated.push(argument.clone());
            }
            let told = if as_written {
                Told::Nothing
            } else {
                self.told(argument)?
            };
            let tells = match told {
                Told::Type(_) | Told::Function(..) if is_symbol || makes_state => {
                    self.tells(argument)
                }
                _ => Tells::Unclear,
            };
            parts.push(SiteArgument {
                tree,
                as_written,
                told,
                tells,
            });
        }
        if evaluated.iter().any(|argument| self.keeps_result(argument)) {
            // What it gave would be evaluated on the slow way from there.
            parts.iter_mut().for_each(|part| {
                if let Tells::Type(_) | Tells::Value = part.tells {
                    part.tells = Tells::Unclear;
                }
            });
        }
        let told: Vec<Told> = parts.iter().map(|part| part.told).collect();
        let site = self.site(head, expected, parts.clone(), evaluates_result);
        let mut uses = self.emit_checks(checks);
        let function = self.slot()?;
        let at = self.emit(Instruction::Decide {
            to: function,
            site,
            odd: FAIL,
        });
        uses.push((at, Place::Odd));
        let (source, known) = match expected {
            Expected::Known(known) => (OddWhat::Source(atom.clone()), known),
            Expected::Told(slot) => (OddWhat::SourceAs(atom.clone(), slot), ANY),
        };
        let slow = self.slow(uses, source, known)?;
        // What the way on from here has, and the slow one not yet.
        self.define(function);
        for told in &told {
            if let Told::Type(slot) | Told::Function(slot, ..) = told {
                self.define(*slot);
            }
        }
        let mut further = Further {
            whole: children.to_vec(),
            head,
            expected,
            function,
            arguments: parts,
            evaluates_result,
            looks: false,
            slow: Vec::new(),
            names: Vec::new(),
        };
        further.looks = (0..arguments.len()).any(|place| further.is_told_by(place));
        if want == Want::Tail
            && let Some(function) = self.grows(children)
        {
            let further = RefCell::new(further);
            let value = self.grown(function, children, |this, place, argument, want| {
                let parameter = &signature.parameters[place];
                let value = this.decided_argument(place, argument, parameter, told[place], want)?;
                this.look_further(&mut further.borrow_mut(), place, value)
            })?;
            return self.resume(Some(slow), value, want);
        }
        let (value, mark) = self.marked(&evaluated, want, |this, within| {
            let mut operands = vec![head];
            let mut further = further;
            for (place, (parameter, told)) in signature.parameters.iter().zip(&told).enumerate() {
                let argument = &arguments[place];
                let want = Want::Own;
                let value = this.decided_argument(place, argument, parameter, *told, want)?;
                operands.push(this.look_further(&mut further, place, value)?);
            }
            let value = inner(
                this,
                operands,
                Callee::Slot(function),
                within.want,
                within.mark,
            )?;
            for name in &further.names {
                this.names.remove(name);
            }
            (further.slow.into_iter()).try_fold(value, |value, slow| {
                this.resume(Some(slow), value, within.want)
            })
        })?;
        self.exit(mark);
        self.resume(Some(slow), value, want)
    }

    /// A site of a call of a constant.
    fn site(
        &mut self,
        head: Value,
        expected: Expected,
        arguments: Vec<SiteArgument>,
        evaluates_result: bool,
    ) -> u32 {
        let mut leaves = Vec::new();
        for part in &arguments {
            let place = if part.as_written {
                LeafPlace::Part
            } else {
                LeafPlace::Argument
            };
            add_leaves(&part.tree, place, &mut leaves);
        }
        self.program.sites.push(Arc::new(Site {
            head: self.program.constants[head.index()],
            expected,
            arguments,
            evaluates_result,
            leaves,
        }));
        self.program.decided.push(Lately::default());
        self.program.sites.len() as u32 - 1
    }

    /// Decides again about a call once the argument at `place` was evaluated to `value`, if what
    /// that tells of types is for what comes after it. The value is where this says.
    fn look_further(
        &mut self,
        further: &mut Further,
        place: usize,
        value: Value,
    ) -> Compiled<Value> {
        if !further.looks || !further.arguments[place].is_evaluated() {
            return Ok(value);
        }
        let slot = self.in_slot(value)?;
        self.define(slot);
        let name = Variable::new("value").renamed();
        let fresh_in = None;
        self.name(&name, Name { slot, fresh_in });
        further.whole[place + 1] = Atom::Variable(name.clone());
        further.names.push(name);
        if !further.is_told_by(place) {
            return Ok(Operand::slot(slot));
        }
        let tree = match further.arguments[place].tells {
            Tells::Type(found) => Tree::Known(found),
            _ => Tree::Result(slot),
        };
        further.arguments[place] = SiteArgument {
            tree,
            as_written: false,
            told: Told::Free,
            tells: Tells::Nothing,
        };
        let arguments = further.arguments.clone();
        let (head, expected) = (further.head, further.expected);
        let site = self.site(head, expected, arguments, further.evaluates_result);
        let odd = FAIL;
        let to = further.function;
        let at = self.emit(Instruction::Decide { to, site, odd });
        let whole = Atom::expression(further.whole.clone());
        let (source, known) = match further.expected {
            Expected::Known(known) => (OddWhat::Source(whole), known),
            Expected::Told(slot) => (OddWhat::SourceAs(whole, slot), ANY),
        };
        let slow = self.slow(vec![(at, Place::Odd)], source, known)?;
        further.slow.push(slow);
        Ok(Operand::slot(slot))
    }

    /// An argument of a call whose types are decided, by its place.
    fn decided_argument(
        &mut self,
        place: usize,
        argument: &Atom,
        parameter: &Atom,
        told: Told,
        want: Want,
    ) -> Compiled<Value> {
        let as_written = types::is_meta_type(parameter);
        match argument {
            Atom::Expression(inner) if !as_written && !inner.children().is_empty() => self
                .in_place(place, argument, |this| {
                    this.told_argument(argument, inner.children(), told, want)
                }),
            _ if !as_written && is_open_operation(argument) => Err(Leave),
            _ => self.quoted(argument),
        }
    }

    /// How a call is made, where that does not depend on values.
    fn decide_now(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
    ) -> Compiled<Option<(Option<usize>, Now)>> {
        let mut checks = Vec::new();
        match self.decision_now(children, signature, expected, &mut checks) {
            Some(now) => Ok(Some((self.guard(atom, checks, expected)?, now))),
            None => Ok(None),
        }
    }

    /// As [`Compiler::decide_now`], with what has to hold for that.
    pub(super) fn decision_now(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        checks: &mut Vec<Check>,
    ) -> Option<Now> {
        let arguments = &children[1..];
        if arguments.iter().any(|argument| {
            argument.is_empty_symbol() || is_whole_error(argument) || is_open_operation(argument)
        }) {
            return None;
        }
        let depth = self.depth;
        let Ok((function, parts)) = self.parts_of(children, signature, checks) else {
            self.depth = depth;
            return None;
        };
        let Program {
            value_types, types, ..
        } = &mut *self.program;
        let wanted = types[usize::from(expected)].clone();
        let (first, others) = parts.split_first().expect("there is one");
        let decision = value_types.decision(function, first, expected, &wanted);
        for other in others {
            let other = value_types.decision(function, other, expected, &wanted);
            let is_same = match (&decision, other) {
                (Some(decision), Some(other)) => decision.is_same(&other),
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                self.in_doubt = true;
                return None;
            }
        }
        let decision = decision?;
        let told = decision.parameters.iter().enumerate();
        let telling: SmallVec<[usize; 4]> = (arguments.iter().zip(first).zip(told))
            .filter(|((argument, part), (_, parameter))| {
                is_evaluated(argument, parameter)
                    && !value_types.says_no_more(parameter, part.found())
            })
            .map(|(_, (place, _))| place)
            .collect();
        if !telling.is_empty() {
            let is_data =
                self.has_no_rules(&children[0], arguments.len()) || makes_states(&children[0]);
            let evaluated =
                |place: usize| is_evaluated(&arguments[place], &signature.parameters[place]);
            if (telling.iter()).any(|place| decision.is_shared(*place, is_data, evaluated)) {
                return None;
            }
        }
        Some(Now {
            decision,
            function,
            parts,
        })
    }

    /// Whether calls of a head have no rules; code depends on that.
    fn has_no_rules(&mut self, head: &Atom, arity: usize) -> bool {
        let Atom::Symbol(symbol) = head else {
            return false;
        };
        let symbol = self.heap.symbol(symbol);
        self.program.look_at_rules(symbol, arity);
        !self.program.has_rules_of(symbol, arity)
    }

    /// What is made by a call of something without rules, if its type is known.
    fn made(&mut self, children: &[Atom], signature: &Signature, now: &Now) -> Option<Made> {
        // What a variable stands for may be told only by evaluating what stands before it.
        let is_open = |argument: &Atom| {
            matches!(argument, Atom::Variable(_)) && self.met_as(argument).is_none()
        };
        if signature.parameters.iter().any(types::is_meta_type) || children.iter().any(is_open) {
            return None;
        }
        let types = &mut self.program.value_types;
        let mut found = now.parts.iter();
        let first = types.application(now.function, found.next()?)?;
        if !found.all(|parts| types.application(now.function, parts) == Some(first)) {
            return None;
        }
        let is_ground = types.atom(first).is_some_and(Atom::is_ground);
        let unknown = types.unknown();
        let parts = children[1..].iter().zip(&now.parts[0]);
        let parts = parts.map(|(argument, part)| is_call(argument).then(|| part.found()));
        let parts: SmallVec<[Option<ValueType>; 4]> = parts.collect();
        let is_told = is_ground && !parts.contains(&Some(unknown));
        is_told.then_some(Made {
            found: first,
            parts,
        })
    }

    /// The function for a call of something without rules whose type is known.
    fn function_made(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        now: &Now,
        returns: TypeId,
    ) -> Option<u32> {
        let (Atom::Symbol(symbol), arity) = (&children[0], children.len() - 1) else {
            return None;
        };
        let symbol = self.heap.symbol(symbol);
        let like = self.program.function(symbol, arity, returns);
        if !self.is_data(like) || !self.program.functions[like as usize].types_elements {
            return None;
        }
        let made = self.made(children, signature, now)?;
        let function = self.program.function_made(symbol, arity, returns, made);
        self.is_data(function).then_some(function)
    }

    /// The types of a function and its arguments, where they do not depend on values, with
    /// what has to hold for that.
    fn parts_of(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        checks: &mut Vec<Check>,
    ) -> Compiled<(ValueType, Combinations)> {
        let function = match &children[0] {
            Atom::Symbol(symbol) => {
                let id = self.heap.symbol(symbol);
                match self.program.types_of_symbol(self.heap, id).as_deref() {
                    Some([only]) => only.clone(),
                    _ => return Err(Leave),
                }
            }
            Atom::Grounded(Grounded::Operation(operation)) => operation.type_atom().clone(),
            Atom::Variable(_) => {
                let met = self.met_as_one(&children[0]).ok_or(Leave)?;
                return Ok((met, self.arguments_of(children, signature, checks)?));
            }
            _ => return Err(Leave),
        };
        let function = self.type_number(&function)?;
        Ok((function, self.arguments_of(children, signature, checks)?))
    }

    /// As [`Compiler::parts_of`], of the arguments.
    pub(super) fn arguments_of(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        checks: &mut Vec<Check>,
    ) -> Compiled<Combinations> {
        let unknown = self.program.value_types.unknown();
        let mut combinations: Combinations = smallvec![Arguments::new()];
        for (parameter, argument) in signature.parameters.iter().zip(&children[1..]) {
            if let Some(ways) = self.met_as(argument) {
                let each = combinations.iter().flat_map(|parts| {
                    ways.iter().map(|way| {
                        let mut parts = parts.clone();
                        parts.push(*way);
                        parts
                    })
                });
                combinations = each.collect();
                if combinations.len() > COMBINATIONS_MAX {
                    self.in_doubt = true;
                    return Err(Leave);
                }
                continue;
            }
            let found = if types::matches_meta_type(argument, parameter) {
                unknown
            } else if types::is_meta_type(parameter) {
                return Err(Leave);
            } else if let Some(several) = self.several_types(argument) {
                let types = &mut self.program.value_types;
                types.number_of_several(&several).ok_or(Leave)?
            } else {
                match self.static_type(argument, checks)? {
                    Static::Known(found) | Static::Open(found) => self.type_number(&found)?,
                    Static::Any if self.is_unknown(argument) => unknown,
                    _ => return Err(Leave),
                }
            };
            let kind = match argument {
                Atom::Symbol(_) => ArgumentKind::Symbol,
                Atom::Variable(_) => ArgumentKind::Variable,
                Atom::Expression(_) => ArgumentKind::Expression,
                Atom::Grounded(_) => ArgumentKind::Grounded,
            };
            for parts in &mut combinations {
                parts.push(Argument::new(found, kind));
            }
        }
        Ok(combinations)
    }

    /// The types of a name that has more than one.
    pub(super) fn several_types(&mut self, atom: &Atom) -> Option<Vec<Atom>> {
        let Atom::Symbol(symbol) = atom else {
            return None;
        };
        let id = self.heap.symbol(symbol);
        let found = self.program.types_of_symbol(self.heap, id).as_ref()?;
        (found.len() > 1).then(|| found.clone())
    }

    /// Whether a name of several types is taken where this one is expected, by just one of
    /// them: which that is makes no difference then.
    pub(super) fn fits_by_one(&mut self, atom: &Atom, expected: &Atom) -> bool {
        if !expected.is_ground() || types::is_undefined(expected) {
            return false;
        }
        let fits =
            |found: &Atom| !found.is_ground() || types::is_meta_type(found) || found == expected;
        self.several_types(atom).is_some_and(|several| {
            several.contains(expected) && several.iter().filter(|found| fits(found)).count() == 1
        })
    }

    fn type_number(&mut self, found: &Atom) -> Compiled<ValueType> {
        let types = &mut self.program.value_types;
        types.number_of(found, false).ok_or(Leave)
    }

    /// Whether nothing is known of an atom's type, not even that a function says so.
    fn is_unknown(&mut self, atom: &Atom) -> bool {
        match atom {
            Atom::Variable(_) | Atom::Symbol(_) => true,
            Atom::Grounded(_) => false,
            Atom::Expression(expression) => match expression.children() {
                [] => true,
                [Atom::Symbol(symbol), ..] => {
                    let id = self.heap.symbol(symbol);
                    self.program.types_of_symbol(self.heap, id).is_none()
                }
                _ => false,
            },
        }
    }

    /// The type of a call with such a signature, where it does not depend on values.
    pub(super) fn applied_type(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let (function, parts) = self.parts_of(children, signature, checks)?;
        self.static_application(function, &parts)
    }

    /// The type of an expression whose head and arguments are of these types.
    pub(super) fn static_application(
        &mut self,
        head: ValueType,
        combinations: &Combinations,
    ) -> Compiled<Static> {
        let types = &mut self.program.value_types;
        let (first, others) = combinations.split_first().expect("there is one");
        let found = types.application(head, first);
        let is_other = |other: &Arguments| types.application(head, other) != found;
        if others.iter().any(is_other) {
            self.in_doubt = true;
            return Err(Leave);
        }
        let found = found.ok_or(Leave)?;
        if types.is_several(found) {
            return Err(Leave);
        }
        Ok(match types.atom(found) {
            None => Static::Any,
            Some(found) if found.is_ground() => Static::Known(found.clone()),
            Some(found) => Static::Open(found.clone()),
        })
    }

    fn decided_now(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        now: Now,
        want: Want,
        inner: impl FnOnce(&mut Self, Vec<Operand>, Callee, Want, Option<Slot>) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let arguments = children[1..].iter().zip(&signature.parameters);
        let evaluated: Vec<Atom> = arguments
            .clone()
            .filter(|(argument, parameter)| is_evaluated(argument, parameter))
            .map(|(argument, _)| argument.clone())
            .collect();
        let decision = &now.decision;
        let returns = self.program.result_type(&decision.returns);
        if want == Want::Tail
            && let Some(function) = self.grows(children)
        {
            let returns = self.program.functions[function as usize].expected;
            let made = self.function_made(children, signature, &now, returns);
            let function = made.unwrap_or(function);
            return self.grown(function, children, |this, place, argument, want| {
                if is_evaluated(argument, &signature.parameters[place]) {
                    let expected = this.program.result_type(&decision.parameters[place]);
                    this.evaluate(argument, expected, want)
                } else {
                    this.quoted(argument)
                }
            });
        }
        let made = self.function_made(children, signature, &now, returns);
        let (value, mark) = self.marked(&evaluated, want, |this, within| {
            let mut operands = vec![this.constant_value(&children[0])?];
            let quick = this.quick_decided(children, decision).map(|arguments| {
                // Another takes its place when more is known.
                let to = this.here() + 1;
                (this.emit(Instruction::Jump { to }), arguments)
            });
            let before = this.defined.clone();
            for ((argument, parameter), told) in arguments.zip(&decision.parameters) {
                operands.push(if is_evaluated(argument, parameter) {
                    let expected = this.program.result_type(told);
                    this.evaluate(argument, expected, Want::Own)?
                } else {
                    this.quoted(argument)?
                });
            }
            if quick.is_some() {
                // Nothing but the call uses what arguments were evaluated to.
                this.defined = before;
            }
            inner(
                this,
                operands,
                Callee::Known(returns, made, quick),
                within.want,
                within.mark,
            )
        })?;
        self.exit(mark);
        Ok(value)
    }

    /// What an argument can be told of what is expected of it.
    fn told(&mut self, argument: &Atom) -> Compiled<Told> {
        let Some([head @ Atom::Symbol(symbol), arguments @ ..]) = argument.as_expression() else {
            return Ok(Told::Nothing);
        };
        Ok(match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) | Head::Operation(_, signature)
                if tells_nothing(&signature.returns) =>
            {
                Told::Free
            }
            Head::Complex if self.returns_anything(argument) => Told::Free,
            Head::Typed(signature) if is_applied(&signature) => Told::Type(self.slot()?),
            Head::Untyped => {
                let symbol = self.heap.symbol(symbol);
                self.program.look_at_rules(symbol, arguments.len());
                if self.program.has_rules_of(symbol, arguments.len()) {
                    Told::Function(self.slot()?, symbol, arguments.len())
                } else {
                    Told::Free
                }
            }
            _ => Told::Nothing,
        })
    }

    /// An argument that is a call, evaluated as it is told.
    fn told_argument(
        &mut self,
        argument: &Atom,
        children: &[Atom],
        told: Told,
        want: Want,
    ) -> Compiled<Value> {
        match told {
            Told::Nothing | Told::Free => self.evaluate(argument, ANY, want),
            Told::Type(expected) => {
                let Head::Typed(signature) = self.program.head(self.host, self.heap, &children[0])
                else {
                    return Err(Leave);
                };
                let Atom::Symbol(symbol) = &children[0] else {
                    return Err(Leave);
                };
                let symbol = self.heap.symbol(symbol);
                self.deeper()?;
                let value = self.decided_as(
                    argument,
                    children,
                    &signature,
                    Expected::Told(expected),
                    want,
                    |this, operands, callee, want, mark| {
                        this.call_decided(symbol, operands, callee, want, mark)
                    },
                )?;
                self.depth -= 1;
                Ok(value)
            }
            Told::Function(function, symbol, _) => {
                self.deeper()?;
                let (value, mark) = self.marked(&children[1..], want, |this, within| {
                    let mut operands = vec![this.constant_value(&children[0])?];
                    for child in &children[1..] {
                        operands.push(this.evaluate(child, ANY, Want::Own)?);
                    }
                    this.call_decided(
                        symbol,
                        operands,
                        Callee::Slot(function),
                        within.want,
                        within.mark,
                    )
                })?;
                self.exit(mark);
                self.depth -= 1;
                Ok(value)
            }
        }
    }

    /// A call of a function whose result is of a type that only the values of its arguments
    /// tell, which are evaluated. `None` if they do not tell it, or it is known before.
    pub(super) fn told_by_values(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        operands: &[Operand],
        expected: TypeId,
        want: Want,
        mark: Option<Slot>,
    ) -> Compiled<Option<Value>> {
        let (Atom::Symbol(symbol), Atom::Variable(_)) = (&children[0], &signature.returns) else {
            return Ok(None);
        };
        let symbol = self.heap.symbol(symbol);
        let arguments = || signature.parameters.iter().zip(&children[1..]);
        let mut tells = false;
        for (_, argument) in arguments().filter(|(parameter, _)| **parameter == signature.returns) {
            if is_call(argument) && !self.tells_type(argument) {
                return Ok(None);
            }
            tells |= match argument {
                Atom::Variable(variable) => self.names.contains_key(variable),
                argument => is_call(argument),
            };
        }
        self.program.look_at_rules(symbol, operands.len() - 1);
        if !tells || !self.program.has_rules_of(symbol, operands.len() - 1) {
            return Ok(None);
        }
        let mut call = vec![children[0].clone()];
        let mut names = Vec::new();
        let mut handed = vec![operands[0]];
        let mut parts = Vec::with_capacity(operands.len() - 1);
        let mut leaves = Vec::new();
        for ((parameter, argument), operand) in arguments().zip(&operands[1..]) {
            let slot = self.in_slot(*operand)?;
            self.define(slot);
            let name = Variable::new("value").renamed();
            self.name(
                &name,
                Name {
                    slot,
                    fresh_in: None,
                },
            );
            call.push(Atom::Variable(name.clone()));
            names.push(name);
            handed.push(Operand::slot(slot));
            let as_written = types::is_meta_type(parameter);
            let tree = if is_call(argument) && !as_written && !self.tells_type(argument) {
                Tree::Unknown
            } else {
                Tree::Value(Operand::slot(slot))
            };
            add_leaves(&tree, LeafPlace::Part, &mut leaves);
            parts.push(SiteArgument {
                tree,
                as_written,
                told: Told::Nothing,
                tells: Tells::Unclear,
            });
        }
        self.program.sites.push(Arc::new(Site {
            head: self.program.constants[operands[0].index()],
            expected: Expected::Known(expected),
            arguments: parts,
            evaluates_result: true,
            leaves,
        }));
        self.program.decided.push(Lately::default());
        let site = self.program.sites.len() as u32 - 1;
        let function = self.slot()?;
        let at = self.emit(Instruction::Decide {
            to: function,
            site,
            odd: FAIL,
        });
        // The types of one argument need no other look: it was evaluated for what is expected.
        let source = if names.len() == 1 {
            OddWhat::Call(Atom::expression(call))
        } else {
            OddWhat::Source(Atom::expression(call))
        };
        let slow = self.slow(vec![(at, Place::Odd)], source, expected)?;
        for name in &names {
            self.names.remove(name);
        }
        self.define(function);
        let value = self.call_decided(symbol, handed, Callee::Slot(function), want, mark)?;
        self.resume(Some(slow), value, want).map(Some)
    }

    /// What the type of a slot's value tells an argument of a call of two of the same type,
    /// as those of `==` are: which function the argument is a call of. `made` says of a value
    /// that was evaluated before whether it was made then, if it is an expression: if it was
    /// handed on, it tells nothing.
    pub(super) fn told_by(
        &mut self,
        head: &Atom,
        slot: Slot,
        made: Option<bool>,
        argument: &Atom,
    ) -> Compiled<Option<ToldBy>> {
        let told @ Told::Function(..) = self.told(argument)? else {
            return Ok(None);
        };
        let head = self.constant_value(head)?;
        let tells = SiteArgument {
            tree: match made {
                Some(made) => Tree::Told(slot, made),
                None => Tree::Value(Operand::slot(slot)),
            },
            as_written: false,
            told: Told::Nothing,
            tells: Tells::Unclear,
        };
        let is_told = SiteArgument {
            tree: Tree::Known(ANY),
            as_written: false,
            told,
            tells: Tells::Unclear,
        };
        let place = match made {
            None => LeafPlace::Argument,
            Some(false) => LeafPlace::Told,
            Some(true) => LeafPlace::Made,
        };
        // The order of the two makes no difference.
        self.program.sites.push(Arc::new(Site {
            head: self.program.constants[head.index()],
            expected: Expected::Known(ANY),
            arguments: vec![tells, is_told],
            evaluates_result: true,
            leaves: vec![Leaf { slot, place }],
        }));
        self.program.decided.push(Lately::default());
        let site = self.program.sites.len() as u32 - 1;
        let to = self.slot()?;
        let odd = FAIL;
        let at = self.emit(Instruction::Decide { to, site, odd });
        Ok(Some(ToldBy { told, at }))
    }

    /// The way on where the types of values do not tell: evaluating `whole` slowly.
    pub(super) fn unless_told(
        &mut self,
        told: Option<ToldBy>,
        whole: Atom,
    ) -> Compiled<Option<usize>> {
        let Some(ToldBy { told, at }) = told else {
            return Ok(None);
        };
        let slow = self.slow(vec![(at, Place::Odd)], OddWhat::Source(whole), ANY)?;
        if let Told::Function(slot, ..) = told {
            self.define(slot);
        }
        Ok(Some(slow))
    }

    /// An argument evaluated for what it is told.
    pub(super) fn as_told(&mut self, argument: &Atom, told: Option<ToldBy>) -> Compiled<Value> {
        match (told, argument.as_expression()) {
            (Some(ToldBy { told, .. }), Some(children)) => {
                self.told_argument(argument, children, told, Want::Own)
            }
            _ => self.evaluate_argument(argument, ANY),
        }
    }

    fn call_decided(
        &mut self,
        symbol: u32,
        mut operands: Vec<Operand>,
        callee: Callee,
        want: Want,
        mark: Option<Slot>,
    ) -> Compiled<Value> {
        let function = match callee {
            Callee::Slot(function) => function,
            Callee::Known(returns, made, quick) => {
                let arity = operands.len() - 1;
                let known = made.unwrap_or_else(|| self.program.function(symbol, arity, returns));
                return self.call_function(known, operands, want, mark, Flags::Data, quick);
            }
        };
        if !self.program.has_rules_of(symbol, operands.len() - 1) {
            return self.call_symbol(symbol, operands, ANY, want, mark, Flags::Data, None);
        }
        operands.remove(0);
        self.call_in_slot(function, &operands, want, mark)?;
        self.take_called(want)
    }
}
