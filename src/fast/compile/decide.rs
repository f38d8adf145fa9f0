//! Calls whose types are decided when they run: signatures with type variables inside
//! of types, heads and arguments of which only the value tells the type.

use std::cell::RefCell;
use std::sync::Arc;

use super::call::Call;
use super::{
    Check, Compiled, Compiler, Leave, OddWhat, Place, Static, Value, Want, is_whole_error,
};
use crate::atom::{Atom, Variable, known};
use crate::fast::code::{ANY, FAIL, Instruction, Operand, Quick, Slot, TypeId};
use crate::fast::function::Elements;
use crate::fast::head::{Head, Signature};
use crate::fast::site::{
    Applied, Expected, Leaf, LeafPlace, Site, SiteArgument, Tells, Told, Tree,
};
use crate::types;

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

pub(super) fn is_call(argument: &Atom) -> bool {
    argument
        .as_expression()
        .is_some_and(|parts| !parts.is_empty())
}

/// Whether it is the operation that makes states, whose types their values tell.
pub(super) fn makes_states(head: &Atom) -> bool {
    (head.as_operation()).is_some_and(|operation| operation.name() == "new-state")
}

/// Whether it is an operation whose type has variables.
pub(super) fn is_open_operation(argument: &Atom) -> bool {
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

/// A call that is decided about, and again where an argument tells more once it was evaluated.
struct Further {
    /// The call, with what arguments were evaluated to so far.
    whole: Vec<Atom>,
    head: Value,
    /// The types of its head, if they are several.
    several: Option<Arc<[Atom]>>,
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
        let tells = self.arguments[place].tells.is_clear();
        let later = &self.arguments[place + 1..];
        tells && (self.evaluates_result || later.iter().any(SiteArgument::is_evaluated))
    }
}

