//! The rules of one function, to code: each of them, and before them what chooses one for a
//! call.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::switch::{Reached, Tree};
use super::{Compiled, Compiler, Leave, SLOTS_MAX, facts, head as heads, switch, table};
use crate::atom::Atom;
use crate::engine::Host;
use crate::fast::code::{Instruction, Pc, Slot, TypeId, Watched, is_step};
use crate::fast::function::{Function, State};
use crate::fast::head::{Head, Signature};
use crate::fast::heap::Heap;
use crate::fast::program::Program;
use crate::fast::switch::{HeadTest, Key};
use crate::fast::table::{Rule, RuleIndex, RuleTable};
use crate::space::{Row, Version};

/// Rules that are read at once: they take much more room as atoms than where they are stored.
pub(super) const RULES_AT_ONCE: usize = 256;
/// Functions of more rules than this are indexed.
const LINEAR_MAX: usize = 8;

/// Compiles the rules of a function, if it has any.
pub(in crate::fast) fn function(host: &Host, heap: &mut Heap, program: &mut Program, id: u32) {
    if settle(host, heap, program, id).is_err() {
        program.functions[id as usize].state = State::Plain;
    }
}

/// Settles what calls of a function are: data, or done by its code as the rules are now.
fn settle(host: &Host, heap: &mut Heap, program: &mut Program, id: u32) -> Compiled<()> {
    let Function {
        symbol,
        arity,
        expected,
        ..
    } = program.functions[id as usize];
    if program.open_rules || arity > SLOTS_MAX {
        return Err(Leave);
    }
    let head = Atom::Symbol(heap.symbol_of(symbol));
    let kind = program.head(host, heap, &head);
    let signature = match &kind {
        // Whoever is watching is told by the plain evaluator.
        Head::Untyped | Head::Typed(_) if is_step(expected) && !program.watched => None,
        _ if is_step(expected) => return Err(Leave),
        Head::Untyped => None,
        Head::Typed(signature) => Some(signature.clone()),
        Head::Complex if program.several(host, heap, &head).is_some() => None,
        Head::Operation(..) | Head::Complex => return Err(Leave),
    };
    let name = heap.symbol_of(symbol);
    let is_tabled = program.is_tabled(host, &name, arity);
    if is_tabled && (is_step(expected) || program.proving || program.watched) {
        return Err(Leave);
    }
    let version = program.rules_version(symbol, arity);
    if is_current(host, heap, program, id, signature.as_deref(), version) {
        return Ok(());
    }
    program.functions[id as usize].version = version;
    program.looked.begin(Some(id));
    let rows = program.rule_rows(symbol, arity);
    if rows.is_empty() {
        if program.curried.is_name(symbol) {
            return Err(Leave);
        }
        program.note_data(id, &kind);
        return Ok(());
    }
    let rules = Rules {
        id,
        head,
        arity,
        expected,
        signature,
        is_tabled,
        rows,
    };
    let told = rules.told_apart(heap, program)?;
    let start = program.code.len();
    let code = rules.write(host, heap, program, &told.reached);
    program.looked.keep(id);
    match code {
        Ok(code) => rules.enter(program, code, told),
        Err(Leave) => {
            program.code.truncate(start);
            return Err(Leave);
        }
    }
    Ok(())
}

/// Whether a function's code, or that there is none, is what it was; a few rules that came or
/// went are written into it.
fn is_current(
    host: &Host,
    heap: &mut Heap,
    program: &mut Program,
    id: u32,
    signature: Option<&Signature>,
    version: Version,
) -> bool {
    let function = &program.functions[id as usize];
    let (before, same_rules) = (function.state, function.version == version);
    let now = match before {
        State::CompiledBefore => State::Compiled,
        State::DataBefore => State::Data,
        _ => return false,
    };
    if !program.looked_same(id) {
        return false;
    }
    if same_rules {
        program.functions[id as usize].state = now;
        return true;
    }
    before == State::CompiledBefore && table::update(host, heap, program, id, signature, version)
}

