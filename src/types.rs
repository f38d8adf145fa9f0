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

/// Unifies two types; `%Undefined%` and `Atom` match everything.
pub(crate) fn match_types(expected: &Atom, actual: &Atom, bindings: &mut Bindings) -> bool {
    let known = known();
    let (left, right) = (
        bindings.walk(expected).clone(),
        bindings.walk(actual).clone(),
    );
    let any = |atom: &Atom| atom.is_symbol(&known.undefined) || atom.is_symbol(&known.atom);
    any(&left) || any(&right) || unify(&left, &right, bindings)
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

/// Every type of `atom` in `space`. Empty for an ill-typed application; a lone
/// `%Undefined%` where nothing is known. Linear in the size of `atom` where
/// every part has one type.
pub(crate) fn types_of(space: &Space, atom: &Atom) -> Vec<Atom> {
    // Children first, on an explicit stack; each level gathers its children's types.
    struct Level<'a> {
        atom: &'a Atom,
        children: Vec<Vec<Atom>>,
    }
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut current = atom;
    loop {
        let mut done = match current {
            Atom::Variable(_) => Some(vec![undefined()]),
            Atom::Grounded(grounded) => Some(vec![grounded_type(grounded)]),
            Atom::Symbol(_) => {
                let mut types = assigned(space, current);
                if types.is_empty() {
                    types.push(undefined());
                }
                Some(types)
            }
            Atom::Expression(expression) if expression.children().is_empty() => {
                let mut types = assigned(space, current);
                if types.is_empty() {
                    types.push(undefined());
                }
                Some(types)
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

fn expression_types(space: &Space, atom: &Atom, children: &[Vec<Atom>]) -> Vec<Atom> {
    let mut types: Vec<Atom> = Vec::new();
    let heads = &children[0];
    let has_function = heads.iter().any(is_function);
    if heads.iter().any(|head| !is_function(head)) {
        types = tuples(children);
    }
    types.extend(assigned(space, atom));
    let arguments = &atom.as_expression().expect("an expression")[1..];
    for head in heads.iter().filter(|head| is_function(head)) {
        for return_type in application_types(head, arguments, &children[1..]) {
            if !types.contains(&return_type) {
                types.push(return_type);
            }
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
    types
}

/// The product of the children's types; nothing if a child has no type, and
/// `%Undefined%` where a child's type is unknown.
fn tuples(children: &[Vec<Atom>]) -> Vec<Atom> {
    const TUPLES_MAX: usize = 1024;
    let mut products: Vec<Vec<Atom>> = vec![Vec::new()];
    for types in children {
        if types.iter().all(is_undefined) && !types.is_empty() {
            return vec![undefined()];
        }
        let mut longer = Vec::new();
        for product in &products {
            for found in types.iter().filter(|found| !is_undefined(found)) {
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

/// The return types that a function type gives for arguments of these types.
fn application_types(function: &Atom, arguments: &[Atom], types: &[Vec<Atom>]) -> Vec<Atom> {
    let parts = function.as_expression().expect("a function type");
    let (return_type, parameters) = parts[1..].split_last().expect("a function type returns");
    if parameters.len() != arguments.len() {
        return Vec::new();
    }
    let mut bindings = Bindings::new();
    for ((parameter, argument), types) in parameters.iter().zip(arguments).zip(types) {
        if matches_meta_type(argument, parameter) {
            continue;
        }
        let mut matched = false;
        for found in types {
            if match_types(parameter, &renamed_apart(found, types), &mut bindings) {
                matched = true;
                break;
            }
        }
        if !matched {
            return Vec::new();
        }
    }
    vec![bindings.apply(return_type)]
}

fn renamed_apart(found: &Atom, _types: &[Atom]) -> Atom {
    found.clone()
}
