//! Spaces, types and printing as operations.

use crate::atom::{Atom, Grounded, State};
use crate::engine::Engine;
use crate::operation::{Operation, OperationError};
use crate::space::Space;
use crate::types;
use crate::unify::alpha_equal;

/// Errors everywhere: what is no space where one is wanted; `ReadOnly` where a change
/// is not granted.
///
/// - `(new-space)`: an empty space. `(add-atom space atom)`: the atom as written, once
///   more; `()`. `(remove-atom space atom)`: one of its occurrences, if there is one;
///   `()`. Both take time for the atom's size and the indexes on it.
/// - `(get-atoms space)`: a result for each atom, imports not counted; linear.
/// - `(get-type atom)`, `(get-type-space space atom)`: a result for each type; none for
///   an ill-typed call. `(get-metatype atom)`: `Symbol`, `Variable`, `Expression` or
///   `Grounded`.
/// - `(=alpha a b)`: whether they are equal up to the names of variables; linear.
///   `(noreduce-eq a b)`: whether they are equal as written. `(if-equal a b then else)`:
///   chooses by `=alpha`.
/// - `(nop …)`: evaluates its arguments; `()`.
/// - `(bind! word atom)`: the word stands for the atom in what is read from now on;
///   `()`. Errors: no symbol.
///
/// `get-type` is linear in the atom and in the types of its parts, `noreduce-eq` and `if-equal`
/// are in the smaller atom; all others take constant time. The kinds of arguments and results are in the signatures below. Source: the
/// reference's standard library, hyperon 0.2.10.
pub(super) fn install(engine: &mut Engine) {
    engine.register(Operation::new("new-space", "(-> SpaceType)", |_, _| {
        Ok(vec![Atom::space(Space::anonymous())])
    }));
    engine.register(Operation::new(
        "add-atom",
        "(-> SpaceType Atom (->))",
        |arguments, context| {
            context.check_write()?;
            let (space, atom) = space_and_atom(arguments, "add-atom")?;
            space.add(atom.clone());
            Ok(vec![Atom::unit()])
        },
    ));
    engine.register(Operation::new(
        "remove-atom",
        "(-> SpaceType Atom (->))",
        |arguments, context| {
            context.check_write()?;
            let (space, atom) = space_and_atom(arguments, "remove-atom")?;
            space.remove(atom);
            Ok(vec![Atom::unit()])
        },
    ));
    engine.register(Operation::new(
        "get-atoms",
        "(-> SpaceType Atom)",
        |arguments, _| match arguments {
            [space] => {
                let Some(space) = space.as_space() else {
                    let text = "get-atoms expects a space as its argument";
                    return Err(OperationError::message(text));
                };
                // Variables of a stored atom are its own.
                Ok(space.atoms().iter().map(types::renamed).collect())
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "get-type",
        "(-> Atom %Undefined%)",
        |arguments, context| match arguments {
            [atom] => Ok(types_as_results(context.space(), atom)),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "get-metatype",
        "(-> Atom Atom)",
        |arguments, _| match arguments {
            [atom] => Ok(vec![types::meta_type(atom)]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "get-type-space",
        "(-> SpaceType Atom Atom)",
        |arguments, _| {
            let (space, atom) = space_and_atom(arguments, "get-type-space")?;
            Ok(types_as_results(space, atom))
        },
    ));
    engine.define(Operation::new(
        "_types-in",
        "(-> Atom Atom Atom)",
        |arguments, _| match arguments {
            [atom, space] => match space.as_space() {
                Some(space) => Ok(vec![Atom::expression(types_as_results(space, atom))]),
                None => {
                    let asked = [Atom::symbol("get-type"), atom.clone(), space.clone()];
                    let reason = "get-type expects a space as the second argument";
                    let error = Atom::error(Atom::expression(asked), Atom::symbol(reason));
                    Ok(vec![Atom::expression([error])])
                }
            },
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "=alpha",
        "(-> Atom Atom Bool)",
        |arguments, _| match arguments {
            [left, right] => Ok(vec![Atom::boolean(alpha_equal(left, right))]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.define(Operation::new(
        "noreduce-eq",
        "(-> Atom Atom Bool)",
        |arguments, _| match arguments {
            [left, right] => Ok(vec![Atom::boolean(left == right)]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "if-equal",
        "(-> Atom Atom Atom Atom %Undefined%)",
        |arguments, _| match arguments {
            [left, right, then, otherwise] => Ok(vec![if alpha_equal(left, right) {
                then.clone()
            } else {
                otherwise.clone()
            }]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new("nop", "%Undefined%", |_, _| {
        Ok(vec![Atom::unit()])
    }));
    engine.register(Operation::new(
        "bind!",
        "(-> Symbol %Undefined% (->))",
        |arguments, context| match arguments {
            [Atom::Symbol(token), atom] => {
                context.check_write()?;
                context
                    .host
                    .tokens
                    .insert(token.as_str().to_owned(), atom.clone());
                Ok(vec![Atom::unit()])
            }
            _ => Err(OperationError::message(
                "bind! expects symbol atom as a token",
            )),
        },
    ));
    states(engine);
}

/// - `(new-state atom)`: a cell that holds the atom. `(get-state state)`: the atom in
///   it. `(change-state! state atom)`: puts another in, of the type of the first; gives
///   the state. Constant time, but for the type.
///
/// Errors: what is no state; `ReadOnly` where a change is not granted.
///
/// The kinds of arguments and results are in the signatures below. Source: as above.
fn states(engine: &mut Engine) {
    engine.define(Operation::new(
        "_new-state",
        "(-> $t Expression (StateMonad $t))",
        |arguments, _| match arguments {
            [value, Atom::Expression(types)] => {
                let first = types.children().first();
                let type_atom = first.cloned().unwrap_or_else(types::undefined);
                Ok(vec![Atom::Grounded(Grounded::State(State::new(
                    value.clone(),
                    type_atom,
                )))])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "get-state",
        "(-> (StateMonad $t) $t)",
        |arguments, _| match arguments {
            [Atom::Grounded(Grounded::State(state))] => Ok(vec![state.get()]),
            _ => Err(OperationError::message(
                "get-state expects single state atom as an argument",
            )),
        },
    ));
    engine.register(Operation::new(
        "change-state!",
        "(-> (StateMonad $t) $t (StateMonad $t))",
        |arguments, context| match arguments {
            [Atom::Grounded(Grounded::State(state)), value] => {
                context.check_write()?;
                state.set(value.clone());
                Ok(vec![arguments[0].clone()])
            }
            [] | [Atom::Grounded(Grounded::State(_))] => Err(OperationError::message(
                "change-state! expects a state atom and its new value as arguments",
            )),
            _ => Err(OperationError::message(
                "change-state! expects a state as the first argument",
            )),
        },
    ));
}

/// The types of an atom, one result each.
fn types_as_results(space: &Space, atom: &Atom) -> Vec<Atom> {
    let found = types::types_of(space, atom).into_iter();
    found.map(types::as_result).collect()
}

fn space_and_atom<'a>(
    arguments: &'a [Atom],
    name: &str,
) -> Result<(&'a Space, &'a Atom), OperationError> {
    match arguments {
        [space, atom] => match space.as_space() {
            Some(space) => Ok((space, atom)),
            None => Err(OperationError::message(format!(
                "{name} expects a space as the first argument"
            ))),
        },
        _ => Err(OperationError::NotReducible),
    }
}
