//! Listings of compiled rules, for people.
//!
//! Rules are compiled anew for it, with what their slots stand for noted on the way.

use std::fmt::Write;
use std::ops::Range;

use crate::atom::{Atom, Variable, known};
use crate::engine::Host;
use crate::evaluate::uses::Used;
use crate::fast::cell::{Cell, OPERATIONS};
use crate::fast::code::{ANY, FAIL, FINISH, Operand, Operands, Pc, Quick, QuickKind, RETURN, Slot};
use crate::fast::function::State;
use crate::fast::head::Head;
use crate::fast::machine::Parts;
use crate::fast::pattern::Part;
use crate::fast::program::Program;
use crate::fast::switch::{Branch, HeadTest, Key};
use crate::load::LoadError;
use crate::space::token;
use crate::space::{Origin, Space, moment};
use crate::unify::Bindings;

mod words;

/// What the compiler notes of the rules of one function.
#[derive(Default)]
pub(super) struct Listed {
    rules: Vec<ListedRule>,
    /// Where the code ends that picks a rule; it stands after the rules.
    pub(super) choice: Pc,
    /// Names given to slots in the rule that is being compiled.
    names: Vec<(Slot, String)>,
}

struct ListedRule {
    code: Range<Pc>,
    rule: Atom,
    origin: Option<Origin>,
    names: Vec<(Slot, String)>,
}

impl Listed {
    pub(super) fn name(&mut self, slot: Slot, variable: &Variable) {
        self.names.push((slot, format!("${}", variable.name())));
    }

    pub(super) fn rule(&mut self, code: Range<Pc>, rule: &Atom, origin: Option<Origin>) {
        self.rules.push(ListedRule {
            code,
            rule: rule.clone(),
            origin,
            names: std::mem::take(&mut self.names),
        });
    }
}

/// Why there is no listing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// The name cannot be read.
    #[error("a listing is of one name")]
    Name(#[from] LoadError),
    /// What is asked for is no symbol.
    #[error("`{0}` is no name of rules: a listing is of a symbol, as in `:code fib`")]
    NotASymbol(Atom),
    /// Something else carries the calls out.
    #[error("`{0}` is an operation of the engine: it has no rules to list")]
    Operation(String),
    /// No rule is about it.
    #[error("no rule `(= ({0} …) …)` is in this space: calls of `{0}` are data")]
    NoRules(String),
}

/// Lists what the rules of a symbol are compiled to.
pub(crate) fn listing(host: &Host, space: &Space, name: &Atom) -> Result<String, ListingError> {
    let _then = moment::enter(host.moment.as_ref());
    let symbol = match name {
        Atom::Symbol(symbol) => symbol,
        Atom::Grounded(_) => return Err(ListingError::Operation(name.to_string())),
        Atom::Variable(_) | Atom::Expression(_) => {
            return Err(ListingError::NotASymbol(name.clone()));
        }
    };
    let arities = arities(space, name);
    if arities.is_empty() {
        let is_operation = host.functions.contains_key(symbol);
        return Err(match is_operation {
            true => ListingError::Operation(name.to_string()),
            false => ListingError::NoRules(name.to_string()),
        });
    }
    // Without a watch: the listing is of the code that usually runs.
    let mut host = host.clone();
    host.watch = None;
    let mut parts = Parts::new(&host, space, false);
    let id = parts.heap.symbol(symbol);
    let mut text = String::new();
    for arity in arities {
        parts.program.listed = Some(Box::default());
        let function = parts.program.function(id, arity, ANY);
        parts.compile_function(&host, function);
        if !text.is_empty() {
            text.push('\n');
        }
        let listed = parts.program.listed.take().unwrap_or_default();
        let mut listing = Listing {
            parts: &mut parts,
            text: &mut text,
        };
        listing.function(&host, function, name, &listed);
    }
    Ok(text.replace(&space.to_string(), "&self"))
}

/// With how many arguments there are rules for calls of a symbol, fewest first.
fn arities(space: &Space, name: &Atom) -> Vec<usize> {
    let pattern = Atom::expression([
        Atom::Symbol(known().equal.clone()),
        Atom::variable("head"),
        Atom::variable("body"),
    ]);
    let mut found = Vec::new();
    space.each(&pattern, &mut Bindings::new(), |row, _| {
        let rule = row.atom();
        let head = rule.as_expression().and_then(|rule| rule.get(1));
        if let Some([first, arguments @ ..]) = head.and_then(Atom::as_expression)
            && first == name
            && !found.contains(&arguments.len())
        {
            found.push(arguments.len());
        }
    });
    found.sort_unstable();
    found
}

