//! Modules: files whose atoms live in spaces of their own, loaded once.
//!
//! A module is named by a path of names: `dir:sub`, `top:dir:sub` from the
//! program's own directory, `self:sub` from the importing module's. A name is a
//! file `name.metta`, a directory with a `module.metta`, or a bare directory.

use std::sync::Arc;

use crate::atom::{Atom, Grounded};
use crate::budget::Budget;
use crate::engine::Host;
use crate::files::{self, Files};
use crate::library::{
    self,
    shipped::{self, Shipped},
};
use crate::load::{self, LoadError};
use crate::persistent::Map;
use crate::space::Space;

/// How deep modules may import modules.
const NESTED_MAX: usize = 1024;

/// Each level of imports is a level of native stack: with less than this left it goes on in another
/// piece, of so many bytes.
const STACK_LEFT: usize = 512 << 10;
const STACK_MORE: usize = 8 << 20;

/// The modules of an engine, and where the running code stands among them.
#[derive(Clone)]
pub(crate) struct Modules {
    files: Option<Arc<dyn Files>>,
    /// By path: of the file, or of the bare directory.
    loaded: Map<String, Module>,
    /// Paths by full name, `top:…`: every name under which a module was asked for.
    names: Map<String, String>,
    current: Place,
    /// The modules and files being loaded, by path, the innermost last.
    loading: Vec<(String, Option<Module>)>,
}

#[derive(Clone)]
pub(crate) struct Module {
    pub(crate) space: Space,
    /// The words that importing it into `&self` gives.
    pub(crate) words: Arc<[(String, Atom)]>,
    place: Place,
}

/// A module's full name, and the directory where names are looked up for it.
#[derive(Clone)]
struct Place {
    name: String,
    directory: String,
}

/// Why a module could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModuleError {
    #[error("Failed to resolve module {0}")]
    Unresolved(String),
    #[error("Illegal module name: {0}")]
    IllegalName(String),
    #[error("the engine was given no files to read modules from")]
    NoFiles,
    #[error("reading files is not granted to this program")]
    NotGranted,
    #[error("{0}: {1}")]
    Unreadable(String, std::io::Error),
    #[error("{0}")]
    Syntax(#[from] LoadError),
    #[error("{place}: {}", what_failed(.error))]
    Failed { place: String, error: Atom },
    #[error("modules import each other in a circle: {0}")]
    Circle(String),
    #[error("modules are nested more than {NESTED_MAX} deep: {0}")]
    TooDeep(String),
    #[error("No module format able to interpret module at {0}")]
    NoModule(String),
    #[error("Attempt to create module alias with name that conflicts with existing module: {0}")]
    NameTaken(String),
}

/// An error atom as text; that of a nested import says its own place already.
fn what_failed(error: &Atom) -> String {
    if let Some([_, call, reason]) = error.as_expression()
        && let Some([Atom::Grounded(Grounded::Operation(operation)), ..]) = call.as_expression()
        && ["import!", "include", "mod-space!", "register-module!"].contains(&operation.name())
        && let Some(text) = reason.as_symbol()
    {
        return text.to_owned();
    }
    error.to_string()
}

/// What a part of a name is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Only its place matters, so it may itself still be loading.
    OnTheWay,
    Wanted,
}

/// What a name leads to.
enum Source {
    File(String),
    Directory(String),
}

impl Source {
    fn path(&self) -> &str {
        match self {
            Source::File(path) | Source::Directory(path) => path,
        }
    }
}

impl Modules {
    pub(crate) fn new(files: Option<Arc<dyn Files>>) -> Modules {
        Modules {
            files,
            loaded: Map::new(),
            names: Map::new(),
            current: Place {
                name: "top".to_owned(),
                directory: String::new(),
            },
            loading: Vec::new(),
        }
    }

    /// The paths being loaded and then `path`, for an error.
    fn way(&self, path: &str) -> String {
        let mut way: Vec<&str> = self.loading.iter().map(|(path, _)| &**path).collect();
        way.push(path);
        way.join(" → ")
    }

