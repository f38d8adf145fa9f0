//! Types: which types an atom has in a space, and whether types match.
//!
//! Types are atoms; `(: a T)` in a space assigns one. An atom without any has
//! the type `%Undefined%`, which matches every type, as `Atom` does.

mod any;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

pub(crate) use any::{as_result, shown};
use any::{has_host_value, has_meta_type, with_any_type, without_any_type};

use crate::atom::{Atom, Expression, Grounded, Variable, known};
use crate::evaluate::is_lambda;
use crate::seen::Made;
use crate::space::{Layers, Space, changes};
use crate::unify::{Bindings, Replacement, rebuild, unify};

/// `%Undefined%`.
pub(crate) fn undefined() -> Atom {
    Atom::Symbol(known().undefined.clone())
}

pub(crate) fn is_undefined(atom: &Atom) -> bool {
    atom.is_symbol(&known().undefined)
}

/// The meta-type: `Symbol`, `Variable`, `Expression` or `Grounded`.
pub(crate) fn meta_type(atom: &Atom) -> Atom {
    let known = known();
    Atom::Symbol(match atom {
        Atom::Symbol(_) => known.symbol.clone(),
        Atom::Variable(_) => known.variable.clone(),
        Atom::Expression(_) => known.expression.clone(),
        Atom::Grounded(_) => known.grounded.clone(),
    })
}

/// Whether `atom` is `Atom` or one of the four meta-types.
pub(crate) fn is_meta_type(atom: &Atom) -> bool {
    let known = known();
    matches!(atom, Atom::Symbol(symbol) if *symbol == known.atom || *symbol == known.symbol
        || *symbol == known.variable || *symbol == known.expression || *symbol == known.grounded)
}

/// Whether `atom` is `(-> …)` with a return type.
pub(crate) fn is_function(atom: &Atom) -> bool {
    matches!(atom.as_expression(), Some([arrow, _, ..]) if arrow.is_symbol(&known().arrow))
}

/// Unifies two types; `%Undefined%` and `Atom`, as they stand, match everything.
pub(crate) fn match_types(expected: &Atom, actual: &Atom, bindings: &mut Bindings) -> bool {
    is_any(expected) || is_any(actual) || unify(expected, actual, bindings)
}

/// Whether it is a type that matches everything.
fn is_any(atom: &Atom) -> bool {
    is_undefined(atom) || atom.is_symbol(&known().atom)
}

/// As [`typed`], for a call: what may be any type is a type variable there, which
/// the other arguments and the result may tell more of.
pub(crate) fn typed_for_call(space: &Space, atom: &Atom, found: &mut Found) -> Vec<Typed> {
    let mut types = typed_once(space, atom, found);
    for found in &mut types {
        found.atom = without_any_type(&found.atom);
    }
    types
}

/// Whether `argument` as it stands is what a meta-type parameter takes.
pub(crate) fn matches_meta_type(argument: &Atom, parameter: &Atom) -> bool {
    parameter.is_symbol(&known().atom)
        || (is_meta_type(parameter) && meta_type(argument) == *parameter)
}

/// `atom` with all its variables renamed apart.
pub(crate) fn renamed(atom: &Atom) -> Atom {
    if atom.is_ground() {
        return atom.clone();
    }
    let mut names: HashMap<Variable, Atom, FixedState> = HashMap::default();
    rebuild(atom, |variable| {
        let fresh = names
            .entry(variable.clone())
            .or_insert_with(|| Atom::Variable(variable.renamed()));
        Replacement::Final(fresh.clone())
    })
}

/// The type of a host value.
pub(crate) fn grounded_type(grounded: &Grounded) -> Atom {
    let known = known();
    match grounded {
        Grounded::Number(_) => Atom::Symbol(known.number.clone()),
        Grounded::Bool(_) => Atom::Symbol(known.bool.clone()),
        Grounded::Text(_) => Atom::Symbol(known.string.clone()),
        Grounded::Char(_) => Atom::Symbol(known.char.clone()),
        Grounded::Space(_) => Atom::Symbol(known.space_type.clone()),
        Grounded::State(state) => Atom::expression([
            Atom::Symbol(known.state_monad.clone()),
            state.type_atom().clone(),
        ]),
        Grounded::Operation(operation) => renamed(operation.type_atom()),
        Grounded::Value(value) => renamed(&value.type_atom()),
    }
}

