//! `pragma!`: settings of the interpreter.

use crate::atom::Atom;
use crate::engine::Engine;
use crate::library::shipped::tabling;
use crate::operation::{Operation, OperationError};

/// Settings.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(pragma! key value)` | a symbol; any; more are ignored | `()`; sets `interpreter bare-minimal`, `type-check auto`, `max-stack-depth number` (0 for none), `table (name arity)` where `tabling` is imported; other keys change nothing | no symbol, in words; `UnsignedIntegerIsExpected`; no function to table; `ReadOnly` | constant | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10; `table` is our own.
pub(super) fn install(engine: &mut Engine) {
    engine.provide(Operation::new(
        "pragma!",
        "%Undefined%",
        |arguments, context| {
            let [key, value, ..] = arguments else {
                return Err(OperationError::message(
                    "pragma! expects key and value as arguments",
                ));
            };
            let Some(key) = key.as_symbol() else {
                return Err(OperationError::message(
                    "pragma! expects symbol atom as a key",
                ));
            };
            if key == "table" && tabling::is_imported(context) {
                tabling::table(&arguments[1..], context)?;
                return Ok(vec![Atom::unit()]);
            }
            context.check_write()?;
            let settings = &mut context.host.settings;
            match key {
                "interpreter" => {
                    settings.bare_minimal = value.as_symbol() == Some("bare-minimal");
                }
                "type-check" => settings.check_types = value.as_symbol() == Some("auto"),
                "max-stack-depth" => {
                    let depth = value
                        .as_i64()
                        .and_then(|depth| usize::try_from(depth).ok())
                        .ok_or_else(|| OperationError::symbol("UnsignedIntegerIsExpected"))?;
                    settings.stack_depth_max = if depth == 0 { usize::MAX } else { depth };
                }
                // A setting of another engine changes nothing here.
                _ => {}
            }
            Ok(vec![Atom::unit()])
        },
    ));
}
