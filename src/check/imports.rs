//! Modules that a text imports: whether they are there, and what they define.
//! Their files are read, with those that they import in turn, and not run.

use std::collections::HashSet;

use chimera_grammar::{LineTable, Severity};

use crate::atom::Atom;
use crate::check::{Text, names};
use crate::engine::Host;
use crate::files;
use crate::library::shipped;
use crate::modules::{self, FoundModule};
use crate::reader;
use crate::space::Space;

pub(super) struct Imports {
    file: String,
    seen: HashSet<String>,
    /// The files of the modules that are being read, each imported by the one before.
    loading: Vec<String>,
    /// What keeps a module that is being read from being loaded.
    wrong: Option<String>,
    /// Words that the modules bind.
    words: Vec<String>,
}

const HELP_LOADING: &str = "`chimera check` of the module's file tells all that is wrong there; modules may not need each other";

/// The name or path of a module, which is a symbol or a text.
fn name_of(atom: &Atom) -> Option<&str> {
    match atom {
        Atom::Symbol(name) => Some(name.as_str()),
        other => other.as_text(),
    }
}

impl Imports {
    pub(super) fn new(file: &str) -> Imports {
        Imports {
            file: file.to_owned(),
            seen: HashSet::new(),
            loading: Vec::new(),
            wrong: None,
            words: Vec::new(),
        }
    }

    /// Looks at a directive: what it imports is known from here on.
    pub(super) fn follow(
        &mut self,
        text: &mut Text<'_>,
        host: &mut Host,
        space: &Space,
        node: usize,
    ) {
        let children = text.children(node);
        let word = text.head_word(node).unwrap_or_default().to_owned();
        match (word.as_str(), &children[..]) {
            ("bind!", [_, token, value]) => {
                if let Some(token) = text.word(*token).map(str::to_owned) {
                    // What it will stand for is known only where it stands there.
                    let value = match text.atom(*value) {
                        value @ Atom::Grounded(_) => value.clone(),
                        _ => Atom::symbol(&token),
                    };
                    host.tokens.insert(token, value);
                }
            }
            ("pragma!", [_, key, value]) if text.word(*key) == Some("interpreter") => {
                host.settings.bare_minimal = text.word(*value) == Some("bare-minimal");
            }
            ("register-module!", [_, path]) => {
                let source = text.source(*path).trim_matches('"').to_owned();
                self.find_path(text, host, *path);
                let name = source.rsplit('/').next().unwrap_or_default();
                self.seen
                    .insert(name.strip_suffix(".metta").unwrap_or(name).to_owned());
            }
            ("import!", [_, destination, name]) => {
                let destination = text.source(*destination).to_owned();
                self.bring(text, host, space, (*name, destination == "&self"));
                if destination != "&self" {
                    let token = Atom::symbol(&destination);
                    host.tokens.insert(destination, token);
                }
            }
            ("include" | "mod-space!", [_, name]) => {
                self.bring(text, host, space, (*name, word == "include"));
            }
            _ => {}
        }
        for word in self.words.drain(..) {
            let token = Atom::symbol(&word);
            if host.tokens.get(&word).is_none() {
                host.tokens.insert(word, token);
            }
        }
    }

    /// Reads the module of this name, whose atoms and words are made known in `space` if it is opened
    /// there, and tells what keeps it from being loaded.
    fn bring(
        &mut self,
        text: &mut Text<'_>,
        host: &mut Host,
        space: &Space,
        (name, is_opened): (usize, bool),
    ) {
        let into = match is_opened {
            true => space.clone(),
            false => Space::anonymous(),
        };
        if let Some(module) = self.find(text, host, name) {
            self.open(host, &into, module);
        }
        if let Some(wrong) = self.wrong.take() {
            let message = format!("`{}` cannot be loaded: {wrong}", text.source(name));
            text.report(Severity::Error, "E0107", name, message, HELP_LOADING);
        }
    }

    /// Tells of a path at which there is no module.
    fn find_path(&self, text: &mut Text<'_>, host: &Host, node: usize) {
        let Some(path) = name_of(text.atom(node)).map(str::to_owned) else {
            return;
        };
        if modules::find(host, path.strip_suffix(".metta").unwrap_or(&path)).is_none() {
            let message = format!("there is no module at `{path}` beside {}", self.file);
            let help = "a path is of a file, as in `(register-module! parts/rules.metta)`, or of a directory with a module.metta";
            text.report(Severity::Error, "E0104", node, message, help);
        }
    }