/// The types that `(: atom T)` assigns, with their supertypes.
pub(crate) fn assigned(space: &Space, atom: &Atom) -> Vec<Atom> {
    let known = known();
    let answer = Variable::new("type").renamed();
    let mut types = ask(space, &known.colon, atom.clone(), &answer);
    let mut level = 0..types.len();
    while !level.is_empty() {
        let above = types[level.clone()].iter();
        let mut above: Vec<Atom> = above
            .flat_map(|found| ask(space, &known.subtype, found.clone(), &answer))
            .collect();
        // A type above two of one level is told twice, as by the reference.
        above.retain(|found| !types.contains(found));
        level = level.end..level.end + above.len();
        types.append(&mut above);
    }
    types
}

fn ask(
    space: &Space,
    relation: &crate::symbol::Symbol,
    atom: Atom,
    answer: &Variable,
) -> Vec<Atom> {
    let pattern = Atom::expression([
        Atom::Symbol(relation.clone()),
        atom,
        Atom::Variable(answer.clone()),
    ]);
    let mut bindings = Bindings::new();
    let mut types: Vec<(u32, Atom)> = Vec::new();
    space.each(&pattern, &mut bindings, |found, bindings| {
        types.extend(bindings.resolve(answer).map(|is| (found.row().layer, is)));
    });
    if types.len() <= 1 {
        return types.into_iter().map(|(_, is)| is).collect();
    }
    // What a program declares goes before what it imports, however general that is.
    let own_count = Layers::own_count(space);
    let (own, imported): (Vec<_>, Vec<_>) =
        types.into_iter().partition(|(layer, _)| *layer < own_count);
    let ordered =
        |types: Vec<(u32, Atom)>| general_first(types.into_iter().map(|(_, is)| is).collect());
    let mut types = ordered(own);
    types.append(&mut ordered(imported));
    types
}

/// The same types, where two begin alike those first that go on with a variable. The
/// order matters: of several function types, a call takes the first that applies.
fn general_first(types: Vec<Atom>) -> Vec<Atom> {
    if types.len() <= 1 || types.iter().all(Atom::is_ground) {
        return types;
    }
    let words: Vec<Vec<Word>> = types.iter().map(words).collect();
    let mut ordered = Vec::with_capacity(types.len());
    // Groups of types that are the same up to a word; the next to be divided last.
    let mut pending: Vec<(Vec<usize>, usize)> = vec![((0..types.len()).collect(), 0)];
    while let Some((group, length)) = pending.pop() {
        if group.len() == 1 || words[group[0]].len() == length {
            ordered.extend(group.into_iter().map(|number| types[number].clone()));
            continue;
        }
        let mut parts: Vec<Vec<usize>> = Vec::new();
        for number in group {
            let word = &words[number][length];
            match parts
                .iter_mut()
                .find(|part| words[part[0]][length] == *word)
            {
                Some(part) => part.push(number),
                None => parts.push(vec![number]),
            }
        }
        let is_general = |part: &Vec<usize>| matches!(words[part[0]][length], Word::Variable(_));
        let (general, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_general);
        let parts = general.into_iter().chain(others);
        let parts: Vec<(Vec<usize>, usize)> = parts.map(|part| (part, length + 1)).collect();
        pending.extend(parts.into_iter().rev());
    }
    ordered
}

/// What an atom reads as from left to right.
#[derive(PartialEq)]
enum Word {
    Open,
    Close,
    Leaf(Atom),
    /// A variable, by its name as it was written.
    Variable(String),
}

