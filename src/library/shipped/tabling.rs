//! `tabling`: which functions keep their answers; how is in
//! `src/evaluate/tabling.rs`.

use crate::atom::Atom;
use crate::engine::Context;
use crate::evaluate::{TabledFunction, tabled_version};
use crate::operation::{Operation, OperationError};
use crate::symbol::Symbol;

/// `(pragma! table (name arity))` is the same where the module is imported. What is done for it
/// says `evaluate/tabling.rs`.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(table! name)` | a symbol, or `(name arity)` | `()`; answers of the function's calls are kept from now on, here and where this is imported | anything else, in words; `ReadOnly` | linear in the tabled functions | SWI-Prolog `table/1` |
/// | `(untable! name)` | a symbol, or `(name arity)` | `()`; they are no longer kept | anything else, in words; `ReadOnly` | linear in the tabled functions | SWI-Prolog `untable/1` |
pub(super) fn operations() -> [Operation; 2] {
    [
        Operation::new("table!", "(-> Atom (->))", |arguments, context| {
            table(arguments, context)?;
            Ok(vec![Atom::unit()])
        }),
        Operation::new("untable!", "(-> Atom (->))", |arguments, context| {
            context.check_write()?;
            let (name, arity) = function(arguments)?;
            forget(context, &name, arity);
            Ok(vec![Atom::unit()])
        }),
    ]
}

/// Whether the module is imported where the program stands.
pub(in crate::library) fn is_imported(context: &Context<'_>) -> bool {
    context.host.tokens.get("table!").is_some()
}

/// Tables the function that the argument names.
pub(in crate::library) fn table(
    arguments: &[Atom],
    context: &mut Context<'_>,
) -> Result<(), OperationError> {
    context.check_write()?;
    let (name, arity) = function(arguments)?;
    let space = context.space.clone();
    let functions = context.host.tabled.entry(name).or_default();
    let new = TabledFunction { arity, space };
    let known = |old: &TabledFunction| old.arity == new.arity && old.space.is_same(&new.space);
    if !functions.iter().any(known) {
        functions.push(new);
        context.host.tabled_version = tabled_version();
    }
    Ok(())
}

fn forget(context: &mut Context<'_>, name: &Symbol, arity: Option<usize>) {
    let space = context.space.clone();
    if let Some(functions) = context.host.tabled.get_mut(name) {
        context.host.tabled_version = tabled_version();
        functions
            .retain(|old| !old.space.is_same(&space) || (arity.is_some() && old.arity != arity));
        if functions.is_empty() {
            context.host.tabled.remove(name);
        }
    }
}

fn function(arguments: &[Atom]) -> Result<(Symbol, Option<usize>), OperationError> {
    let wrong = || {
        OperationError::message("the function to table is expected as its name or as (name arity)")
    };
    match arguments {
        [Atom::Symbol(name)] => Ok((name.clone(), None)),
        [atom] => match atom.as_expression() {
            Some([Atom::Symbol(name), arity]) => {
                let arity = arity.as_i64().and_then(|arity| usize::try_from(arity).ok());
                Ok((name.clone(), Some(arity.ok_or_else(wrong)?)))
            }
            _ => Err(wrong()),
        },
        _ => Err(OperationError::NotReducible),
    }
}
