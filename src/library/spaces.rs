//! Spaces, types and printing as operations.

use crate::atom::Atom;
use crate::engine::Engine;
use crate::operation::{Operation, OperationError};
use crate::space::Space;
use crate::types;

pub(super) fn install(engine: &mut Engine) {
    engine.register(Operation::new("new-space", "(-> SpaceType)", |_, _| {
        Ok(vec![Atom::space(Space::anonymous())])
    }));
    engine.register(Operation::new(
        "add-atom",
        "(-> SpaceType Atom (->))",
        |arguments, _| {
            let (space, atom) = space_and_atom(arguments, "add-atom")?;
            space.add(atom.clone());
            Ok(vec![Atom::unit()])
        },
    ));
    engine.register(Operation::new(
        "remove-atom",
        "(-> SpaceType Atom (->))",
        |arguments, _| {
            let (space, atom) = space_and_atom(arguments, "remove-atom")?;
            space.remove(atom);
            Ok(vec![Atom::unit()])
        },
    ));
    engine.register(Operation::new(
        "get-atoms",
        "(-> SpaceType Atom)",
        |arguments, _| match arguments {
            [space] => space
                .as_space()
                .map(Space::atoms)
                .ok_or_else(|| OperationError::message("get-atoms expects one argument: space")),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "get-type",
        "(-> Atom Atom)",
        |arguments, context| match arguments {
            [atom] => Ok(types::types_of(context.space(), atom)),
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
        "println!",
        "(-> %Undefined% (->))",
        |arguments, context| {
            let [atom] = arguments else {
                return Err(OperationError::NotReducible);
            };
            let text = atom
                .as_text()
                .map_or_else(|| atom.to_string(), str::to_owned);
            context.print(&(text + "\n"));
            Ok(vec![Atom::unit()])
        },
    ));
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
