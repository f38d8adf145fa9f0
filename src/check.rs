//! Mistakes that can be seen in a text before it runs. Nothing is run: what
//! directives would change is known only as far as they import modules.
//!
//! | code | what | where |
//! |---|---|---|
//! | `E0001` … `E0006`, `E0008` | not MeTTa | `grammar` |
//! | `E0101` | a call with a wrong number of arguments | `calls` |
//! | `E0102` | an argument of a wrong type | `calls` |
//! | `E0103` | a result of a wrong type | `calls` |
//! | `E0104` | a module that there is not | `imports` |
//! | `E0105` | an effector that there is not, in the server's rules | `chimera check` |
//! | `E0106` | an element of the list of a `let*` that is no pair | `definitions` |
//! | `E0107` | a module that cannot be loaded: it is not MeTTa, or needs itself | `imports` |
//! | `W0201` | a name that is nowhere else and near another; a space that is bound too late, or never | `names` |
//! | `W0202` | a variable that occurs once | `variables` |
//! | `W0203` | a rule that an earlier one covers | `shadows` |
//! | `W0204` | a case that is never chosen | `shadows` |
//! | `W0205` | a recursion that its base case does not end | `endless` |
//! | `W0206` | an operation that only the reference has | `names` |
//! | `W0207` | a call where an expression is taken as it is written | `unevaluated` |
//! | `W0208` | a call without `!` before it, which is stored | `unevaluated` |
//! | `W0209` | a rule for a symbol, which no call asks for | `symbols` |
//! | `W0210` | a symbol of a rule's head where a value is wanted | `symbols` |
//! | `W0211` | a `=` or `:` with a wrong number of parts | `definitions` |
//! | `W0212` | a rule for calls that its own type does not take | `definitions` |
//! | `W0213` | a rule for what an operation answers | `definitions` |
//! | `W0214` | a setting that there is not | `settings` |
//! | `W0215` | an operation between its operands | `infix` |
//! | `W0216` | an operation of a module that is not imported | `names` |
//! | `W0217` | a call with a number of arguments that no rule of its function has | `arities` |
//!
//! Errors are what a run would answer with an error atom if it came there.
//! Warnings are likely mistakes, notes may be meant.

mod arities;
mod calls;
mod definitions;
mod endless;
mod evaluated;
mod imports;
mod infix;
mod names;
mod settings;
mod shadows;
mod symbols;
mod unevaluated;
mod variables;

use chimera_grammar::{Diagnostic, LineTable, NodeKind, Severity, Span, Tree};

pub use names::nearest as nearest_name;

use crate::atom::{Atom, Variable, known};
use crate::check::evaluated::Evaluated;
use crate::engine::{Engine, Host};
use crate::evaluate::substitute;
use crate::reader;
use crate::space::Space;

/// What a call of a longer expression gives is not asked for by types: expressions in
/// heads of others are asked for with each of these.
const HEAD_NODES_MAX: usize = 64;

/// A number of things, in words.
fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// A type in words: its variables, which were given numbers to tell them apart, as they
/// are written where that can be told.
fn worded(type_atom: &Atom) -> Atom {
    let mut variables: Vec<Variable> = Vec::new();
    type_atom.for_each_variable(|variable| {
        if !variables.contains(variable) {
            variables.push(variable.clone());
        }
    });
    let mut worded = type_atom.clone();
    for variable in &variables {
        let mut namesakes = variables
            .iter()
            .filter(|other| other.name() == variable.name());
        if namesakes.nth(1).is_none() {
            let name = Atom::variable(variable.name());
            worded = substitute(&worded, variable, &name);
        }
    }
    worded
}

/// A text being checked, with what is known where it stands.
pub(crate) struct Text<'s> {
    tree: &'s Tree<'s>,
    /// The atom of each node, read with the words known at its place.
    atoms: Vec<Option<Atom>>,
    lines: LineTable,
    findings: Vec<Diagnostic>,
}

/// One top-level atom.
pub(crate) struct Form {
    node: usize,
    directive: bool,
    /// What is evaluated of it: of a directive all, of a rule its body, nothing of what is stored.
    values: Vec<Evaluated>,
}

impl Engine {
    /// Looks for mistakes in a text, without running it and without changing the
    /// engine; in the order of the text. If the text is not MeTTa, all its syntax
    /// errors and nothing else. Modules that it imports are read, not run.
    /// About linear in the text.
    pub fn check(&self, source: &str, file: &str) -> Vec<Diagnostic> {
        let parsed = chimera_grammar::parse(source);
        let lines = LineTable::new(source);
        if !parsed.errors.is_empty() {
            let errors = parsed.errors.iter();
            return errors
                .map(|error| Diagnostic::of(error, source, &lines))
                .collect();
        }
        let space = Space::module("top");
        space.import(self.host.corelib.clone());
        space.import(self.space.clone());
        let mut host = self.host.clone();
        host.top = space.clone();
        host.tokens
            .insert("&self".to_owned(), Atom::space(space.clone()));
        let mut text = Text {
            tree: &parsed.tree,
            atoms: vec![None; parsed.tree.nodes().len()],
            lines,
            findings: Vec::new(),
        };
        text.check(&mut host, &space, file);
        let mut findings = text.findings;
        findings.sort_by_key(|finding| (finding.span.start, finding.code));
        findings.dedup();
        findings
    }
}