/// Notes the slots that a tree depends on; `place` is that of the whole.
pub(super) fn add_leaves(tree: &Tree, place: LeafPlace, leaves: &mut Vec<Leaf>) {
    match tree {
        Tree::Value(operand) | Tree::Expression(operand) if !operand.is_constant() => {
            leaves.push(Leaf {
                slot: operand.index() as Slot,
                place,
            });
        }
        Tree::Result(slot) => leaves.push(Leaf {
            slot: *slot,
            place: LeafPlace::Result,
        }),
        Tree::Named(before, slot, applied) => {
            add_leaves(before, LeafPlace::Part, leaves);
            let place = LeafPlace::ResultOf(*applied);
            leaves.push(Leaf { slot: *slot, place });
            add_named(*applied, leaves);
        }
        Tree::Told(slot, made) => leaves.push(Leaf {
            slot: *slot,
            place: if *made {
                LeafPlace::Made
            } else {
                LeafPlace::Told
            },
        }),
        Tree::Value(_) | Tree::Expression(_) | Tree::Unknown | Tree::Known(_) => {}
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

/// Notes that types depend on the name that is the head of a call.
fn add_named(applied: Applied, leaves: &mut Vec<Leaf>) {
    let (slot, place) = (applied.head, LeafPlace::Named(applied.count));
    leaves.push(Leaf { slot, place });
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
                let signature = self.signature_for_tree(children);
                let parts = children.iter().enumerate().map(|(place, child)| {
                    let place = place.checked_sub(1);
                    let parameter = signature.as_ref().zip(place);
                    let parameter =
                        parameter.map(|(signature, place)| &signature.parameters[place]);
                    self.part_of_tree(child, parameter, depth + 1)
                });
                Ok(Tree::Call(parts.collect::<Compiled<_>>()?))
            }
        }
    }

    /// The part of a tree for an argument. Where types are told, what a parameter takes whatever
    /// its type is not looked at.
    fn part_of_tree(
        &mut self,
        argument: &Atom,
        parameter: Option<&Atom>,
        depth: usize,
    ) -> Compiled<Tree> {
        let Some(parameter) = parameter else {
            return self.tree_of(argument, depth);
        };
        if types::is_undefined(parameter) || parameter.is_symbol(&known().atom) {
            return Ok(Tree::Unknown);
        }
        if is_call(argument) && types::matches_meta_type(argument, parameter) {
            return Ok(Tree::Value(self.constant_value(&Atom::unit())?));
        }
        Ok(match self.tree_of(argument, depth)? {
            Tree::Value(operand) if parameter.is_symbol(&known().expression) => {
                Tree::Expression(operand)
            }
            tree => tree,
        })
    }

    /// What the head of an expression takes, if that tells all of the expression's type.
    fn signature_for_tree(&mut self, children: &[Atom]) -> Option<Arc<Signature>> {
        match self.program.head(self.host, self.heap, &children[0]) {
            Head::Typed(signature) | Head::Operation(_, signature)
                if signature.parameters.len() + 1 == children.len()
                    && !self.program.space.may_type_expression(&children[0]) =>
            {
                Some(signature)
            }
            _ => None,
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
    pub(super) fn decided(&mut self, call: Call<'_>, signature: &Signature) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        let Atom::Symbol(symbol) = &children[0] else {
            return Err(Leave);
        };
        let symbol = self.heap.symbol(symbol);
        let expected = Expected::Known(expected);
        self.decided_as(
            (atom, children),
            (signature, None),
            expected,
            want,
            |this, operands, callee, want, mark| {
                let elements = this.elements_of_decided(children, signature);
                this.call_decided(symbol, operands, callee, want, mark, elements)
            },
        )
    }

    /// A call of a name with several function types: values tell which of them is meant, all of
    /// which have their arguments evaluated.
    pub(super) fn decided_of_several(&mut self, call: Call<'_>) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        let Atom::Symbol(symbol) = &children[0] else {
            return Err(Leave);
        };
        let symbol = self.heap.symbol(symbol);
        let several = self.program.several(self.host, self.heap, &children[0]);
        let mut several = several.ok_or(Leave)?;
        several.retain(|(signature, _)| signature.parameters.len() + 1 == children.len());
        let (first, _) = several.first().ok_or(Leave)?.clone();
        let types: Arc<[Atom]> = several.into_iter().map(|(_, found)| found).collect();
        self.decided_as(
            (atom, children),
            (&first, Some(&types)),
            Expected::Known(expected),
            want,
            |this, operands, callee, want, mark| {
                let elements = Elements::Unsettled;
                this.call_decided(symbol, operands, callee, want, mark, elements)
            },
        )
    }

    /// A call of something with such a signature: `inner` makes it of its operands. Of `several` types the
    /// signature is that of one.
    pub(super) fn decided_as(
        &mut self,
        (atom, children): (&Atom, &[Atom]),
        (signature, several): (&Signature, Option<&Arc<[Atom]>>),
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
            && several.is_none()
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
                Told::Applied(..) if is_symbol => Tells::Named,
                Told::Nothing if is_symbol && matches!(tree, Tree::Call(_)) => self.tells(argument),
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
                if part.tells.is_clear() {
                    part.tells = Tells::Unclear;
                }
            });
        }
        let told: Vec<Told> = parts.iter().map(|part| part.told).collect();
        let several = several.cloned();
        let is_one = several.is_none();
        let called = (head, several.clone());
        let site = self.site(called, expected, parts.clone(), evaluates_result);
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
            if let Told::Type(slot) | Told::Function(slot, ..) | Told::Applied(slot, _) = told {
                self.define(*slot);
            }
        }
        let mut further = Further {
            whole: children.to_vec(),
            head,
            several,
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
            && is_one
            && !self.is_typed_anyhow(arguments, signature)
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
        (head, several): (Value, Option<Arc<[Atom]>>),
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
            if let Told::Applied(_, applied) = part.told {
                add_named(applied, &mut leaves);
            }
        }
        self.program.site(Site {
            head: self.program.constants[head.index()],
            several,
            expected,
            arguments,
            evaluates_result,
            leaves,
        })
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
        let name = self.name_value(slot);
        further.whole[place + 1] = Atom::Variable(name.clone());
        further.names.push(name);
        if !further.is_told_by(place) {
            return Ok(Operand::slot(slot));
        }
        let part = further.arguments[place].clone();
        let (tree, told) = match (part.tells, part.told) {
            (Tells::Type(found), _) => (Tree::Known(found), None),
            (Tells::Made, _) => (Tree::Told(slot, true), None),
            (Tells::Named, Told::Applied(told, applied)) => {
                (Tree::Named(Box::new(part.tree), slot, applied), Some(told))
            }
            _ => (Tree::Result(slot), None),
        };
        further.arguments[place] = SiteArgument {
            tree,
            as_written: false,
            told: Told::Free,
            tells: Tells::Nothing,
        };
        let arguments = further.arguments.clone();
        let (head, expected) = (further.head, further.expected);
        let called = (head, further.several.clone());
        let site = self.site(called, expected, arguments, further.evaluates_result);
        let odd = FAIL;
        let to = further.function;
        let over = told.map(|slot| self.emit(Instruction::IfFurther { slot, odd }));
        let at = self.emit(Instruction::Decide { to, site, odd });
        if let Some(over) = over {
            let here = self.here();
            self.fill(over, Place::Odd, here);
        }
        let whole = self.program.curried.nested(further.whole.clone());
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

    /// Whether calls of a head have no rules; code depends on that.
    pub(super) fn has_no_rules(&mut self, head: &Atom, arity: usize) -> bool {
        let Atom::Symbol(symbol) = head else {
            return false;
        };
        let symbol = self.heap.symbol(symbol);
        !self.program.ask_for_rules(symbol, arity)
    }

    pub(super) fn call_decided(
        &mut self,
        symbol: u32,
        mut operands: Vec<Operand>,
        callee: Callee,
        want: Want,
        mark: Option<Slot>,
        elements: Elements,
    ) -> Compiled<Value> {
        let function = match callee {
            Callee::Slot(function) => function,
            Callee::Known(returns, made, quick) => {
                let arity = operands.len() - 1;
                let known = match (made, elements) {
                    (Some(made), Elements::Seen | Elements::Remade) => made,
                    _ => self.program.function(symbol, arity, returns),
                };
                return self.call_function(known, operands, want, mark, elements, quick);
            }
        };
        if !self.program.has_rules_of(symbol, operands.len() - 1) {
            return self.call_symbol(symbol, operands, ANY, want, mark, elements, None);
        }
        operands.remove(0);
        self.call_in_slot(function, &operands, want, mark)?;
        self.take_called(want)
    }
}