fn words(atom: &Atom) -> Vec<Word> {
    let mut words = Vec::new();
    let mut pending = vec![Some(atom)];
    while let Some(next) = pending.pop() {
        words.push(match next {
            None => Word::Close,
            Some(Atom::Expression(expression)) => {
                pending.push(None);
                pending.extend(expression.children().iter().rev().map(Some));
                Word::Open
            }
            Some(Atom::Variable(variable)) => Word::Variable(variable.name().to_owned()),
            Some(leaf) => Word::Leaf(leaf.clone()),
        });
    }
    words
}

/// A type of an atom; of an ill-typed application the function's type.
#[derive(Clone)]
pub(crate) struct Typed {
    pub(crate) atom: Atom,
    origin: TypeOrigin,
}

#[derive(Clone)]
enum TypeOrigin {
    /// An atom's own type, or that of a tuple.
    Value,
    /// What a function type returns.
    Application,
    /// The error that a call would give.
    Error(Atom),
}

impl Typed {
    fn value(atom: Atom) -> Typed {
        let origin = TypeOrigin::Value;
        Typed { atom, origin }
    }

    /// What is wrong with the application.
    pub(crate) fn error(&self) -> Option<&Atom> {
        match &self.origin {
            TypeOrigin::Value | TypeOrigin::Application => None,
            TypeOrigin::Error(error) => Some(error),
        }
    }

    /// Whether nothing is known: not even that a function says so.
    fn is_unknown(&self) -> bool {
        matches!(self.origin, TypeOrigin::Value) && is_undefined(&self.atom)
    }
}

/// Every type of `atom` in `space`. Empty for an ill-typed application; a lone
/// `%Undefined%` where nothing is known. Linear in the size of `atom` where
/// every part has one type.
pub(crate) fn types_of(space: &Space, atom: &Atom) -> Vec<Atom> {
    types_of_once(space, atom, &mut Found::default())
}

/// As [`types_of`]; types of deep parts without variables are noted, and looked up.
pub(crate) fn types_of_once(space: &Space, atom: &Atom, found: &mut Found) -> Vec<Atom> {
    typed_once(space, atom, found)
        .into_iter()
        .filter(|found| found.error().is_none())
        .map(|found| found.atom)
        .collect()
}

/// What is wrong with `atom` by each of its types; nothing if it has one by which it is right.
pub(crate) fn errors_of(space: &Space, atom: &Atom) -> Vec<Atom> {
    let types = typed(space, atom);
    let errors = types.iter().map_while(Typed::error).cloned();
    let errors: Vec<Atom> = errors.collect();
    if errors.len() == types.len() {
        errors
    } else {
        Vec::new()
    }
}

/// Types of parts of deep expressions that were found before: evaluating such an
/// expression types each part of it for the parts around it.
#[derive(Default)]
pub(crate) struct Found {
    types: HashMap<usize, (Expression, Vec<Typed>), FixedState>,
    /// What the types were found in.
    space: Option<(Space, u64)>,
}

/// Parts so deep are worth remembering.
const DEEP: usize = 8;
/// So many are remembered.
const FOUND_MAX: usize = 1 << 20;

impl Found {
    fn begin(&mut self, space: &Space) {
        let now = changes().types;
        if !self.types.is_empty()
            && !matches!(&self.space, Some((known, then)) if *then == now && known.is_same(space))
        {
            self.types.clear();
        }
        if self.types.is_empty() {
            self.space = Some((space.clone(), now));
        }
    }

    fn get(&self, expression: &Expression) -> Option<Vec<Typed>> {
        let (_, types) = self.types.get(&expression.address())?;
        let apart = |found: &Typed| Typed {
            atom: renamed(&found.atom),
            origin: found.origin.clone(),
        };
        Some(types.iter().map(apart).collect())
    }

    fn note(&mut self, expression: &Expression, types: &[Typed]) {
        if self.types.len() == FOUND_MAX {
            self.types.clear();
        }
        let entry = (expression.clone(), types.to_vec());
        self.types.insert(expression.address(), entry);
    }
}