struct Listing<'l> {
    parts: &'l mut Parts,
    text: &'l mut String,
}

impl Listing<'_> {
    fn line(&mut self, line: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{line}");
    }

    fn function(&mut self, host: &Host, function: u32, name: &Atom, listed: &Listed) {
        let entry = &self.parts.program.functions[function as usize];
        let (arity, size, state) = (entry.arity, entry.size, entry.state);
        let call = format!("{name}/{arity}");
        if state != State::Compiled {
            let why = self.why_plain(host, name);
            self.line(format_args!("{call}: left to the plain evaluator, {why}"));
            return;
        }
        let count = listed.rules.len();
        let rules = if count == 1 { "rule" } else { "rules" };
        self.line(format_args!("{call}: {count} {rules}, {size} slots"));
        let entry = &self.parts.program.functions[function as usize];
        let table = self.parts.program.tables.get(entry.table as usize);
        if let Some(index) = table.and_then(|table| table.index.as_ref()) {
            let place = place_of(&index.path);
            let (keys, open) = (index.by_key.len(), index.open.len());
            self.line(format_args!(
                "looked up by {place}: {keys} keys, {open} rules for any"
            ));
        }
        for (number, rule) in listed.rules.iter().enumerate() {
            self.rule(function, number, rule);
            self.code(listed, &rule.names, rule.code.clone(), Some(number));
        }
        let rules_end = listed.rules.last().map_or(0, |rule| rule.code.end);
        if rules_end < listed.choice {
            self.line("\nwhich rule");
            self.code(listed, &[], rules_end..listed.choice, None);
        }
    }

    /// Lists a stretch of code, numbered from its beginning.
    fn code(
        &mut self,
        listed: &Listed,
        names: &[(Slot, String)],
        code: Range<Pc>,
        rule: Option<usize>,
    ) {
        // The first instruction of a rule is what follows a head that does not match.
        let first = code.start + u32::from(rule.is_some());
        let words = Words {
            parts: self.parts,
            rules: &listed.rules,
            names,
            code: code.clone(),
            rule,
        };
        let lines: Vec<String> = (first..code.end)
            .map(|pc| {
                let instruction = words.program().code[pc as usize];
                format!(
                    "{:>4}  {}",
                    pc - code.start,
                    words::words(&words, instruction)
                )
            })
            .collect();
        for line in lines {
            self.line(line);
        }
    }

    fn why_plain(&mut self, host: &Host, name: &Atom) -> &'static str {
        let Parts { program, heap, .. } = &mut *self.parts;
        if program.open_rules {
            return "since a rule matches calls of any head";
        }
        match program.head(host, heap, name) {
            Head::Complex => "since it has several types, or one that depends on others",
            Head::Operation(..) => "since an operation of the engine has this name too",
            Head::Untyped | Head::Typed(_) => "since a rule has something that is not compiled",
        }
    }

    fn rule(&mut self, function: u32, number: usize, rule: &ListedRule) {
        let place = match &rule.origin {
            Some(origin) => format!("{}:{}", origin.file, origin.line),
            None => "added while running".to_owned(),
        };
        let source = rule.rule.to_string();
        self.line(format_args!("\n{source}    {place}"));
        let entry = &self.parts.program.functions[function as usize];
        let table = &self.parts.program.tables[entry.table as usize];
        let tests = &table.rules[number].tests;
        if !tests.is_empty() {
            let tests: Vec<String> = tests.iter().map(|test| self.test(test)).collect();
            self.line(format_args!("  only if {}", tests.join(", ")));
        }
    }

    fn test(&self, test: &HeadTest) -> String {
        let place = place_of(&test.path);
        match test.key {
            Key::Leaf(leaf) => format!("{place} is {}", self.parts.shown(leaf)),
            Key::Expression { head, arity } => match head {
                Some(head) => format!(
                    "{place} is ({}{})",
                    self.parts.shown(head),
                    " …".repeat(arity - 1)
                ),
                None => format!("{place} has {arity} elements"),
            },
        }
    }
}

