//! `import!` and what else has to do with modules.

use crate::atom::{Atom, Grounded};
use crate::engine::{Context, Engine};
use crate::modules::{self, ModuleError};
use crate::operation::{Operation, OperationError};

impl From<ModuleError> for OperationError {
    fn from(error: ModuleError) -> OperationError {
        OperationError::message(error.to_string())
    }
}

/// Modules are named by a symbol or a string; names and paths are in `src/modules.rs`.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(import! destination name)` | as written: `&self` or another word; a symbol or string | `()`; the module is loaded unless it is, and seen in `&self`, or the word stands for its space | no such module, one that fails, with its place; no files granted; `ReadOnly` | reading and running it, once | reference |
/// | `(include name)` | a symbol or string | the last results of the file, run as if it stood here | as `import!` | reading and running it | reference |
/// | `(register-module! path)` | a string or symbol | `()`; the module at the path is loaded | as `import!` | reading and running it, once | reference |
/// | `(mod-space! name)` | a symbol or string | the module's space | as `import!` | reading and running it, once | reference |
/// | `(module-space-no-deps space)` | a space | the same without what it imports | no space, in words | constant | reference |
/// | `(print-mods!)` | none | `()`; a line for each loaded module | none | linear in the modules | reference |
/// | `(_module-named name)` | as written | the space of the module, loaded unless it is, for `help!`; nothing where there is none | one that fails, with its place | reading and running it, once | own |
///
/// Source: the reference's standard library, hyperon 0.2.10.
pub(super) fn install(engine: &mut Engine) {
    engine.provide(Operation::new(
        "import!",
        "(-> Atom Atom (->))",
        |arguments, context| {
            let [destination, name] = arguments else {
                return Err(OperationError::NotReducible);
            };
            let name = module_name(name).ok_or_else(|| {
                OperationError::message(
                    "import! expects a destination &space and a module name argument",
                )
            })?;
            import(context, destination, &name)?;
            Ok(vec![Atom::unit()])
        },
    ));
    engine.provide(Operation::new(
        "include",
        "(-> Atom %Undefined%)",
        |arguments, context| {
            let name = name_of(arguments, "include expects a module name argument")?;
            check(context)?;
            let space = context.space.clone();
            Ok(modules::include(
                context.host,
                &space,
                &name,
                &context.budget,
            )?)
        },
    ));
    engine.provide(Operation::new(
        "register-module!",
        "(-> Atom (->))",
        |arguments, context| {
            let path = name_of(
                arguments,
                "register-module! expects a file system path; use quotes if needed",
            )?;
            check(context)?;
            modules::register(context.host, &path, &context.budget)?;
            Ok(vec![Atom::unit()])
        },
    ));
    engine.provide(Operation::new(
        "mod-space!",
        "(-> Atom SpaceType)",
        |arguments, context| {
            let name = name_of(arguments, "mod-space! expects a module name argument")?;
            context.check_write()?;
            let module = modules::load(context.host, &name, &context.budget)?;
            Ok(vec![Atom::space(module.space)])
        },
    ));
    engine.define(Operation::new(
        "_module-named",
        "(-> Atom SpaceType)",
        |arguments, context| {
            let Some(name) = arguments.first().and_then(module_name) else {
                return Ok(Vec::new());
            };
            if !context.host.grants.write {
                return Ok(Vec::new());
            }
            match modules::load(context.host, &name, &context.budget) {
                Ok(module) => Ok(vec![Atom::space(module.space)]),
                Err(
                    ModuleError::Unresolved(_)
                    | ModuleError::IllegalName(_)
                    | ModuleError::NoFiles
                    | ModuleError::NotGranted,
                ) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            }
        },
    ));
    engine.provide(Operation::new(
        "module-space-no-deps",
        "(-> SpaceType SpaceType)",
        |arguments, _| match arguments {
            [Atom::Grounded(Grounded::Space(space))] => {
                Ok(vec![Atom::space(space.without_imports())])
            }
            _ => Err(OperationError::message(
                "module-space-no-deps expects a space as an argument",
            )),
        },
    ));
    engine.provide(Operation::new("print-mods!", "(-> (->))", |_, context| {
        let mut text = "top\n".to_owned();
        for name in context.host.modules.names() {
            let depth = name.matches(':').count();
            let last = name.rsplit(':').next().unwrap_or_default();
            text += &format!("{}{last}\n", "  ".repeat(depth));
        }
        context.print(&text);
        Ok(vec![Atom::unit()])
    }));
}

/// Whether files may be read as code: it reads them and defines things.
fn check(context: &mut Context<'_>) -> Result<(), OperationError> {
    if !context.host.grants.read_files {
        return Err(OperationError::message(
            "reading files is not granted to this program",
        ));
    }
    context.check_write()
}

fn import(context: &mut Context<'_>, destination: &Atom, name: &str) -> Result<(), OperationError> {
    let wrong_destination = |found: &str| {
        OperationError::message(format!(
            "import! destination argument must be a symbol atom naming a new space, or &self.  Found: {found}"
        ))
    };
    // As the reference does: what is told first is that there is no such module.
    context.check_write()?;
    let module = modules::load(context.host, name, &context.budget)?;
    match destination {
        Atom::Grounded(Grounded::Space(space)) if space.is_same(context.space) => {
            context.space.import(module.space);
            for (word, atom) in &*module.words {
                context.host.tokens.insert(word.clone(), atom.clone());
            }
            Ok(())
        }
        Atom::Symbol(token) => {
            let token = token.as_str().to_owned();
            context.host.tokens.insert(token, Atom::space(module.space));
            Ok(())
        }
        Atom::Grounded(_) => Err(wrong_destination(&format!("{{{destination}}}"))),
        Atom::Variable(_) | Atom::Expression(_) => Err(wrong_destination(&destination.to_string())),
    }
}

/// A module's name: a symbol, a string, or anything else that is one word.
fn module_name(atom: &Atom) -> Option<String> {
    match atom {
        Atom::Symbol(name) => Some(name.as_str().to_owned()),
        Atom::Grounded(_) => super::text::plain(atom).ok(),
        Atom::Variable(_) | Atom::Expression(_) => None,
    }
}

fn name_of(arguments: &[Atom], wrong: &str) -> Result<String, OperationError> {
    match arguments {
        [atom] => module_name(atom).ok_or_else(|| OperationError::message(wrong)),
        _ => Err(OperationError::NotReducible),
    }
}
