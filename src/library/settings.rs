//! `pragma!`: settings of the interpreter.

use crate::atom::Atom;
use crate::engine::Engine;
use crate::operation::{Operation, OperationError};

/// - `(pragma! key value)`, more arguments are ignored: `interpreter bare-minimal`, `type-check auto`,
///   `max-stack-depth number` (0 for none); any other key is a setting of another engine
///   and changes nothing. `()`. Errors: a key that is no symbol, a depth that is no number
///   (`UnsignedIntegerIsExpected`), `ReadOnly`.
pub(super) fn install(engine: &mut Engine) {
    engine.register(Operation::new(
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