    /// Refuses to load `path` inside itself, or too deep.
    fn check_nesting(&self, path: &str) -> Result<(), ModuleError> {
        if self.loading.iter().any(|(known, _)| known == path) {
            return Err(ModuleError::Circle(self.way(path)));
        }
        if self.loading.len() >= NESTED_MAX {
            return Err(ModuleError::TooDeep(self.way(path)));
        }
        Ok(())
    }

    fn files(&self) -> Result<Arc<dyn Files>, ModuleError> {
        self.files.clone().ok_or(ModuleError::NoFiles)
    }

    /// What stands at `path`, without its ending.
    fn source(&self, path: &str) -> Result<Option<Source>, ModuleError> {
        let files = self.files()?;
        for file in [format!("{path}.metta"), files::join(path, "module.metta")] {
            if files.is_file(&file) {
                return Ok(Some(Source::File(file)));
            }
        }
        let directory = files.is_directory(path);
        Ok(directory.then(|| Source::Directory(path.to_owned())))
    }

    /// Whether there is a module of that name written in Python, which is not run here.
    pub(crate) fn is_python(&self, name: &str) -> bool {
        let path = files::join(&self.current.directory, &name.replace(':', "/"));
        self.files().is_ok_and(|files| {
            [format!("{path}.py"), files::join(&path, "__init__.py")]
                .iter()
                .any(|file| files.is_file(file))
        })
    }

    /// Looks names up from `directory` from now on; where they were before.
    pub(crate) fn enter(&mut self, directory: &str) -> String {
        std::mem::replace(&mut self.current.directory, directory.to_owned())
    }

    /// Looks names up from where they were before [`Modules::enter`].
    pub(crate) fn leave(&mut self, directory: String) {
        self.current.directory = directory;
    }

    /// The module whose file is being run; where none is, the program itself.
    fn own(&self, top_space: &Space) -> Module {
        let running = self.loading.iter().rev();
        let mut modules = running.filter_map(|(_, module)| module.clone());
        modules
            .next()
            .unwrap_or_else(|| without_words(top_space.clone(), top()))
    }

    /// Every loaded module's full name, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.names.keys().cloned().collect();
        names.sort_by(|one, other| one.split(':').cmp(other.split(':')));
        names
    }
}

/// The directory of a path, and its last name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The module called `name`, loaded if it was not.
pub(crate) fn load(host: &mut Host, name: &str, budget: &Budget) -> Result<Module, ModuleError> {
    let (mut place, rest) = match name.split_once(':') {
        Some(("top", rest)) => (top(), rest),
        Some(("self", rest)) => (host.modules.current.clone(), rest),
        _ if name == "self" => return Ok(host.modules.own(&host.top)),
        _ if name == "top" => return Ok(without_words(host.top.clone(), top())),
        _ => (host.modules.current.clone(), name),
    };
    let mut parts = rest.split(':').peekable();
    while let Some(part) = parts.next() {
        let role = if parts.peek().is_some() {
            Role::OnTheWay
        } else {
            Role::Wanted
        };
        let module = step(host, &place, part, role, budget)?;
        if role == Role::Wanted {
            return Ok(module);
        }
        place = module.place;
    }
    unreachable!("splitting gives a part at least")
}

fn without_words(space: Space, place: Place) -> Module {
    Module {
        space,
        words: Arc::new([]),
        place,
    }
}

fn top() -> Place {
    Place {
        name: "top".to_owned(),
        directory: String::new(),
    }
}