/// As [`types_of`], with what is wrong with ill-typed applications.
pub(crate) fn typed(space: &Space, atom: &Atom) -> Vec<Typed> {
    typed_once(space, atom, &mut Found::default())
}

/// As [`typed`]; types of deep parts without variables are noted, and looked up.
pub(crate) fn typed_once(space: &Space, atom: &Atom, found: &mut Found) -> Vec<Typed> {
    found.begin(space);
    // Children first, on an explicit stack; each level gathers its children's types.
    struct Level<'a> {
        atom: &'a Atom,
        children: Vec<Vec<Typed>>,
    }
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut made: Made<Vec<Typed>> = Made::new();
    let mut current = atom;
    loop {
        let known = match current {
            Atom::Expression(expression) => made.get(expression.address()),
            Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_) => None,
        };
        let mut done = match current {
            _ if known.is_some() => known.cloned(),
            Atom::Variable(_) => Some(vec![Typed::value(undefined())]),
            Atom::Grounded(grounded) => Some(vec![Typed::value(grounded_type(grounded))]),
            Atom::Symbol(_) => {
                let mut types = assigned(space, current);
                if types.iter().any(|found| !is_undefined(found)) {
                    types.retain(|found| !is_undefined(found));
                } else {
                    types = vec![undefined()];
                }
                Some(types.into_iter().map(Typed::value).collect())
            }
            Atom::Expression(expression) if expression.children().is_empty() => {
                Some(vec![Typed::value(undefined())])
            }
            Atom::Expression(expression) if expression.is_ground() && !found.types.is_empty() => {
                let known = found.get(expression);
                if known.is_none() {
                    levels.push(Level {
                        atom: current,
                        children: Vec::new(),
                    });
                }
                known
            }
            Atom::Expression(_) => {
                levels.push(Level {
                    atom: current,
                    children: Vec::new(),
                });
                None
            }
        };
        loop {
            if let Some(types) = done.take() {
                match levels.last_mut() {
                    None => return types,
                    Some(level) => level.children.push(types),
                }
            }
            let level = levels
                .last()
                .expect("a level is open or the types were returned");
            let children = level.atom.as_expression().expect("levels are expressions");
            if level.children.len() < children.len() {
                current = &children[level.children.len()];
                break;
            }
            let level = levels.pop().expect("just seen");
            let types = expression_types(space, level.atom, &level.children);
            if let Atom::Expression(expression) = level.atom {
                if levels.len() >= DEEP && expression.is_ground() {
                    found.note(expression, &types);
                }
                made.remember(expression.address(), || types.clone());
            }
            done = Some(types);
        }
    }
}

fn expression_types(space: &Space, atom: &Atom, children: &[Vec<Typed>]) -> Vec<Typed> {
    let head = &atom.as_expression().expect("an expression")[0];
    // Of what a function without a name gives nothing is known.
    let heads = match is_lambda(head) {
        true => vec![Typed::value(undefined())],
        false => children[0].clone(),
    };
    let (functions, values): (Vec<Typed>, Vec<Typed>) =
        heads.into_iter().partition(|head| is_function(&head.atom));
    let mut types = Vec::new();
    if !values.is_empty() {
        types = tuples(&values, &children[1..]);
    }
    // Asking is linear in the atom, so at each of its levels quadratic.
    if space.may_type_expression(head) {
        types.extend(assigned(space, atom));
    }
    let mut types: Vec<Typed> = types.into_iter().map(Typed::value).collect();
    for function in &functions {
        types.extend(application_types(&function.atom, atom, &children[1..]));
    }
    if types.iter().all(Typed::is_unknown) {
        types.truncate(1);
        if types.is_empty() && functions.is_empty() {
            types.push(Typed::value(undefined()));
        }
    } else {
        types.retain(|found| !found.is_unknown());
    }
    types
}

