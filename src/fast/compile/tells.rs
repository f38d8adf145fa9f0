//! What the value of an expression tells of its type: where it comes from, through the rules of what it calls.

use super::Compiler;
use super::lambda::lambda_of;
use crate::atom::{Atom, known};
use crate::engine::Host;
use crate::evaluate::{Control, is_instruction};
use crate::fast::head::{Head, Signature};
use crate::fast::heap::Heap;
use crate::fast::program::Program;
use crate::fast::site::{Telling, Tells};
use crate::types;
use crate::unify::Bindings;

/// Types of calls in calls are applied to those around them up to this depth.
const APPLIED_DEPTH: usize = 40;
/// No more functions are looked into for what their results tell.
const FUNCTIONS: usize = 16;
/// No more calls in data are looked at for whether they give what they declare.
const CALLS: usize = 64;

/// Where the value of an expression comes from.
enum Source {
    /// It is no call.
    Itself,
    /// It is the value of one of these: bodies of rules, branches, arguments.
    Of(Vec<Atom>),
    /// It is of a type that a signature declares.
    Declared(Atom),
    /// A call of a function that was looked into before.
    Again,
    /// A call of what has no name.
    Nameless,
    /// Any other call, and one more function than are looked into.
    Unknown,
}

/// What is known of all that the value of an expression may come from.
#[derive(Default)]
struct Gathered {
    /// What tells nothing of its type.
    silent: bool,
    /// What is of the type that its value has.
    value: bool,
    /// What may be an expression that was there before, and so tells nothing.
    handed_on: bool,
    /// Data that is made, whose type goes by its elements.
    made: bool,
    /// What a signature tells the type of.
    declared: Option<Atom>,
    /// What is kept as it is, unevaluated.
    kept: bool,
    unclear: bool,
}

/// What calls of a name without types tell of what type variables stand for, whatever its arguments are.
pub(in crate::fast) fn telling(
    host: &Host,
    heap: &mut Heap,
    program: &mut Program,
    symbol: u32,
    arity: usize,
) -> Telling {
    if !program.has_rules_of(symbol, arity) {
        return Telling::Free;
    }
    let head = Atom::Symbol(heap.symbol_of(symbol));
    let arguments = (0..arity).map(|number| Atom::variable(&number.to_string()));
    let call = Atom::expression(std::iter::once(head).chain(arguments).collect::<Vec<_>>());
    let mut compiler = Compiler::new(host, heap, program, 0);
    Telling::As(match compiler.keeps_result(&call) {
        true => Tells::Unclear,
        false => compiler.tells(&call),
    })
}

/// As [`telling`], of calls of a function without a name.
pub(in crate::fast) fn telling_of_lambda(
    host: &Host,
    heap: &mut Heap,
    program: &mut Program,
    lambda: &Atom,
    arity: usize,
) -> Telling {
    let Some((parameters, body)) = lambda_of(lambda) else {
        return Telling::Other;
    };
    let are_plain = parameters
        .iter()
        .enumerate()
        .all(|(place, one)| matches!(one, Atom::Variable(_)) && !parameters[..place].contains(one));
    if !are_plain || parameters.len() != arity {
        return Telling::Other;
    }
    let mut compiler = Compiler::new(host, heap, program, 0);
    Telling::As(match compiler.keeps_result(body) {
        true => Tells::Unclear,
        false => compiler.tells(body),
    })
}

/// Whether a function of such results says nothing of what they are.
pub(super) fn tells_nothing(returns: &Atom) -> bool {
    types::is_undefined(returns) || returns.is_symbol(&known().atom)
}

/// The type of a function's result and those of its parameters, as one.
pub(super) fn as_one(signature: &Signature) -> Atom {
    let parts = [&signature.returns]
        .into_iter()
        .chain(&signature.parameters);
    Atom::expression(parts.cloned().collect::<Vec<Atom>>())
}