/// The module called `part` seen from `place`; failing that, from the top.
fn step(
    host: &mut Host,
    place: &Place,
    part: &str,
    role: Role,
    budget: &Budget,
) -> Result<Module, ModuleError> {
    let full = format!("{}:{part}", place.name);
    let unresolved = || ModuleError::Unresolved(full.clone());
    check_name(part)?;
    if part.is_empty() {
        return Err(unresolved());
    }
    for name in [full.clone(), format!("top:{part}")] {
        let known = host.modules.names.get(&name);
        if let Some(module) = known.and_then(|path| host.modules.loaded.get(path)) {
            return Ok(module.clone());
        }
    }
    let shipped = shipped::find(part);
    let source = match shipped {
        Some(shipped) if shipped.before_files => return Ok(load_shipped(host, shipped)),
        // Without files there is what comes with the engine.
        Some(shipped) => match find_source(host, place, part) {
            Ok(Some(source)) => source,
            Ok(None) | Err(ModuleError::NotGranted | ModuleError::NoFiles) => {
                return Ok(load_shipped(host, shipped));
            }
            Err(error) => return Err(error),
        },
        None if part == "corelib" => return Ok(without_words(host.corelib.clone(), top())),
        // What the reference has in it are operations, which are known everywhere.
        None if part == "stdlib" => {
            let empty = || without_words(Space::module("top:stdlib"), top());
            let loaded = host.modules.loaded.entry("library:stdlib".to_owned());
            return Ok(loaded.or_insert_with(empty).clone());
        }
        None => find_source(host, place, part)?.ok_or_else(unresolved)?,
    };
    let loading = &host.modules.loading;
    if role == Role::OnTheWay
        && let Some((_, Some(module))) = loading.iter().find(|(path, _)| path == source.path())
    {
        return Ok(module.clone());
    }
    load_source(host, source, full, budget)
}

/// Names have letters, digits, `_` and `-`: a path is for `register-module!`.
fn check_name(part: &str) -> Result<(), ModuleError> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if part.chars().all(is_legal) {
        Ok(())
    } else {
        Err(ModuleError::IllegalName(part.to_owned()))
    }
}

/// What `part` seen from `place` leads to; failing that, seen from the top.
fn find_source(host: &Host, place: &Place, part: &str) -> Result<Option<Source>, ModuleError> {
    if !host.grants.read_files {
        return Err(ModuleError::NotGranted);
    }
    let source = host.modules.source(&files::join(&place.directory, part))?;
    if source.is_none() && !place.directory.is_empty() {
        return host.modules.source(part);
    }
    Ok(source)
}

/// Loads a module that comes with the engine, unless it is loaded.
fn load_shipped(host: &mut Host, shipped: &Shipped) -> Module {
    // No file has this path.
    let path = format!("library:{}", shipped.name);
    if let Some(module) = host.modules.loaded.get(&path) {
        return module.clone();
    }
    let (space, words) = shipped.load(host);
    let name = format!("top:{}", shipped.name);
    let module = Module {
        space,
        words,
        place: Place {
            name: name.clone(),
            directory: String::new(),
        },
    };
    host.modules.loaded.insert(path.clone(), module.clone());
    host.modules.names.insert(name, path);
    module
}

/// Loads what stands at a path as the module `full`, unless it is loaded.
fn load_source(
    host: &mut Host,
    source: Source,
    full: String,
    budget: &Budget,
) -> Result<Module, ModuleError> {
    let path = source.path().to_owned();
    if let Some(module) = host.modules.loaded.get(&path).cloned() {
        host.modules.names.insert(full, path);
        return Ok(module);
    }
    host.modules.check_nesting(&path)?;
    let space = Space::module(&full);
    space.import(host.corelib.clone());
    let directory = match &source {
        Source::File(file) => split(file).0,
        Source::Directory(directory) => directory,
    };
    let place = Place {
        name: full.clone(),
        directory: directory.to_owned(),
    };
    let module = without_words(space.clone(), place);
    if let Source::File(file) = &source {
        let text = read(host, file)?;
        let mut tokens = host.base_tokens.clone();
        for (word, atom) in library::words_of(&space) {
            tokens.insert(word.to_owned(), atom);
        }
        let outer_tokens = std::mem::replace(&mut host.tokens, tokens);
        let outer_place = std::mem::replace(&mut host.modules.current, module.place.clone());
        let loading = (path.clone(), Some(module.clone()));
        host.modules.loading.push(loading);
        let done = stacker::maybe_grow(STACK_LEFT, STACK_MORE, || {
            run(host, &space, &text, file, budget)
        });
        host.modules.loading.pop();
        host.modules.current = outer_place;
        host.tokens = outer_tokens;
        done?;
    }
    host.modules.loaded.insert(path.clone(), module.clone());
    host.modules.names.insert(full, path);
    Ok(module)
}

fn read(host: &Host, file: &str) -> Result<String, ModuleError> {
    host.modules
        .files()?
        .read(file)
        .map_err(|error| ModuleError::Unreadable(file.to_owned(), error))
}