/// A part of an expression as far as its typing goes.
pub(crate) struct Part {
    /// An atom of the part's meta-type.
    pub(crate) atom: Atom,
    /// Its types: one, or several.
    pub(crate) found: Vec<Atom>,
    /// Which of them it is ill-typed by, as bits.
    pub(crate) wrong: u8,
    /// Whether nothing is known of it: not even that a function says so.
    pub(crate) unknown: bool,
}

impl Part {
    fn typed(&self) -> Vec<Typed> {
        let types = self.found.iter().enumerate().map(|(place, found)| {
            let origin = if self.wrong & 1 << place != 0 {
                TypeOrigin::Error(self.atom.clone())
            } else if self.unknown {
                TypeOrigin::Value
            } else {
                TypeOrigin::Application
            };
            let atom = found.clone();
            Typed { atom, origin }
        });
        types.collect()
    }
}

/// The types of an expression of parts with these types, which of them it is ill-typed by, as bits, and
/// whether nothing is known of it; `None` if it is ill-typed by all.
pub(crate) fn types_of_parts(head: &Part, arguments: &[Part]) -> Option<(Vec<Atom>, u8, bool)> {
    let found = typed_by_parts(head, arguments);
    let is_right = |found: &Typed| found.error().is_none();
    if found.len() > 8
        || !found.iter().any(is_right)
        || found.iter().any(|found| has_host_value(&found.atom))
    {
        return None;
    }
    let wrong = found.iter().enumerate();
    let wrong = wrong.filter(|(_, found)| !is_right(found));
    let wrong = wrong.fold(0, |bits, (place, _)| bits | 1 << place);
    let unknown = found.iter().any(Typed::is_unknown);
    let types: Vec<Atom> = found.into_iter().map(|found| found.atom).collect();
    (!unknown || types.len() == 1).then_some((types, wrong, unknown))
}

/// Whether an expression of parts with these types is ill-typed whichever of them is meant.
pub(crate) fn is_ill_typed(head: &Part, arguments: &[Part]) -> bool {
    let found = typed_by_parts(head, arguments);
    !found.is_empty() && found.iter().all(|found| found.error().is_some())
}

fn typed_by_parts(head: &Part, arguments: &[Part]) -> Vec<Typed> {
    let types: Vec<Vec<Typed>> = arguments.iter().map(Part::typed).collect();
    match head.found.as_slice() {
        functions if !functions.is_empty() && functions.iter().all(is_function) => {
            let call = call_of(arguments);
            let of_each = functions
                .iter()
                .flat_map(|function| application_types(function, &call, &types));
            of_each.collect()
        }
        _ => {
            let tuples = tuples(&head.typed(), &types);
            tuples.into_iter().map(Typed::value).collect()
        }
    }
}

/// The types that a call's result and its arguments are evaluated with, from the types
/// of its arguments and the type that is expected; `None` if the call is ill-typed, or
/// a type variable stands for a meta-type, or for any type where a declared type has that in it and is
/// of no state.
pub(crate) fn call_of_parts(
    function: &Atom,
    arguments: &[Part],
    expected: &Atom,
) -> Option<(Atom, Vec<Atom>)> {
    applied_by_parts(function, arguments, expected)?
}

/// The same; `None` only if the call is ill-typed.
pub(crate) fn applied_by_parts(
    function: &Atom,
    arguments: &[Part],
    expected: &Atom,
) -> Option<Option<(Atom, Vec<Atom>)>> {
    let parts = function.as_expression().expect("a function type");
    let (returns, parameters) = parts[1..].split_last().expect("a function type returns");
    if parameters.len() != arguments.len() {
        return None;
    }
    let atoms: Vec<Atom> = arguments.iter().map(|part| part.atom.clone()).collect();
    let mut bindings = Bindings::new();
    let mut fits = false;
    each_way(
        parameters,
        &atoms,
        Mode::Call,
        &mut |position| arguments[position].typed(),
        &mut bindings,
        &mut |way, bindings| {
            fits = matches!(way, Way::Typed) && match_types(returns, expected, bindings);
            !fits
        },
    );
    if !fits {
        return None;
    }
    // A state of what has no type takes such values only, whatever it is given by.
    let state_monad = &known().state_monad;
    let is_of_state = parameters.first().is_some_and(
        |first| matches!(first.as_expression(), Some([head, _]) if head.is_symbol(state_monad)),
    );
    let resolved = |declared: &Atom| {
        let found = bindings.apply(declared);
        let is_any = !is_of_state && is_undefined(&found);
        let vague = *declared != found && (has_meta_type(&found) || is_any);
        (!vague && !has_host_value(&found)).then_some(found)
    };
    let parameters = parameters.iter().map(&resolved).collect::<Option<_>>();
    Some(resolved(returns).zip(parameters))
}

