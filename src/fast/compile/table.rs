//! Rules that come and go between calls: what was compiled stays, and what is new is added to
//! the rules that are tried one by one. Once there are twice as many changes as there were
//! rules, or as many calls, all is compiled anew, with switches: so each change costs a
//! constant time, however many rules there are.

use super::function::{self, RULES_AT_ONCE, index};
use super::{Compiled, Compiler, Leave, head as heads};
use crate::atom::{Atom, known};
use crate::engine::Host;
use crate::fast::code::{Instruction, Pc, Slot};
use crate::fast::function::State;
use crate::fast::head::Signature;
use crate::fast::heap::Heap;
use crate::fast::program::Program;
use crate::fast::table::Rule;
use crate::space::{Row, Version};

/// With fewer rules all are compiled anew.
const FEW: usize = 4;

/// What has become of a function's rules since they were compiled.
struct Difference {
    /// The numbers of rules that are gone.
    gone: Vec<u32>,
    /// The rows of rules that are new.
    added: Vec<u32>,
}

/// Brings the compiled rules of a function up to date. Whether that was possible, and is
/// cheaper than to compile all of them.
pub(super) fn update(
    host: &Host,
    heap: &mut Heap,
    program: &mut Program,
    id: u32,
    signature: Option<&Signature>,
    version: Version,
) -> bool {
    if program.watched || program.listed.is_some() {
        return false;
    }
    let Some(difference) = difference(program, id, version) else {
        return false;
    };
    let start = program.code.len();
    program.looked.begin(None);
    if compile_added(host, heap, program, id, signature, &difference.added).is_err() {
        program.code.truncate(start);
        return false;
    }
    program.looked.keep(id);
    let function = &mut program.functions[id as usize];
    let table = &mut program.tables[function.table as usize];
    table.changes += 1;
    for number in &difference.gone {
        table.rules[*number as usize].gone = table.changes;
    }
    table.changed += difference.gone.len() + difference.added.len();
    table.calls = 0;
    function.version = version;
    function.state = State::Compiled;
    let (symbol, arity, select) = (function.symbol, function.arity, table.select);
    let is_tabled = program.is_tabled(host, &heap.symbol_of(symbol), arity);
    let pc = match is_tabled {
        true => function::write_table(program, id, select),
        false => select,
    };
    program.functions[id as usize].pc = pc;
    true
}

/// `None` if the rules are not to be updated.
fn difference(program: &Program, id: u32, version: Version) -> Option<Difference> {
    let function = &program.functions[id as usize];
    let table = program.tables.get(function.table as usize)?;
    let (layer, last) = (table.layer?, *table.rows.last()?);
    if table.compiled < FEW || table.numbering != program.layers.numbering() {
        return None;
    }
    let (symbol, arity) = (function.symbol, function.arity);
    let mut gone = Vec::new();
    let added = if version.cut == function.version.cut {
        program.rule_rows_behind(symbol, arity, Some((layer, last)))
    } else {
        let rows = program.rule_rows_behind(symbol, arity, None);
        let mut there = rows.iter().peekable();
        for (number, (row, rule)) in table.rows.iter().zip(&table.rules).enumerate() {
            if there.next_if(|there| there.row == *row).is_none() && rule.gone == 0 {
                gone.push(number as u32);
            }
        }
        let left = there.count();
        rows[rows.len() - left..].to_vec()
    };
    let is_behind = added.iter().all(|row| row.layer == layer && row.row > last);
    let changed = table.changed + gone.len() + added.len();
    let is_worth_it = changed <= table.compiled && gone.len() < table.rules.len();
    (is_behind && is_worth_it).then(|| Difference {
        gone,
        added: added.into_iter().map(|row| row.row).collect(),
    })
}

/// Compiles new rules and puts them at the end of the others.
fn compile_added(
    host: &Host,
    heap: &mut Heap,
    program: &mut Program,
    id: u32,
    signature: Option<&Signature>,
    added: &[u32],
) -> Compiled<()> {
    let function = &program.functions[id as usize];
    let (expected, arity, number) = (function.expected, function.arity, function.table as usize);
    let mut size = usize::from(function.size);
    let layer = program.tables[number].layer.ok_or(Leave)?;
    let head = Atom::Symbol(heap.symbol_of(function.symbol));
    let mut rules = Vec::with_capacity(added.len());
    for rows in added.chunks(RULES_AT_ONCE) {
        let rows: Vec<Row> = rows.iter().map(|&row| Row { layer, row }).collect();
        let found = program.rules_at(&rows, &head);
        if found.len() < rows.len() {
            return Err(Leave);
        }
        for (rule, origin) in found {
            let Some((pattern, body)) = parts(&rule, &head) else {
                return Err(Leave);
            };
            let tests = heads::tests(heap, &rule);
            program.code.push(Instruction::HeadFail { function: id });
            let pc = program.code.len() as Pc;
            let mut compiler = Compiler::new(host, heap, program, arity);
            compiler.function = id;
            compiler.rule(pattern, body, signature, expected, true, None, origin)?;
            size = size.max(compiler.slots);
            rules.push(Rule { pc, gone: 0, tests });
        }
    }
    program.functions[id as usize].size = size as Slot;
    let table = &mut program.tables[number];
    for (rule, row) in rules.into_iter().zip(added) {
        if let Some(known) = &mut table.index {
            known.add(table.rules.len() as u32, &rule.tests);
        }
        table.rows.push(*row);
        table.rules.push(rule);
    }
    if table.index.is_none() {
        table.index = index(&table.rules);
    }
    Ok(())
}

/// The call that a rule is for and its body, if it is a rule for calls of this head.
pub(super) fn parts<'r>(rule: &'r Atom, head: &Atom) -> Option<(&'r Atom, &'r Atom)> {
    let [equal, pattern, body] = rule.as_expression()? else {
        return None;
    };
    let is_of_head = pattern.as_expression()?.first() == Some(head);
    (equal.is_symbol(&known().equal) && is_of_head).then_some((pattern, body))
}