impl Compiler<'_> {
    /// Whether the value of an expression is one of the type that is expected of it, whose
    /// type so tells what type variables stand for. What gives back anything, as `let` does,
    /// keeps that from being looked at.
    pub(super) fn tells_type(&mut self, atom: &Atom) -> bool {
        self.tells_type_within(atom, &mut Vec::new())
    }

    fn tells_type_within(&mut self, atom: &Atom, seen: &mut Vec<(u32, usize)>) -> bool {
        match self.source(atom, seen) {
            Source::Itself | Source::Again | Source::Nameless => true,
            // Nothing says what it is where no value is known, as of `(: head (-> (List $t) $t))`.
            Source::Of(atoms) if atoms.is_empty() => false,
            Source::Of(atoms) => atoms.iter().all(|atom| self.tells_type_within(atom, seen)),
            Source::Declared(found) => !types::is_undefined(&found) && !types::is_meta_type(&found),
            Source::Unknown => false,
        }
    }

    /// Where the value of an expression comes from; functions that are `seen` are not looked
    /// into again.
    fn source(&mut self, atom: &Atom, seen: &mut Vec<(u32, usize)>) -> Source {
        let Some(children @ [head, arguments @ ..]) = atom.as_expression() else {
            return Source::Itself;
        };
        match self.program.head(self.host, self.heap, head) {
            Head::Untyped => self.bodies(head, arguments.len(), seen),
            Head::Operation(operation, _) if operation.control() == Some(Control::If) => {
                Source::Of(arguments.iter().skip(1).cloned().collect())
            }
            Head::Typed(signature) | Head::Operation(_, signature) => {
                if !matches!(signature.returns, Atom::Variable(_)) {
                    return Source::Declared(signature.returns.clone());
                }
                let own = signature.parameters.iter().zip(arguments);
                let own = own.filter(|(parameter, _)| **parameter == signature.returns);
                let own: Vec<Atom> = own.map(|(_, argument)| argument.clone()).collect();
                match head {
                    // Of any type, as its rules have it.
                    Atom::Symbol(_)
                        if own.iter().all(|argument| self.is_untyped_name(argument)) =>
                    {
                        self.bodies(head, arguments.len(), seen)
                    }
                    _ => Source::Of(own),
                }
            }
            Head::Complex => match self.flat_call(children) {
                Some((flat, _)) => self.source(&Atom::expression(flat), seen),
                None => Source::Unknown,
            },
        }
    }

    fn is_untyped_name(&mut self, atom: &Atom) -> bool {
        let Atom::Symbol(symbol) = atom else {
            return false;
        };
        let id = self.heap.symbol(symbol);
        self.program.types_of_symbol(self.heap, id).is_none()
    }

    /// The bodies of the rules of a function.
    fn bodies(&mut self, head: &Atom, arity: usize, seen: &mut Vec<(u32, usize)>) -> Source {
        let Atom::Symbol(symbol) = head else {
            return Source::Nameless;
        };
        let function = (self.heap.symbol(symbol), arity);
        if seen.contains(&function) {
            return Source::Again;
        }
        let most = FUNCTIONS.checked_sub(seen.len());
        let Some(rules) = most.and_then(|most| self.few_rules(head, arity, most)) else {
            return Source::Unknown;
        };
        seen.push(function);
        let body = |rule: &Atom| rule.as_expression()?.last().cloned();
        Source::Of(rules.iter().filter_map(body).collect())
    }

    /// The one type that the functions declare whose values alone an expression has, by way of functions
    /// without types.
    pub(super) fn declared_behind(&mut self, atom: &Atom) -> Option<Atom> {
        let (declared, is_all) = self.all_declared_behind(atom);
        match declared.as_slice() {
            [only] if is_all && only.is_ground() && !tells_nothing(only) => Some(only.clone()),
            _ => None,
        }
    }

    /// Whether some values of an expression are, by way of functions without types, of one that may give
    /// what is not of the type that it declares, and nothing shows it of a value: others are of other
    /// functions, or the type has variables.
    pub(super) fn may_be_undeclared_behind(&mut self, atom: &Atom) -> bool {
        let mut seen = Vec::new();
        let Source::Of(mut pending) = self.source(atom, &mut seen) else {
            return false;
        };
        let (mut sources, mut is_undeclared) = (0, false);
        while let Some(atom) = pending.pop() {
            match self.source(&atom, &mut seen) {
                Source::Of(atoms) => pending.extend(atoms),
                Source::Again => {}
                Source::Declared(found) => {
                    sources += 1;
                    if self.may_be_undeclared(&atom) {
                        if !found.is_ground() {
                            return true;
                        }
                        is_undeclared = true;
                    }
                }
                Source::Itself | Source::Nameless | Source::Unknown => sources += 1,
            }
        }
        is_undeclared && sources > 1
    }

    /// Whether the value of a call may be of another type than its function declares, or be data that is made
    /// of such values and tells their types.
    pub(super) fn may_be_undeclared(&mut self, call: &Atom) -> bool {
        let (mut seen, mut looked) = (Vec::new(), 0);
        let mut pending = vec![call.clone()];
        while let Some(call) = pending.pop() {
            looked += 1;
            if looked > CALLS {
                return false;
            }
            let Source::Declared(found) = self.source(&call, &mut seen) else {
                continue;
            };
            if tells_nothing(&found) || types::is_meta_type(&found) || self.is_operation(&call) {
                continue;
            }
            if self.is_constructed(&call) {
                if !found.is_ground() {
                    let elements = call.as_expression().unwrap_or_default();
                    pending.extend(elements.iter().skip(1).cloned());
                }
            } else if self.gives_undeclared(&call, &found, &mut seen) {
                return true;
            }
        }
        false
    }

    /// Whether a function may give values that its rules have from what may be of any type: they are not held
    /// against the type that it declares.
    fn gives_undeclared(
        &mut self,
        call: &Atom,
        declared: &Atom,
        seen: &mut Vec<(u32, usize)>,
    ) -> bool {
        let Some([head, arguments @ ..]) = call.as_expression() else {
            return false;
        };
        let Source::Of(mut pending) = self.bodies(head, arguments.len(), seen) else {
            return false;
        };
        // A variable may stand for a call, the value of which may be of any type.
        let takes_calls = match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) => (signature.parameters.iter()).any(types::is_meta_type),
            _ => false,
        };
        while let Some(atom) = pending.pop() {
            match self.source(&atom, seen) {
                Source::Itself if takes_calls && matches!(atom, Atom::Variable(_)) => return true,
                Source::Of(atoms) => pending.extend(atoms),
                Source::Declared(found) if tells_nothing(&found) => {
                    let value = self.behind_lets(&atom);
                    if !self.is_told_as(value, declared) {
                        return true;
                    }
                }
                Source::Declared(_) if self.is_operation(&atom) => {}
                Source::Declared(_) => {
                    if self.gives_undeclared(&atom, declared, seen) {
                        return true;
                    }
                }
                Source::Unknown if self.returns_anything(&atom) => return true,
                Source::Itself | Source::Again | Source::Nameless | Source::Unknown => {}
            }
        }
        false
    }

    /// What the value of an expression is that of, behind what names values only.
    fn behind_lets<'a>(&mut self, mut atom: &'a Atom) -> &'a Atom {
        while let Some([head, .., last]) = atom.as_expression() {
            match self.program.head(self.host, self.heap, head) {
                Head::Operation(operation, _)
                    if matches!(operation.control(), Some(Control::Let | Control::LetStar)) =>
                {
                    atom = last;
                }
                _ => break,
            }
        }
        atom
    }

    /// Whether all values of an expression tell that they are of this type.
    fn is_told_as(&mut self, atom: &Atom, declared: &Atom) -> bool {
        self.tells_type(atom)
            && !self.hands_on(atom)
            && self.types_made(atom).iter().all(|found| found == declared)
    }

    /// Whether some values of an expression are, by way of functions without types, of one that declares a
    /// kind of atoms.
    pub(super) fn is_kind_behind(&mut self, atom: &Atom) -> bool {
        let (declared, _) = self.all_declared_behind(atom);
        let is_kind = |found: &Atom| types::is_meta_type(found) && !tells_nothing(found);
        declared.iter().any(is_kind)
    }

    /// The types that functions declare whose values an expression has by way of functions without types, and
    /// whether it has no others.
    fn all_declared_behind(&mut self, atom: &Atom) -> (Vec<Atom>, bool) {
        let (mut declared, mut is_all) = (Vec::new(), true);
        let mut seen = Vec::new();
        let Source::Of(mut pending) = self.source(atom, &mut seen) else {
            return (declared, false);
        };
        while let Some(atom) = pending.pop() {
            match self.source(&atom, &mut seen) {
                Source::Of(atoms) => pending.extend(atoms),
                Source::Declared(found) if !self.is_operation(&atom) => {
                    if !declared.contains(&found) {
                        declared.push(found);
                    }
                }
                Source::Again => {}
                Source::Declared(_) | Source::Itself | Source::Nameless | Source::Unknown => {
                    is_all = false;
                }
            }
        }
        (declared, is_all)
    }

    /// The types that values of an expression are known to be of, where those tell what type
    /// variables stand for.
    pub(super) fn types_told(&mut self, atom: &Atom) -> Vec<Atom> {
        let mut told = self.types_made(atom);
        told.retain(Atom::is_ground);
        told
    }

    /// The types that values of an expression are known to be of, also those with variables in them.
    pub(super) fn types_made(&mut self, atom: &Atom) -> Vec<Atom> {
        let (mut told, mut seen) = (Vec::new(), Vec::new());
        self.types_made_within(atom, &mut seen, &mut told);
        told
    }

    /// Whether rules of a function have values of plainly another type than one that values of an
    /// expression are known to be of.
    pub(super) fn gives_other(&mut self, symbol: u32, arity: usize, atom: &Atom) -> bool {
        let told = self.types_told(atom);
        // What was there before may be of any type.
        if told.is_empty() && !self.hands_on(atom) {
            return false;
        }
        let head = Atom::Symbol(self.heap.symbol_of(symbol));
        let Some(rules) = self.few_rules(&head, arity, FUNCTIONS) else {
            return false;
        };
        let bodies = rules.iter().filter_map(|rule| rule.as_expression()?.last());
        if (bodies.clone()).any(|body| self.gives_expression(body) != Some(false)) {
            return true;
        }
        let made: Vec<Atom> = bodies.flat_map(|body| self.types_made(body)).collect();
        made.iter().any(|made| {
            let differs = |told: &Atom| {
                let (made, told) = (types::renamed(made), types::renamed(told));
                !types::match_types(&made, &told, &mut Bindings::new())
            };
            told.is_empty() || told.iter().any(differs)
        })
    }

    fn types_made_within(
        &mut self,
        atom: &Atom,
        seen: &mut Vec<(u32, usize)>,
        told: &mut Vec<Atom>,
    ) {
        match self.source(atom, seen) {
            Source::Itself => {
                if let [only] = types::types_of(&self.program.space, atom).as_slice()
                    && !types::is_undefined(only)
                {
                    told.push(only.clone());
                }
            }
            Source::Of(atoms) => {
                for atom in &atoms {
                    self.types_made_within(atom, seen, told);
                }
            }
            Source::Declared(found) => {
                if !types::is_undefined(&found) && !types::is_meta_type(&found) {
                    told.push(self.type_applied(atom, seen).unwrap_or(found));
                }
            }
            Source::Again | Source::Nameless | Source::Unknown => {}
        }
        // A function of results of any type may give others than its arguments are of.
        if let Some([head, arguments @ ..]) = atom.as_expression()
            && let Head::Typed(signature) = self.program.head(self.host, self.heap, head)
            && matches!(signature.returns, Atom::Variable(_))
            && let Source::Of(bodies) = self.bodies(head, arguments.len(), seen)
        {
            for body in &bodies {
                self.types_made_within(body, seen, told);
            }
        }
    }

    /// The type of a call's result as the types of its arguments tell it, if that is declared with type
    /// variables.
    fn type_applied(&mut self, call: &Atom, seen: &mut Vec<(u32, usize)>) -> Option<Atom> {
        let [head, arguments @ ..] = call.as_expression()? else {
            return None;
        };
        let Head::Typed(signature) = self.program.head(self.host, self.heap, head) else {
            return None;
        };
        if signature.returns.is_ground() || self.depth > APPLIED_DEPTH {
            return None;
        }
        let declared = types::renamed(&as_one(&signature));
        let [returns, parameters @ ..] = declared.as_expression()? else {
            return None;
        };
        let mut bindings = Bindings::new();
        self.depth += 1;
        for (parameter, argument) in parameters.iter().zip(arguments) {
            let mut told = Vec::new();
            self.types_made_within(argument, seen, &mut told);
            if let [only] = told.as_slice()
                && !types::match_types(parameter, &types::renamed(only), &mut bindings)
            {
                break;
            }
        }
        self.depth -= 1;
        Some(bindings.apply(returns))
    }

    /// Whether what an argument is evaluated to may tell one after it to be of another type than that is,
    /// where their types by themselves leave it open.
    pub(super) fn may_tell_apart(
        &mut self,
        signature: &Signature,
        arguments: &[Atom],
        is_open: impl Fn(usize) -> bool,
    ) -> bool {
        let open: Vec<usize> = (0..arguments.len())
            .filter(|place| is_open(*place))
            .collect();
        if open.len() < 2 {
            return false;
        }
        let declared = types::renamed(&as_one(signature));
        let declared = declared.as_expression().unwrap_or_default();
        let told: Vec<(&Atom, Vec<Atom>)> = open
            .iter()
            .map(|place| (&declared[place + 1], self.types_made(&arguments[*place])))
            .collect();
        told.iter().enumerate().any(|(number, (parameter, made))| {
            let later = || told[number + 1..].iter();
            let mut pairs = made.iter().flat_map(|made| {
                later().flat_map(move |(other, others)| {
                    others.iter().map(move |found| (made, *other, found))
                })
            });
            pairs.any(|(made, other, found)| {
                let mut bindings = Bindings::new();
                types::match_types(parameter, &types::renamed(made), &mut bindings)
                    && !types::match_types(other, &types::renamed(found), &mut bindings)
            })
        })
    }

    /// Whether the value of an expression may be one that was there before, which a variable
    /// stood for.
    pub(super) fn hands_on(&mut self, atom: &Atom) -> bool {
        self.hands_on_within(atom, &mut Vec::new())
    }

    fn hands_on_within(&mut self, atom: &Atom, seen: &mut Vec<(u32, usize)>) -> bool {
        match self.source(atom, seen) {
            Source::Itself => matches!(atom, Atom::Variable(_)),
            Source::Of(atoms) => atoms.iter().any(|atom| self.hands_on_within(atom, seen)),
            Source::Declared(_) | Source::Again => false,
            Source::Nameless | Source::Unknown => true,
        }
    }

    /// Whether the value of an expression may be that of a function which says that its result is of
    /// any type: then the types of its arguments tell of which, also of what was there before.
    pub(super) fn is_of_any_declared(&mut self, atom: &Atom) -> bool {
        self.is_of_any_declared_within(atom, &mut Vec::new())
    }

    fn is_of_any_declared_within(&mut self, atom: &Atom, seen: &mut Vec<(u32, usize)>) -> bool {
        if let Some([head, ..]) = atom.as_expression()
            && let Head::Typed(signature) = self.program.head(self.host, self.heap, head)
        {
            return matches!(signature.returns, Atom::Variable(_));
        }
        match self.source(atom, seen) {
            Source::Of(atoms) => {
                (atoms.iter()).any(|atom| self.is_of_any_declared_within(atom, seen))
            }
            _ => false,
        }
    }

    /// What evaluating an argument tells of what type variables stand for.
    pub(super) fn tells(&mut self, atom: &Atom) -> Tells {
        let mut gathered = Gathered::default();
        self.gather(atom, &mut Vec::new(), &mut gathered);
        if gathered.declared.as_ref().is_some_and(is_of_leaves) && gathered.value {
            // Such a value tells the same as its function does.
            gathered.declared = None;
        }
        match gathered {
            Gathered { unclear: true, .. } => Tells::Unclear,
            Gathered {
                silent: true,
                value: false,
                ..
            } if gathered.declared.is_none() => Tells::Nothing,
            Gathered { silent: true, .. } => Tells::Unclear,
            Gathered {
                made: true,
                handed_on: false,
                declared: None,
                ..
            } => Tells::Made,
            Gathered {
                made: false,
                value,
                declared,
                ..
            } => match declared {
                None => Tells::Value,
                Some(found) if !value => Tells::Type(self.program.type_id(&found)),
                Some(_) => Tells::Unclear,
            },
            Gathered { made: true, .. } => Tells::Unclear,
        }
    }

    fn gather(&mut self, atom: &Atom, seen: &mut Vec<(u32, usize)>, gathered: &mut Gathered) {
        match self.source(atom, seen) {
            // What is an expression was there before, or has no type.
            Source::Itself | Source::Nameless => {
                gathered.value = true;
                gathered.handed_on |= !matches!(atom, Atom::Symbol(_) | Atom::Grounded(_));
            }
            Source::Of(atoms) => {
                gathered.value |= atoms.is_empty();
                for atom in &atoms {
                    self.gather(atom, seen, gathered);
                }
            }
            Source::Declared(found) if found.is_symbol(&known().atom) => {
                (gathered.silent, gathered.kept) = (true, true);
            }
            Source::Declared(found) if types::is_undefined(&found) => gathered.silent = true,
            Source::Declared(found) if types::is_meta_type(&found) => gathered.unclear = true,
            Source::Declared(found) if !found.is_ground() => {
                match self.is_constructed(atom) && self.elements_tell(atom, seen) {
                    true => gathered.made = true,
                    false => gathered.unclear = true,
                }
            }
            // Their results are of that type by themselves, also what is left as it stands.
            Source::Declared(_) if self.is_operation(atom) => gathered.value = true,
            Source::Declared(found) => {
                let declared = gathered.declared.get_or_insert_with(|| found.clone());
                gathered.unclear |= *declared != found;
            }
            Source::Again => {}
            Source::Unknown if self.returns_anything(atom) => gathered.silent = true,
            Source::Unknown => gathered.unclear = true,
        }
    }

    /// Whether all values of an expression are of functions that are declared to give an `Expression`;
    /// `None` if some may be and others not.
    pub(super) fn gives_expression(&mut self, atom: &Atom) -> Option<bool> {
        let mut given = Vec::new();
        self.gather_given(atom, &mut Vec::new(), &mut given);
        let is_any = given.contains(&true);
        (!is_any || !given.contains(&false)).then_some(is_any)
    }

    fn gather_given(&mut self, atom: &Atom, seen: &mut Vec<(u32, usize)>, given: &mut Vec<bool>) {
        match self.source(atom, seen) {
            // No rule is for it: it is data.
            Source::Of(atoms) if atoms.is_empty() => given.push(false),
            Source::Of(atoms) => {
                if self.may_be_stuck(atom) {
                    given.push(false);
                }
                (atoms.iter()).for_each(|atom| self.gather_given(atom, seen, given));
            }
            Source::Declared(found) => given.push(found.is_symbol(&known().expression)),
            Source::Again => {}
            Source::Itself | Source::Nameless | Source::Unknown => given.push(false),
        }
    }

    /// Whether it is a call of a name that has rules, none of which is for whatever it is called with.
    fn may_be_stuck(&mut self, call: &Atom) -> bool {
        let Some([head @ Atom::Symbol(_), arguments @ ..]) = call.as_expression() else {
            return false;
        };
        let takes_all = |rule: &Atom| {
            let pattern = rule.as_expression().and_then(|rule| rule.get(1));
            let given = pattern.and_then(Atom::as_expression).unwrap_or_default();
            let given = given.get(1..).unwrap_or_default();
            given.iter().enumerate().all(|(place, one)| {
                matches!(one, Atom::Variable(_)) && !given[..place].contains(one)
            })
        };
        let rules = self.few_rules(head, arguments.len(), FUNCTIONS);
        rules.is_some_and(|rules| !rules.is_empty() && !rules.iter().any(takes_all))
    }

    /// Whether it is data headed by a name: code depends on that there is no rule for it.
    fn is_constructed(&mut self, call: &Atom) -> bool {
        let Some([head @ Atom::Symbol(_), arguments @ ..]) = call.as_expression() else {
            return false;
        };
        !self.is_operation(call) && self.has_no_rules(head, arguments.len())
    }

    /// Whether evaluating the elements of data tells what the types of their values do.
    fn elements_tell(&mut self, data: &Atom, seen: &mut Vec<(u32, usize)>) -> bool {
        let elements = data.as_expression().unwrap_or_default();
        elements.iter().skip(1).all(|element| {
            let is_call = element
                .as_expression()
                .is_some_and(|parts| !parts.is_empty());
            if !is_call {
                return true;
            }
            let mut gathered = Gathered::default();
            self.gather(element, seen, &mut gathered);
            let declared = gathered.declared.as_ref();
            !gathered.silent
                && !gathered.unclear
                && !gathered.handed_on
                && declared.is_none_or(is_of_leaves)
        })
    }

    fn is_operation(&mut self, call: &Atom) -> bool {
        let head = call.as_expression().and_then(<[Atom]>::first);
        head.is_some_and(|head| {
            matches!(
                self.program.head(self.host, self.heap, head),
                Head::Operation(..)
            )
        })
    }

    /// Whether the result of a call is that of a function which says that it is kept as it is.
    pub(super) fn keeps_result(&mut self, call: &Atom) -> bool {
        let mut gathered = Gathered::default();
        self.gather(call, &mut Vec::new(), &mut gathered);
        gathered.kept
    }

    /// Whether it is a call of an instruction whose result may be anything, as its type says.
    pub(super) fn returns_anything(&mut self, call: &Atom) -> bool {
        let Some([Atom::Symbol(symbol), ..]) = call.as_expression() else {
            return false;
        };
        if !is_instruction(symbol) {
            return false;
        }
        let id = self.heap.symbol(symbol);
        let found = self.program.types_of_symbol(self.heap, id).as_ref();
        found.is_some_and(|found| {
            let returns = |found: &Atom| found.as_expression()?.last().cloned();
            (found.iter()).all(|found| returns(found).is_some_and(|found| tells_nothing(&found)))
        })
    }
}

/// Whether values of a type are no expressions.
fn is_of_leaves(found: &Atom) -> bool {
    let known = known();
    [&known.number, &known.bool, &known.string]
        .into_iter()
        .any(|leaves| found.is_symbol(leaves))
}