/// Some call of so many arguments of these kinds.
fn call_of(arguments: &[Part]) -> Atom {
    let mut call = vec![Atom::unit()];
    call.extend(arguments.iter().map(|part| part.atom.clone()));
    Atom::expression(call)
}

/// Whether an atom, or one that it is made of, is such an atom.
pub(crate) fn has_part(atom: &Atom, wanted: impl Fn(&Atom) -> bool) -> bool {
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        if wanted(atom) {
            return true;
        }
        pending.extend(atom.as_expression().unwrap_or_default());
    }
    false
}

/// The product of the children's types; nothing if a child has no type, and
/// `%Undefined%` where a child's type is unknown.
///
/// Linear in the children for each of the ways, which share what they begin with.
fn tuples(heads: &[Typed], children: &[Vec<Typed>]) -> Vec<Atom> {
    /// The beginning of no way.
    const NONE: usize = usize::MAX;
    // The types of ways, each after the place of the one before it.
    let mut steps: Vec<(usize, &Atom)> = Vec::new();
    let mut ways = vec![NONE];
    for types in std::iter::once(heads).chain(children.iter().map(Vec::as_slice)) {
        if types.iter().all(Typed::is_unknown) && !types.is_empty() {
            return vec![undefined()];
        }
        let known = || types.iter().filter(|found| !found.is_unknown());
        let longer = ways
            .iter()
            .flat_map(|way| known().map(move |found| (*way, &found.atom)));
        let first = steps.len();
        steps.extend(longer.take(WAYS_MAX));
        ways.clear();
        ways.extend(first..steps.len());
    }
    let product = |mut way: usize| {
        let mut types = Vec::with_capacity(children.len() + 1);
        while way != NONE {
            let (before, found) = steps[way];
            types.push(found.clone());
            way = before;
        }
        types.reverse();
        Atom::expression(types)
    };
    ways.into_iter().map(product).collect()
}

/// How many ways of typing one expression are looked at.
const WAYS_MAX: usize = 1024;

/// The types that a function type gives for arguments of these types: one for
/// each way to type the arguments, or the errors if there is none.
fn application_types(function: &Atom, call: &Atom, types: &[Vec<Typed>]) -> Vec<Typed> {
    let call_parts = call.as_expression().expect("an expression");
    let (head, arguments) = call_parts.split_first().expect("a call has a head");
    // Variables of what a name is declared to be are in no argument's type.
    let own = match head {
        Atom::Expression(_) => renamed(function),
        Atom::Symbol(_) | Atom::Grounded(_) | Atom::Variable(_) => function.clone(),
    };
    let parts = own.as_expression().expect("a function type");
    let (return_type, parameters) = parts[1..].split_last().expect("a function type returns");
    let wrong = |error: Atom| Typed {
        atom: function.clone(),
        origin: TypeOrigin::Error(error),
    };
    if parameters.len() != arguments.len() {
        let reason = Atom::Symbol(known().incorrect_number.clone());
        return vec![wrong(Atom::error(call.clone(), reason))];
    }
    let mut found = Vec::new();
    let mut errors = Vec::new();
    let mut bindings = Bindings::new();
    each_way(
        parameters,
        arguments,
        Mode::Types,
        &mut |position| types[position].clone(),
        &mut bindings,
        &mut |event, bindings| match event {
            Way::Typed => {
                // The types of arguments are shared, however deep they are.
                let atom = if binds_only(parameters, bindings) {
                    bindings.apply_once(return_type)
                } else {
                    bindings.apply(return_type)
                };
                found.push(Typed {
                    atom,
                    origin: TypeOrigin::Application,
                });
                found.len() < WAYS_MAX
            }
            Way::Mismatch { position, actual } => {
                let (parameter, actual) = (&parameters[position], &actual.atom);
                errors.push(wrong(bad_argument(call, position, parameter, actual)));
                errors.len() < WAYS_MAX
            }
        },
    );
    if found.is_empty() { errors } else { found }
}