/// The rules of a function, and what is known of calls of it.
struct Rules {
    id: u32,
    head: Atom,
    arity: usize,
    expected: TypeId,
    signature: Option<Arc<Signature>>,
    is_tabled: bool,
    /// Where they are stored; there is one at least.
    rows: Vec<Row>,
}

/// What tells the rules of a function apart.
struct Told {
    /// What each rule wants.
    tests: Vec<Box<[HeadTest]>>,
    tree: Option<Tree>,
    /// What is known where the tree leads to each rule; of none if there is no tree.
    reached: Vec<Reached>,
}

/// The code of each rule of a function.
struct Code {
    /// Where each begins for any call.
    any: Vec<Pc>,
    /// Where each begins for calls that were told apart.
    entries: Vec<Pc>,
    /// Slots of a frame.
    size: usize,
}

impl Rules {
    fn are_many(&self) -> bool {
        self.rows.len() > 1
    }

    fn told_apart(&self, heap: &mut Heap, program: &Program) -> Compiled<Told> {
        let mut tests = Vec::with_capacity(self.rows.len());
        for rows in self.rows.chunks(RULES_AT_ONCE) {
            for (rule, _) in program.rules_at(rows, &self.head) {
                if table::parts(&rule, &self.head).is_some() {
                    tests.push(heads::tests(heap, &rule));
                }
            }
            settle_after(rows);
        }
        if tests.len() < self.rows.len() {
            return Err(Leave);
        }
        let tree = self.are_many().then(|| switch::tree(&tests)).flatten();
        let (tree, mut reached) = match tree {
            Some((tree, reached)) => (Some(tree), reached),
            None => (None, Vec::new()),
        };
        // Where no head can fail, no rule has to know of those before it.
        let firm = self.always_match(program, &reached);
        for reached in &mut reached {
            reached.notes = reached.among_others && !firm;
        }
        Ok(Told {
            tests,
            tree,
            reached,
        })
    }

    /// Whether each rule matches every call that is led to it.
    fn always_match(&self, program: &Program, reached: &[Reached]) -> bool {
        let rows = self.rows.chunks(RULES_AT_ONCE);
        rows.zip(reached.chunks(RULES_AT_ONCE))
            .all(|(rows, reached)| {
                let rules = program.rules_at(rows, &self.head);
                let matches = reached.iter().zip(&rules).all(|(reached, (rule, _))| {
                    let known = reached.known.as_ref();
                    known.is_none_or(|known| heads::always_matches(rule, known))
                });
                drop(rules);
                settle_after(rows);
                matches
            })
    }

    /// Writes the code of each rule.
    fn write(
        &self,
        host: &Host,
        heap: &mut Heap,
        program: &mut Program,
        reached: &[Reached],
    ) -> Compiled<Code> {
        let start = program.code.len();
        let mut code = Code {
            any: Vec::with_capacity(self.rows.len()),
            entries: Vec::with_capacity(self.rows.len()),
            size: self.arity,
        };
        let may_meet = !(program.watched || program.proving || program.is_at_moment());
        for rows in self.rows.chunks(RULES_AT_ONCE) {
            let found = program.rules_at(rows, &self.head);
            if found.len() < rows.len() {
                // Some went away since; the function is looked at again before its next call.
                return Err(Leave);
            }
            for (rule, origin) in found {
                let (pattern, body) = table::parts(&rule, &self.head).ok_or(Leave)?;
                program
                    .code
                    .push(Instruction::HeadFail { function: self.id });
                let pc = program.code.len() as Pc;
                let mut compiler = Compiler::new(host, heap, program, self.arity);
                compiler.function = self.id;
                compiler.meets = may_meet.then_some(0);
                compiler.facts = facts::Mode::of(compiler.program, self.id);
                let (reached, place) = (reached.get(code.any.len()), origin.clone());
                let entry = compiler.rule(
                    pattern,
                    body,
                    self.signature.as_deref(),
                    self.expected,
                    self.are_many(),
                    reached,
                    origin,
                )?;
                code.size = code.size.max(compiler.slots);
                code.any.push(pc);
                code.entries.push(entry);
                if let Some(listed) = &mut program.listed {
                    listed.rule(pc - 1..program.code.len() as Pc, &rule, place);
                }
            }
            settle_after(rows);
            if code.any.len() == RULES_AT_ONCE {
                // Growing step by step would leave as much memory behind again. What chooses a rule
                // comes behind them.
                let most = (program.code.len() - start).div_ceil(RULES_AT_ONCE);
                let rest = self.rows.len() - code.any.len() + RULES_AT_ONCE;
                program.code.reserve(most * rest);
            }
        }
        Ok(code)
    }