/// Runs the text of a file to its end or to its first error; its last results.
fn run(
    host: &mut Host,
    space: &Space,
    text: &str,
    file: &str,
    budget: &Budget,
) -> Result<Vec<Atom>, ModuleError> {
    let mut last = Vec::new();
    let mut failed = None;
    load::run(host, space, text, file, budget, |directive| {
        let error = directive.results.iter().find(|result| result.is_error());
        if let Some(error) = error {
            failed = Some(ModuleError::Failed {
                place: format!("{file}:{}:{}", directive.line, directive.column),
                error: error.clone(),
            });
            return false;
        }
        last = directive.results;
        true
    })?;
    failed.map_or(Ok(last), Err)
}

/// What a module's name leads to, unread where it is a file's place only.
pub(crate) enum FoundModule {
    Shipped(&'static Shipped),
    /// The standard library.
    Library,
    File {
        path: String,
        text: String,
    },
    /// A directory without a `module.metta`.
    Directory,
}

/// The directories in which the rest of a name is looked for, the first one first.
fn seen_from(name: &str, here: String) -> (Vec<String>, &str) {
    match name.split_once(':') {
        Some(("top", rest)) => (vec![String::new()], rest),
        Some(("self", rest)) => (vec![here], rest),
        _ => (vec![here, String::new()], name),
    }
}

/// What `name` leads to seen from where the running code stands; nothing is run.
pub(crate) fn find(host: &Host, name: &str) -> Option<FoundModule> {
    let here = host.modules.current.directory.clone();
    let (directories, rest) = seen_from(name, here);
    let shipped = shipped::find(rest);
    if let Some(shipped) = shipped.filter(|shipped| shipped.before_files) {
        return Some(FoundModule::Shipped(shipped));
    }
    if ["corelib", "stdlib", "top", "self"].contains(&rest) {
        return Some(FoundModule::Library);
    }
    for directory in directories {
        let path = files::join(&directory, &rest.replace(':', "/"));
        match host.modules.source(&path) {
            Ok(Some(Source::File(path))) => {
                let text = read(host, &path).ok()?;
                return Some(FoundModule::File { path, text });
            }
            Ok(Some(Source::Directory(_))) => return Some(FoundModule::Directory),
            Ok(None) | Err(_) => {}
        }
    }
    shipped.map(FoundModule::Shipped)
}

/// Runs the file of the module `name` as if it stood here; its last results.
pub(crate) fn include(
    host: &mut Host,
    space: &Space,
    name: &str,
    budget: &Budget,
) -> Result<Vec<Atom>, ModuleError> {
    name.split(':').try_for_each(check_name)?;
    let here = host.modules.current.directory.clone();
    let (directories, rest) = seen_from(name, here);
    let path = rest.replace(':', "/");
    let mut source = None;
    for directory in directories {
        source = source.or(host.modules.source(&files::join(&directory, &path))?);
    }
    let Some(Source::File(file)) = source else {
        return Err(ModuleError::Unresolved(name.to_owned()));
    };
    host.modules.check_nesting(&file)?;
    let text = read(host, &file)?;
    host.modules.loading.push((file.clone(), None));
    let done = run(host, space, &text, &file, budget);
    host.modules.loading.pop();
    done
}

/// Loads the module at a path, a file with its ending or a directory, and makes it known by the
/// last name of the path.
pub(crate) fn register(host: &mut Host, path: &str, budget: &Budget) -> Result<(), ModuleError> {
    let located = files::join(&host.modules.current.directory, path);
    let no_module = || ModuleError::NoModule(path.to_owned());
    let source = match located.strip_suffix(".metta") {
        Some(_) if host.modules.files()?.is_file(&located) => Source::File(located.clone()),
        _ if host.modules.files()?.is_directory(&located) => {
            host.modules.source(&located)?.ok_or_else(no_module)?
        }
        _ => return Err(no_module()),
    };
    let name = split(&located).1;
    let name = name.strip_suffix(".metta").unwrap_or(name);
    let full = format!("top:{name}");
    if let Some(known) = host.modules.names.get(&full) {
        return if known == source.path() {
            Ok(())
        } else {
            Err(ModuleError::NameTaken(name.to_owned()))
        };
    }
    load_source(host, source, full, budget).map(|_| ())
}