/// A position among the arguments, in words.
fn place_of(path: &[u32]) -> String {
    let mut words = format!("argument {}", path[0] + 1);
    for position in &path[1..] {
        words = format!("element {position} of {words}");
    }
    words
}

/// Tells instructions of a stretch of code in words.
struct Words<'w> {
    parts: &'w Parts,
    rules: &'w [ListedRule],
    names: &'w [(Slot, String)],
    code: Range<Pc>,
    /// The rule that the code is of.
    rule: Option<usize>,
}

impl Words<'_> {
    fn program(&self) -> &Program {
        &self.parts.program
    }

    fn slot(&self, slot: Slot) -> String {
        let mut names: Vec<&str> = Vec::new();
        for (named, name) in self.names {
            if *named == slot && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        match names.as_slice() {
            [] => format!("s{slot}"),
            names => names.join("/"),
        }
    }

    fn operand(&self, operand: Operand) -> String {
        if operand.is_constant() {
            self.constant(operand.index() as u32)
        } else {
            self.slot(operand.index() as Slot)
        }
    }

    fn constant(&self, index: u32) -> String {
        self.parts.shown(self.program().constants[index as usize])
    }

    fn list(&self, operands: Operands) -> Vec<Operand> {
        let at = operands.0 as usize;
        let count = self.program().operands[at].0 as usize;
        self.program().operands[at + 1..at + 1 + count].to_vec()
    }

    fn operands(&self, operands: Operands) -> String {
        let words: Vec<String> = self
            .list(operands)
            .into_iter()
            .map(|operand| self.operand(operand))
            .collect();
        words.join(" ")
    }

    /// What a query asks for: a compiled pattern, or a conjunction of those from this number on.
    fn asked(&self, first: u32) -> String {
        let last = first + self.program().patterns[first as usize].followed_by;
        let patterns: Vec<String> = (first..=last).map(|number| self.pattern(number)).collect();
        match patterns.as_slice() {
            [only] => only.clone(),
            all => format!("(, {})", all.join(" ")),
        }
    }

    /// A compiled pattern as it was written.
    fn pattern(&self, number: u32) -> String {
        let mut words = String::new();
        // For each open expression, how many elements are left.
        let mut open: Vec<u32> = Vec::new();
        for part in self.program().patterns[number as usize].parts() {
            if !words.is_empty() && !words.ends_with('(') {
                words.push(' ');
            }
            match *part {
                Part::Token(token) => match token::arity_of(token) {
                    Some(arity) => {
                        words.push('(');
                        open.push(arity + 1);
                    }
                    None => {
                        let id = token::symbol_id(token).expect("a name");
                        words.push_str(&self.parts.shown(Cell::symbol(id)));
                    }
                },
                Part::Leaf { constant, .. } => words.push_str(&self.constant(constant)),
                Part::Value(slot) | Part::First(slot) | Part::Again(slot) => {
                    words.push_str(&self.slot(slot));
                }
                Part::Any => words.push_str("$_"),
            }
            while let Some(left) = open.last_mut() {
                *left -= 1;
                if *left > 0 {
                    break;
                }
                open.pop();
                words.push(')');
            }
        }
        words
    }

    fn function(&self, function: u32) -> String {
        let function = &self.program().functions[function as usize];
        self.parts.heap.symbol_of(function.symbol).to_string()
    }

    /// A function and its arguments, which the first of these slots hold.
    fn call(&self, function: u32, slots: [Slot; 3]) -> (String, String) {
        let arity = self.program().functions[function as usize].arity;
        let arguments: Vec<String> = slots[..arity].iter().map(|slot| self.slot(*slot)).collect();
        (self.function(function), arguments.join(" "))
    }

    /// As [`Words::call`], of arguments of which something has to hold.
    fn quick_call(&self, function: u32, arguments: [Quick; 3]) -> (String, String, String) {
        let arity = self.program().functions[function as usize].arity;
        let (words, if_so) = self.quick(&arguments[..arity]);
        (self.function(function), words, if_so)
    }

    /// Arguments of which something has to hold, and what.
    fn quick(&self, arguments: &[Quick]) -> (String, String) {
        let mut plain = Vec::new();
        let mut integers = Vec::new();
        let words: Vec<String> = arguments
            .iter()
            .map(|argument| {
                let slot = self.slot(argument.slot());
                match argument.kind() {
                    QuickKind::AsIs => slot,
                    QuickKind::Constant(index) => self.constant(index),
                    QuickKind::Plain => {
                        plain.push(slot.clone());
                        slot
                    }
                    QuickKind::Sum(added) => {
                        let sum = format!("{slot} + {added}");
                        integers.push(slot);
                        sum
                    }
                }
            })
            .collect();
        let holds = |slots: &[String], one: &str, several: &str| match slots {
            [] => None,
            [slot] => Some(format!("{slot} {one}")),
            slots => Some(format!("{} {several}", slots.join(" and "))),
        };
        let conditions: Vec<String> = [
            holds(
                &plain,
                "plainly evaluates to itself",
                "plainly evaluate to themselves",
            ),
            holds(&integers, "is an integer", "are integers"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let if_so = format!(", if {}", conditions.join(" and "));
        (words.join(" "), if_so)
    }

    /// The first of these slots.
    fn slots(&self, slots: [Slot; 3], count: u8) -> String {
        let words: Vec<String> = slots[..usize::from(count)]
            .iter()
            .map(|slot| self.slot(*slot))
            .collect();
        words.join(" ")
    }

    fn operation(&self, operation: u32) -> &str {
        self.program().operations[operation as usize]
            .operation
            .name()
    }

    /// The rule and the operations that were used on some way.
    fn used(&self, used: u32) -> String {
        let program = self.program();
        let words: Vec<&str> = program
            .uses
            .way(used)
            .iter()
            .map(|used| match used {
                Used::Rule(_) => "the rule",
                Used::Fact(_) => "the fact",
                Used::Operation(operation) => self.operation(*operation),
            })
            .collect();
        words.join(", ")
    }

    /// Where rules that are tried one after the other begin.
    fn chain(&self, rules: Operands) -> Vec<Pc> {
        let operands = &self.program().operands[rules.0 as usize + 1..];
        let count = operands[0].index();
        operands[1..=count]
            .iter()
            .map(|place| place.index() as Pc)
            .collect()
    }

    fn switch(&self, number: u32) -> String {
        let switch = &self.program().switches[number as usize];
        let mut path = vec![u32::from(switch.slot)];
        path.extend_from_slice(&switch.below);
        let mut ways: Vec<(u64, Pc)> = switch
            .few
            .iter()
            .filter(|branch| branch.word != Branch::NONE.word)
            .map(|branch| (branch.word, branch.to))
            .collect();
        ways.extend(switch.many.iter().map(|(word, pc)| (*word, *pc)));
        ways.sort_by_key(|(word, pc)| (*pc, *word));
        let mut words: Vec<String> = ways
            .into_iter()
            .map(|(word, pc)| format!("{}: {}", self.word(word), self.place(pc)))
            .collect();
        for (arity, pc) in &switch.arities {
            words.push(format!("{arity} elements: {}", self.place(*pc)));
        }
        words.push(format!("a variable: {}", self.place(switch.open)));
        words.push(format!("other: {}", self.place(switch.other)));
        format!("by {}, {}", place_of(&path), words.join("; "))
    }

    /// What a switch compares with.
    fn word(&self, word: u64) -> String {
        match Key::arity_of(word) {
            None => self.parts.shown(Cell(word)),
            Some(0) => "()".to_owned(),
            Some(arity) => self.shape((word >> 3) as u32, arity),
        }
    }

    /// An expression of so many elements that begins with the name of this number.
    fn shape(&self, name: u32, arity: usize) -> String {
        let rest = " …".repeat(arity - 1);
        match name {
            u32::MAX => format!("(…{rest})"),
            OPERATIONS.. => format!("({}{rest})", self.parts.shown(Cell::boxed(name))),
            _ => format!("({}{rest})", self.parts.shown(Cell::symbol(name))),
        }
    }

    fn place(&self, pc: Pc) -> String {
        match pc {
            FAIL => return "failure".to_owned(),
            FINISH => return "the end".to_owned(),
            RETURN => return "return".to_owned(),
            _ if self.rule.is_some() && pc == self.code.start => {
                return "the next rule".to_owned();
            }
            _ => {}
        }
        if self.code.contains(&pc) {
            return (pc - self.code.start).to_string();
        }
        match self.rules.iter().position(|rule| rule.code.contains(&pc)) {
            Some(rule) => {
                let within = pc - self.rules[rule].code.start;
                format!("rule {} at {within}", rule + 1)
            }
            None => format!("code {pc}"),
        }
    }
}