    fn find(&self, text: &mut Text<'_>, host: &Host, node: usize) -> Option<FoundModule> {
        let name = name_of(text.atom(node))?.to_owned();
        let last = name.rsplit(':').next().unwrap_or_default();
        if self.seen.contains(last) {
            return None;
        }
        let found = modules::find(host, &name);
        if found.is_none() {
            let names: Vec<&str> = shipped::SHIPPED.iter().map(|module| module.name).collect();
            let near = names::nearest(&name, &names)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let message = format!("there is no module `{name}` beside {}{near}", self.file);
            let help = if host.modules.is_python(&name) {
                "there is a module of that name in Python, which is not run here: write what it offers in MeTTa, or as operations in Rust"
            } else {
                "a module is a file name.metta, a directory with a module.metta, or one that comes with the engine: `(catalog-list! all)` of the module `catalog` prints those"
            };
            text.report(Severity::Error, "E0104", node, message, help);
        }
        found
    }

    /// Makes a module's atoms and words known in `space`.
    fn open(&mut self, host: &mut Host, space: &Space, module: FoundModule) {
        match module {
            FoundModule::Shipped(shipped) => {
                let (module, words) = shipped.load(host);
                space.import(module);
                for (word, atom) in &*words {
                    host.tokens.insert(word.clone(), atom.clone());
                }
            }
            FoundModule::Directory | FoundModule::Library => {}
            FoundModule::File { path, text } => self.read(host, space, &path, &text),
        }
    }

    /// Adds the atoms of a module's file, and of the modules that it imports into
    /// itself.
    fn read(&mut self, host: &mut Host, space: &Space, path: &str, text: &str) {
        if let Some(first) = self.loading.iter().position(|loading| loading == path) {
            let circle = self.loading[first..].join(" → ");
            let wrong = format!("modules import each other in a circle: {circle} → {path}");
            self.wrong.get_or_insert(wrong);
            return;
        }
        if !self.seen.insert(format!("file {path}")) {
            return;
        }
        let parsed = chimera_grammar::parse(text);
        if let Some(error) = parsed.errors.first() {
            let place = LineTable::new(text).position(text, error.span().start);
            let wrong = format!("{path}:{}:{}: {error}", place.line, place.column);
            self.wrong.get_or_insert(wrong);
            return;
        }
        self.loading.push(path.to_owned());
        let inner = Space::module(path);
        inner.import(host.corelib.clone());
        let outer_tokens = host.tokens.clone();
        host.tokens = host.base_tokens.clone();
        host.tokens
            .insert("&self".to_owned(), Atom::space(inner.clone()));
        let outer = host.modules.enter(files::directory(path));
        for form in parsed.tree.forms() {
            let atom = reader::read(&parsed.tree, form.node as usize, &|word| {
                host.tokens.get(word).cloned()
            });
            if form.directive {
                self.follow_inside(host, &inner, &atom);
            } else {
                inner.add(atom);
            }
        }
        host.modules.leave(outer);
        host.tokens = outer_tokens;
        space.import(inner);
        self.loading.pop();
    }

    /// Looks at a directive of a module, whose space `inner` is.
    fn follow_inside(&mut self, host: &mut Host, inner: &Space, directive: &Atom) {
        let Some([head, arguments @ ..]) = directive.as_expression() else {
            return;
        };
        let is_inner = |atom: &Atom| matches!(atom.as_space(), Some(own) if own.is_same(inner));
        let (name, into) = match (head.to_string().as_str(), arguments) {
            ("bind!", [Atom::Symbol(word), _]) => {
                self.words.push(word.as_str().to_owned());
                return;
            }
            ("import!", [destination, name]) if is_inner(destination) => (name, inner.clone()),
            ("import!", [destination, name]) => {
                if let Atom::Symbol(word) = destination {
                    self.words.push(word.as_str().to_owned());
                }
                (name, Space::anonymous())
            }
            ("include", [name]) => (name, inner.clone()),
            _ => return,
        };
        if let Some(module) = name_of(name).and_then(|name| modules::find(host, name)) {
            self.open(host, &into, module);
        }
    }
}
