//! `catalog`: where modules can be had from. Of the reference, whose catalogs
//! are on the network; ours is one, `library`: the modules that come with the
//! engine, which change with the engine only.

use crate::atom::Atom;
use crate::operation::{Operation, OperationError};

/// - `(catalog-list! name)`: prints the modules of a catalog, or of `all`; `()`.
/// - `(catalog-update! name)`, `(catalog-clear! name)`: nothing there can be
///   updated or cleared.
///
/// Errors: a catalog that there is not.
///
/// Linear in the modules. The kinds of arguments and results are in the signatures below.
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