/// `(Error call (BadArgType position expected actual))`; positions from 0.
pub(crate) fn bad_argument(call: &Atom, position: usize, expected: &Atom, actual: &Atom) -> Atom {
    let reason = Atom::expression([
        Atom::Symbol(known().bad_arg_type.clone()),
        Atom::integer(position as i64 + 1),
        shown(expected),
        shown(actual),
    ]);
    Atom::error(call.clone(), reason)
}

/// The variables of `parameter` that stand for a type already and would have another one by
/// `actual`: one of the two says that a part may be any type, and the later one holds.
fn later_values(parameter: &Atom, actual: &Atom, bindings: &Bindings) -> Vec<(Variable, Atom)> {
    let mut later = Vec::new();
    if bindings.is_empty() || parameter.is_ground() {
        return later;
    }
    let mut pending = vec![(parameter, actual)];
    while let Some((parameter, actual)) = pending.pop() {
        match (parameter, actual) {
            (_, Atom::Variable(_)) => {}
            (Atom::Variable(variable), _) => {
                let last = bindings.last_of_chain(variable);
                let known = bindings.value(last).filter(|known| *known != actual);
                if known.is_some_and(|known| {
                    has_host_value(actual) || has_host_value(&bindings.apply(known))
                }) {
                    later.push((last.clone(), actual.clone()));
                }
            }
            (Atom::Expression(parameter), Atom::Expression(actual))
                if parameter.children().len() == actual.children().len() =>
            {
                pending.extend(parameter.children().iter().zip(actual.children()));
            }
            _ => {}
        }
    }
    later
}

/// Whether nothing but variables of parameters stands for something: parts of the types of
/// arguments, in which there are none of those.
fn binds_only(parameters: &[Atom], bindings: &Bindings) -> bool {
    bindings.variables().iter().all(|bound| {
        let mut is_own = false;
        for parameter in parameters {
            parameter.for_each_variable(|variable| is_own |= variable == bound);
        }
        is_own
    })
}

/// Unifies a parameter with the type of an argument, whose variables are others. Variables of
/// parameters that stand for nothing yet take what there is, without a look into it.
fn takes_type(
    parameters: &[Atom],
    parameter: &Atom,
    actual: &Atom,
    bindings: &mut Bindings,
) -> bool {
    let mut is_apart = binds_only(parameters, bindings);
    let mut pending = vec![(parameter, actual)];
    while let Some((parameter, actual)) = pending.pop() {
        let fits = match (parameter, actual) {
            (Atom::Variable(variable), actual)
                if is_apart && bindings.value(variable).is_none() =>
            {
                bindings.bind(variable.clone(), actual.clone());
                true
            }
            (Atom::Expression(parameter), Atom::Expression(actual))
                if parameter.has_variables()
                    && parameter.children().len() == actual.children().len() =>
            {
                let pairs = parameter.children().iter().zip(actual.children());
                pending.extend(pairs.rev());
                true
            }
            (parameter, actual) => {
                is_apart &= !parameter.has_variables() && !actual.has_variables();
                unify(parameter, actual, bindings)
            }
        };
        if !fits {
            return false;
        }
    }
    true
}