    /// Writes what chooses a rule, and enters the code as that of the function.
    fn enter(self, program: &mut Program, code: Code, told: Told) {
        let Code { any, entries, size } = code;
        let mut pc = any[0];
        let with_tests = any.into_iter().zip(told.tests);
        let rules: Vec<Rule> = with_tests
            .map(|(pc, tests)| Rule { pc, gone: 0, tests })
            .collect();
        let mut chosen = None;
        let mut select = pc;
        if self.are_many() {
            pc = program.code.len() as Pc;
            select = pc;
            program.code.push(Instruction::Select { function: self.id });
            match &told.tree {
                Some(tree) => {
                    program.code.push(Instruction::NoRule { function: self.id });
                    let places = switch::Places {
                        function: Some(self.id),
                        rules: &entries,
                        open: pc,
                        none: pc + 1,
                    };
                    pc = switch::write(program, tree, &places);
                }
                None => chosen = index(&rules),
            }
        }
        if program.watched {
            let to = pc;
            pc = program.code.len() as Pc;
            let watch = program.watch(Watched::Call);
            program.code.push(watch);
            program.code.push(Instruction::Jump { to });
        }
        if self.is_tabled {
            pc = write_table(program, self.id, pc);
        }
        if let Some(listed) = &mut program.listed {
            listed.choice = program.code.len() as Pc;
        }
        let function = &mut program.functions[self.id as usize];
        function.pc = pc;
        function.size = size as Slot;
        function.table = program.tables.len() as u32;
        function.state = State::Compiled;
        function.is_untyped = self.signature.is_none();
        let layer = self.rows[0].layer;
        let in_one = self.are_many() && self.rows.iter().all(|row| row.layer == layer);
        program.tables.push(RuleTable {
            index: chosen,
            layer: in_one.then_some(layer),
            rows: if in_one {
                self.rows.iter().map(|row| row.row).collect()
            } else {
                Vec::new()
            },
            numbering: program.layers.numbering(),
            select,
            compiled: rules.len(),
            rules,
            changes: 0,
            changed: 0,
            calls: 0,
        });
    }
}

/// Writes that results are taken from tables, which are filled by what begins there.
pub(super) fn write_table(program: &mut Program, function: u32, to: Pc) -> Pc {
    program.code.push(Instruction::Table { function, to });
    program.code.len() as Pc - 1
}

/// Where a function has many rules, gives back the room of the names in those looked at.
fn settle_after(rows: &[Row]) {
    if rows.len() == RULES_AT_ONCE {
        crate::symbol::settle();
    }
}

/// An index over the position that tells most rules apart.
pub(super) fn index(rules: &[Rule]) -> Option<RuleIndex> {
    if rules.len() <= LINEAR_MAX {
        return None;
    }
    let mut keys: HashMap<&[u32], HashSet<Key, FixedState>, FixedState> = HashMap::default();
    for rule in rules {
        for test in &rule.tests {
            keys.entry(&test.path).or_default().insert(test.key);
        }
    }
    let (path, _) = keys
        .into_iter()
        .max_by_key(|(path, keys)| (keys.len(), usize::MAX - path.len()))?;
    let mut index = RuleIndex {
        path: path.into(),
        by_key: HashMap::default(),
        open: Vec::new(),
    };
    for (number, rule) in rules.iter().enumerate() {
        index.add(number as u32, &rule.tests);
    }
    Some(index)
}
