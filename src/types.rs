//! Types: which types an atom has in a space, and whether types match.
//!
//! Types are atoms; `(: a T)` in a space assigns one. An atom without any has
//! the type `%Undefined%`, which matches every type, as `Atom` does.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::{Atom, Grounded, Variable, known};
use crate::space::Space;
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

/// Unifies two types; `%Undefined%` and `Atom` match everything where they are
/// written, not where a type variable stands for them.
pub(crate) fn match_types(expected: &Atom, actual: &Atom, bindings: &mut Bindings) -> bool {
    let known = known();
    let any = |atom: &Atom| atom.is_symbol(&known.undefined) || atom.is_symbol(&known.atom);
    any(expected) || any(actual) || unify(expected, actual, bindings)
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
fn grounded_type(grounded: &Grounded) -> Atom {
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
    let mut next = 0;
    while next < types.len() {
        for above in ask(space, &known.subtype, types[next].clone(), &answer) {
            if !types.contains(&above) {
                types.push(above);
            }
        }
        next += 1;
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
    let mut types = Vec::new();
    space.each(&pattern, &mut bindings, |_, bindings| {
        types.extend(bindings.resolve(answer));
    });
    types
}

/// One type of an atom. An ill-typed call has the type of the function that it
/// calls, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Typed {
    pub(crate) type_atom: Atom,
    /// The error atom of an ill-typed call.
    pub(crate) error: Option<Atom>,
}

impl Typed {
    fn right(type_atom: Atom) -> Typed {
        Typed {
            type_atom,
            error: None,
        }
    }
}

/// Every type of `atom` in `space`. Empty for an ill-typed call; a lone
/// `%Undefined%` where nothing is known.
pub(crate) fn types_of(space: &Space, atom: &Atom) -> Vec<Atom> {
    typings(space, atom)
        .into_iter()
        .filter(|typed| typed.error.is_none())
        .map(|typed| typed.type_atom)
        .collect()
}

/// The types of `atom` in `space`, or what is wrong with it. Linear in the size
/// of `atom` where every part has one type.
pub(crate) fn typings(space: &Space, atom: &Atom) -> Vec<Typed> {
    // Children first, on an explicit stack; each level gathers its children's types.
    struct Level<'a> {
        atom: &'a Atom,
        children: Vec<Vec<Typed>>,
    }
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut current = atom;
    loop {
        let mut done = match current {
            Atom::Variable(_) => Some(vec![Typed::right(undefined())]),
            Atom::Grounded(grounded) => Some(vec![Typed::right(grounded_type(grounded))]),
            Atom::Symbol(_) => Some(assigned_or_undefined(space, current)),
            Atom::Expression(expression) if expression.children().is_empty() => {
                Some(assigned_or_undefined(space, current))
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
            done = Some(expression_types(space, level.atom, &level.children));
        }
    }
}

fn assigned_or_undefined(space: &Space, atom: &Atom) -> Vec<Typed> {
    let mut types: Vec<Typed> = assigned(space, atom)
        .into_iter()
        .map(Typed::right)
        .collect();
    if types.is_empty() {
        types.push(Typed::right(undefined()));
    }
    types
}

fn expression_types(space: &Space, atom: &Atom, children: &[Vec<Typed>]) -> Vec<Typed> {
    let mut types: Vec<Atom> = Vec::new();
    let mut errors: Vec<Typed> = Vec::new();
    let heads = &children[0];
    let has_function = heads.iter().any(|head| is_function(&head.type_atom));
    if heads.iter().any(|head| !is_function(&head.type_atom)) {
        types = tuples(children);
    }
    types.extend(assigned(space, atom));
    for head in heads.iter().filter(|head| is_function(&head.type_atom)) {
        match application_type(&head.type_atom, atom, &children[1..]) {
            Ok(return_type) => {
                if !types.contains(&return_type) {
                    types.push(return_type);
                }
            }
            Err(error) => errors.push(Typed {
                type_atom: head.type_atom.clone(),
                error: Some(error),
            }),
        }
    }
    if types.iter().all(is_undefined) {
        types.truncate(1);
        if types.is_empty() && !has_function {
            types.push(undefined());
        }
    } else if types.len() > 1 {
        types.retain(|found| !is_undefined(found));
    }
    if types.is_empty() {
        return errors;
    }
    types.into_iter().map(Typed::right).collect()
}

/// The product of the children's types; nothing if a child has no type, and
/// `%Undefined%` where a child's type is unknown.
fn tuples(children: &[Vec<Typed>]) -> Vec<Atom> {
    const TUPLES_MAX: usize = 1024;
    let mut products: Vec<Vec<Atom>> = vec![Vec::new()];
    for types in children {
        let types: Vec<&Atom> = types.iter().map(|typed| &typed.type_atom).collect();
        if types.iter().all(|found| is_undefined(found)) && !types.is_empty() {
            return vec![undefined()];
        }
        let mut longer = Vec::new();
        for product in &products {
            for found in types.iter().copied().filter(|found| !is_undefined(found)) {
                if longer.len() == TUPLES_MAX {
                    break;
                }
                let mut product = product.clone();
                product.push(found.clone());
                longer.push(product);
            }
        }
        products = longer;
    }
    products.into_iter().map(Atom::expression).collect()
}

/// The return type that a function type gives to a call with arguments of these
/// types. Unlike where a call is evaluated, an argument of type `Atom` is not
/// taken for any other type.
///
/// # Errors
/// The error atom if the call is ill-typed.
fn application_type(function: &Atom, call: &Atom, types: &[Vec<Typed>]) -> Result<Atom, Atom> {
    let known = known();
    let arguments = &call.as_expression().expect("a call is an expression")[1..];
    let parts = function.as_expression().expect("a function type");
    let (return_type, parameters) = parts[1..].split_last().expect("a function type returns");
    if parameters.len() != arguments.len() {
        let reason = Atom::Symbol(known.incorrect_number.clone());
        return Err(Atom::error(call.clone(), reason));
    }
    let mut bindings = Bindings::new();
    let pairs = parameters.iter().zip(arguments).zip(types);
    for (position, ((parameter, argument), types)) in pairs.enumerate() {
        if matches_meta_type(argument, parameter) {
            continue;
        }
        let matched = types.iter().any(|found| {
            is_undefined(parameter)
                || parameter.is_symbol(&known.atom)
                || is_undefined(&found.type_atom)
                || unify(parameter, &found.type_atom, &mut bindings)
        });
        if !matched {
            let actual = types
                .first()
                .map_or_else(undefined, |found| found.type_atom.clone());
            return Err(bad_argument(
                call,
                position,
                bindings.apply(parameter),
                actual,
            ));
        }
    }
    Ok(bindings.apply(return_type))
}

/// Whether an error shows a parameter's type as the signature has it: of a host
/// operation, a type variable that an earlier parameter has too (so the reference).
pub(crate) fn is_shown_as_written(call: &[Atom], parameters: &[Atom], position: usize) -> bool {
    matches!(call[0], Atom::Grounded(Grounded::Operation(_)))
        && matches!(parameters[position], Atom::Variable(_))
        && parameters[..position].contains(&parameters[position])
}

/// `(Error <call> (BadArgType <position> <expected> <actual>))`; `position` from 0.
pub(crate) fn bad_argument(call: &Atom, position: usize, expected: Atom, actual: Atom) -> Atom {
    let reason = Atom::expression([
        Atom::Symbol(known().bad_arg_type.clone()),
        Atom::integer(position as i64 + 1),
        expected,
        actual,
    ]);
    Atom::error(call.clone(), reason)
}
