//! `catalog`: where modules can be had from. Of the reference, whose catalogs
//! are on the network; ours is one, `library`: the modules that come with the
//! engine, which change with the engine only.

use crate::atom::Atom;
use crate::operation::{Operation, OperationError};

/// One catalog, `library`.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(catalog-list! name)` | a symbol: `library` or `all` | `()`; prints its modules | no such catalog, in words | linear in the modules | reference, `catalog` |
/// | `(catalog-update! name)` | a symbol | never one: what comes with the engine changes with it | no such catalog, in words | constant | reference, `catalog` |
/// | `(catalog-clear! name)` | a symbol | never one, as above | no such catalog, in words | constant | reference, `catalog` |
///
/// Source: the reference's module `catalog`.
pub(super) fn operations() -> [Operation; 3] {
    [
        Operation::new(
            "catalog-list!",
            "(-> Symbol (->))",
            |arguments, context| match arguments.first().and_then(Atom::as_symbol) {
                Some("all" | "library") => {
                    for shipped in &super::SHIPPED {
                        context.print(&format!("{}\n", shipped.name));
                    }
                    Ok(vec![Atom::unit()])
                }
                _ => Err(unknown(arguments)),
            },
        ),
        Operation::new("catalog-update!", "(-> Symbol (->))", |arguments, _| {
            Err(unknown(arguments))
        }),
        Operation::new("catalog-clear!", "(-> Symbol (->))", |arguments, _| {
            Err(unknown(arguments))
        }),
    ]
}

fn unknown(arguments: &[Atom]) -> OperationError {
    match arguments {
        [name] => OperationError::message(format!("no catalog(s) identified by \"{name}\"")),
        _ => OperationError::NotReducible,
    }
}