impl Text<'_> {
    fn check(&mut self, host: &mut Host, space: &Space, file: &str) {
        let mut forms: Vec<Form> = self
            .tree
            .forms()
            .iter()
            .map(|form| Form {
                node: form.node as usize,
                directive: form.directive,
                values: Vec::new(),
            })
            .collect();
        let mut imports = imports::Imports::new(file);
        // Directives see what stands above them, rules see everything.
        for form in &forms {
            self.read(form.node, host);
            if !form.directive {
                space.add(self.atom(form.node).clone());
                continue;
            }
            let expected = crate::types::undefined();
            if !host.settings.bare_minimal {
                calls::check(self, host, space, form.node, &expected, &[]);
            }
            imports.follow(self, host, space, form.node);
        }
        let typed = Space::anonymous();
        typed.import(space.clone());
        for form in &forms {
            if !form.directive
                && let Some((head, body)) = self.rule(form.node)
            {
                let expected = calls::declared_result(self, space, head);
                let variables = calls::typed_variables(self, space, &typed, head);
                calls::check(self, host, &typed, body, &expected, &variables);
            }
        }
        for form in &mut forms {
            if let Some(root) = self.root(form) {
                form.values = evaluated::evaluated(self, space, root);
            }
        }
        names::check(self, host, space, &forms);
        variables::check(self, &forms);
        shadows::check(self, &forms);
        endless::check(self, &forms);
        unevaluated::check(self, host, space, &forms);
        symbols::check(self, space, &forms);
        definitions::check(self, host, space, &forms);
        settings::check(self, host, &forms);
        infix::check(self, &forms);
        arities::check(self, space, &forms);
    }

    /// Reads the atoms of a node and of all below it, each once.
    fn read(&mut self, node: usize, host: &Host) {
        let nodes = self.tree.nodes();
        let end = self.end(node);
        for index in (node..end).rev() {
            let atom = match nodes[index].kind {
                NodeKind::Expression { .. } => {
                    let children = self.children(index);
                    let atoms = children.iter().map(|child| self.atom(*child).clone());
                    Atom::expression(atoms.collect::<Vec<_>>())
                }
                NodeKind::Variable | NodeKind::Word | NodeKind::String => {
                    reader::read(self.tree, index, &|word| host.tokens.get(word).cloned())
                }
            };
            self.atoms[index] = Some(atom);
        }
    }

    fn atom(&self, node: usize) -> &Atom {
        self.atoms[node]
            .as_ref()
            .expect("a form is read before it is looked at")
    }

    /// One past the last node below `node`.
    fn end(&self, node: usize) -> usize {
        match self.tree.nodes()[node].kind {
            NodeKind::Expression { end } => end as usize,
            NodeKind::Variable | NodeKind::Word | NodeKind::String => node + 1,
        }
    }

    fn children(&self, node: usize) -> Vec<usize> {
        let end = self.end(node);
        let mut children = Vec::new();
        let mut next = node + 1;
        while next < end {
            children.push(next);
            next = self.end(next);
        }
        children
    }

    fn span(&self, node: usize) -> Span {
        self.tree.nodes()[node].span
    }

    fn source(&self, node: usize) -> &str {
        let span = self.span(node);
        &self.tree.source()[span.start..span.end]
    }

    /// The text of a word.
    fn word(&self, node: usize) -> Option<&str> {
        matches!(self.tree.nodes()[node].kind, NodeKind::Word).then(|| self.source(node))
    }

    fn is_variable(&self, node: usize) -> bool {
        matches!(self.tree.nodes()[node].kind, NodeKind::Variable)
    }

    /// Head and body of `(= head body)`.
    fn rule(&self, node: usize) -> Option<(usize, usize)> {
        match self.children(node)[..] {
            [equal, head, body] if self.word(equal) == Some(known().equal.as_str()) => {
                Some((head, body))
            }
            _ => None,
        }
    }

    /// What of a top-level atom is evaluated: what a directive is about, or a rule's body.
    fn root(&self, form: &Form) -> Option<usize> {
        match self.rule(form.node) {
            Some((_, body)) if !form.directive => Some(body),
            None if form.directive => Some(form.node),
            _ => None,
        }
    }

    /// The word that a call begins with.
    fn head_word(&self, node: usize) -> Option<&str> {
        let first = (self.end(node) > node + 1).then_some(node + 1)?;
        self.word(first)
    }

    /// The types of a call's head; none of a long expression.
    fn types_of(&self, space: &Space, head: usize) -> Vec<Atom> {
        if self.end(head) - head > HEAD_NODES_MAX {
            return Vec::new();
        }
        crate::types::types_of(space, self.atom(head))
    }

    /// Whether it is a call of an expression whose types are not asked for.
    fn has_long_head(&self, node: usize) -> bool {
        let first = node + 1;
        self.end(node) > first && self.end(first) - first > HEAD_NODES_MAX
    }

    fn line(&self, node: usize) -> u32 {
        let source = self.tree.source();
        self.lines.position(source, self.span(node).start).line
    }

    fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        node: usize,
        message: String,
        help: &'static str,
    ) {
        let span = self.span(node);
        self.findings.push(Diagnostic {
            severity,
            code,
            message,
            help: help.into(),
            span,
            position: self.lines.position(self.tree.source(), span.start),
        });
    }
}