/// What a search for ways to type arguments came upon.
pub(crate) enum Way<'a> {
    /// Every argument has a type that its parameter takes.
    Typed,
    /// A type of an argument that its parameter does not take; in [`Mode::Types`] only
    /// where it takes none of the others either.
    Mismatch { position: usize, actual: &'a Typed },
}

/// What the ways are wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The types of an application. An ill-typed argument counts as what its
    /// function's type says, and an `Atom` fits no other type.
    Types,
    /// A call. An ill-typed argument does not fit; an `Atom` fits every type.
    Call,
}

/// Visits every way to give each argument one of its types so that the
/// parameters take them, with the bindings that this makes, until `visit` says
/// `false`; and every type that did not fit. Bindings of a way that was stopped
/// at stay, else they are as before.
pub(crate) fn each_way(
    parameters: &[Atom],
    arguments: &[Atom],
    mode: Mode,
    types_at: &mut dyn FnMut(usize) -> Vec<Typed>,
    bindings: &mut Bindings,
    visit: &mut dyn FnMut(Way<'_>, &mut Bindings) -> bool,
) {
    struct Level {
        types: Vec<Typed>,
        next: usize,
        mark: crate::unify::Mark,
        /// What was bound before, where values were replaced.
        before: Option<Bindings>,
        fitted: bool,
        /// Types that did not fit, where they are told of only if no other one does.
        missed: Vec<Typed>,
    }
    // The types of an argument, looked up when it is reached first.
    let mut known_types: Vec<Option<Vec<Typed>>> = vec![None; parameters.len()];
    let mut levels: Vec<Level> = Vec::new();
    loop {
        // Go on to the next argument that has to be looked at.
        let position = levels.len();
        if position < parameters.len() {
            let types = known_types[position].get_or_insert_with(|| {
                let parameter = &parameters[position];
                // Where types are told, what takes any type does not look at them.
                let takes_any = mode == Mode::Types && is_undefined(parameter);
                if takes_any || matches_meta_type(&arguments[position], parameter) {
                    vec![Typed::value(undefined())]
                } else {
                    types_at(position)
                }
            });
            levels.push(Level {
                types: types.clone(),
                next: 0,
                mark: bindings.mark(),
                before: None,
                fitted: false,
                missed: Vec::new(),
            });
        } else if !visit(Way::Typed, bindings) {
            return;
        }
        // Take the next type that fits, of the last argument that has one.
        loop {
            let position = levels.len().wrapping_sub(1);
            let Some(level) = levels.last_mut() else {
                return;
            };
            match level.before.take() {
                Some(before) => *bindings = before,
                None => bindings.undo(level.mark),
            }
            let Some(actual) = level.types.get(level.next) else {
                let level = levels.pop().expect("just seen");
                let told = if level.fitted { &[][..] } else { &level.missed };
                for actual in told {
                    if !visit(Way::Mismatch { position, actual }, bindings) {
                        return;
                    }
                }
                continue;
            };
            level.next += 1;
            let parameter = &parameters[position];
            let actual = actual.clone();
            let fits = match mode {
                Mode::Call if actual.error().is_some() => false,
                Mode::Types if actual.is_unknown() => true,
                Mode::Types => {
                    let (parameter, actual) =
                        (with_any_type(parameter), with_any_type(&actual.atom));
                    let later = later_values(&parameter, &actual, bindings);
                    let before = (!later.is_empty()).then(|| bindings.clone());
                    let fits = takes_type(parameters, &parameter, &actual, bindings);
                    if fits && before.is_some() {
                        level.before = before;
                        later
                            .into_iter()
                            .for_each(|(variable, value)| bindings.rebind(variable, value));
                    }
                    fits
                }
                Mode::Call => match_types(parameter, &actual.atom, bindings),
            };
            level.fitted |= fits;
            if fits {
                break;
            }
            if mode == Mode::Types {
                level.missed.push(actual);
                continue;
            }
            let mismatch = Way::Mismatch {
                position,
                actual: &actual,
            };
            if !visit(mismatch, bindings) {
                return;
            }
        }
    }
}
