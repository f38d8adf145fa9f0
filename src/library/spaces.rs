//! Spaces, types and printing as operations.

use crate::atom::{Atom, Grounded, State, known};
use crate::engine::Engine;
use crate::operation::{Operation, OperationError};
use crate::space::Space;
use crate::types;
use crate::unify::{Bindings, alpha_equal, unify};

/// Spaces, types, equality, words. `ReadOnly` is where a change is not granted.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(new-space)` | none | an empty space | none | constant | reference |
/// | `(add-atom space atom)` | a space; as written | `()`; the space holds the atom once more | no space, in words; `ReadOnly` | the atom's size, and the indexes on it | reference |
/// | `(remove-atom space atom)` | a space; as written | `()`; one occurrence is gone, if there was one | no space, in words; `ReadOnly` | as `add-atom` | reference |
/// | `(get-atoms space)` | a space | a result for each of its own atoms, variables renamed | no space, in words | linear | reference |
/// | `(get-type atom)` | as written | a result for each type; none for an ill-typed call | none | linear in the atom and its parts' types | reference |
/// | `(get-metatype atom)` | as written | `Symbol`, `Variable`, `Expression` or `Grounded` | none | constant | reference |
/// | `(get-type-space space atom)` | a space; as written | as `get-type`, by what that space knows | no space, in words | as `get-type` | reference |
/// | `(_types-in atom space)` | as written | the types in one expression | no space: an error in the expression | as `get-type` | own |
/// | `(_is-type-among type types)` | as written | whether one of the types matches it; `Open` if that may bind a variable of it, or one is an error | none | linear in the types | own |
/// | `(=alpha a b)` | as written | whether they are equal up to the names of variables | none | linear in the smaller | reference |
/// | `(noreduce-eq a b)` | as written | whether they are equal as they stand | none | linear in the smaller | reference |
/// | `(if-equal a b then else)` | as written | the branch taken, evaluated; equal as by `=alpha` | none | linear in the smaller | reference |
/// | `(nop …)` | any, evaluated | `()` | none | constant | reference |
/// | `(bind! word atom)` | a symbol; any | `()`; the word stands for the atom in what is read from now on | no symbol, in words; `ReadOnly` | constant | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10.
pub(super) fn install(engine: &mut Engine) {
    engine.provide(Operation::new("new-space", "(-> SpaceType)", |_, _| {
        Ok(vec![Atom::space(Space::anonymous())])
    }));
    engine.provide(Operation::new(
        "add-atom",
        "(-> SpaceType Atom (->))",
        |arguments, context| {
            context.check_write()?;
            let (space, atom) = space_and_atom(arguments, "add-atom")?;
            space.add(atom.clone());
            Ok(vec![Atom::unit()])
        },
    ));
    engine.provide(Operation::new(
        "remove-atom",
        "(-> SpaceType Atom (->))",
        |arguments, context| {
            context.check_write()?;
            let (space, atom) = space_and_atom(arguments, "remove-atom")?;
            space.remove(atom);
            Ok(vec![Atom::unit()])
        },
    ));
    engine.provide(Operation::new(
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
    engine.provide(Operation::new(
        "get-type",
        "(-> Atom %Undefined%)",
        |arguments, context| match arguments {
            [atom] => Ok(types_as_results(context.space(), atom)),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.provide(Operation::new(
        "get-metatype",
        "(-> Atom Atom)",
        |arguments, _| match arguments {
            [atom] => Ok(vec![types::meta_type(atom)]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.provide(Operation::new(
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
    engine.define(Operation::new(
        "_is-type-among",
        "(-> Atom Atom Atom)",
        |arguments, _| match arguments {
            [wanted, types] => Ok(vec![is_type_among(wanted, types)]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.provide(Operation::new(
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
    engine.provide(Operation::new(
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
    engine.provide(Operation::new("nop", "%Undefined%", |_, _| {
        Ok(vec![Atom::unit()])
    }));
    engine.provide(Operation::new(
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

/// States; `ReadOnly` is where a change is not granted.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(_new-state atom types)` | any; an expression of its types | a new cell that holds the atom, of the first type | none | constant | own |
/// | `(get-state state)` | a state | the atom in it | no state, in words | constant | reference |
/// | `(change-state! state atom)` | a state; an atom of its type | the state, which holds the atom from now on | no state, in words; another type: `BadArgType`; `ReadOnly` | constant, but for the type | reference |
///
/// Source: as above.
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
    engine.provide(Operation::new(
        "get-state",
        "(-> (StateMonad $t) $t)",
        |arguments, _| match arguments {
            [Atom::Grounded(Grounded::State(state))] => Ok(vec![state.get()]),
            _ => Err(OperationError::message(
                "get-state expects single state atom as an argument",
            )),
        },
    ));
    engine.provide(Operation::new(
        "change-state!",
        "(-> (StateMonad $t) $t (StateMonad $t))",
        |arguments, context| match arguments {
            [Atom::Grounded(Grounded::State(state)), value] => {
                context.check_change(state)?;
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

/// Whether one of an atom's types is one that is wanted, as `match-types` says.
fn is_type_among(wanted: &Atom, types: &Atom) -> Atom {
    let listed = types.as_expression().filter(|types| {
        let has_error = types.iter().any(Atom::is_error);
        wanted.is_ground() && !has_error
    });
    let Some(listed) = listed else {
        return Atom::symbol("Open");
    };
    let is_any = |found: &Atom| types::is_undefined(found) || found.is_symbol(&known().atom);
    Atom::boolean(
        listed.iter().any(|found| {
            is_any(wanted) || is_any(found) || unify(found, wanted, &mut Bindings::new())
        }),
    )
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
