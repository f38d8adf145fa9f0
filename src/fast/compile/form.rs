//! Forms that a rule defines, compiled where they stand.
//!
//! What `if-decons-expr`, `if-error` and their like take is taken as it stands, and what one rule of
//! instructions, `(= (if-error $atom $then $else) (function …))`, returns is evaluated. So a call
//! is these instructions with its arguments in them: `(return $then)` is the argument's code. Called,
//! the branches would be made as terms, to be found by their shape when one of them is evaluated.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::call::{Call, has_function, starts_with_instruction};
use super::minimal::Ends;
use super::{Compiled, Compiler, Leave, OddWhat, Place, Value, table};
use crate::atom::{Atom, Variable, known};
use crate::fast::code::{ANY, FAIL, Instruction};
use crate::fast::head::{Head, Signature};
use crate::types;
use crate::unify::{Replacement, rebuild};

/// A rule with more atoms is called.
const RULE_MAX: u32 = 64;
/// An argument with more atoms is made as a term where it would be compiled more than once.
const TWICE_MAX: u32 = 32;

/// Where an argument is in the instructions of a rule.
#[derive(Clone, Copy, Default)]
struct Uses {
    /// As what is returned.
    returned: usize,
    /// Anywhere else.
    others: usize,
}

impl Compiler<'_> {
    /// A call of a function that is one rule of instructions and takes atoms as they stand.
    pub(super) fn form_by_rule(
        &mut self,
        call: Call<'_>,
        signature: &Signature,
    ) -> Compiled<Value> {
        let rule = self.rule_of_form(call.children, signature).ok_or(Leave)?;
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        let mut checks = Vec::new();
        let found = self.application_type(children, signature, false, &mut checks)?;
        self.result_fits(&found, &signature.returns, expected)?;
        let mut uses = self.emit_checks(checks);
        uses.push((self.emit_if_rules(children)?, Place::Odd));
        let guard = self.slow(uses, OddWhat::Source(atom.clone()), expected)?;
        let body = self.with_arguments(&rule, &children[1..])?;
        let value = self.steps_of_form(atom, &body, Ends::Value(ANY), want)?;
        self.resume(Some(guard), value, want)
    }

    /// Looks whether the rule that code has in itself is still the same.
    pub(super) fn emit_if_rules(&mut self, children: &[Atom]) -> Compiled<usize> {
        let Atom::Symbol(name) = &children[0] else {
            return Err(Leave);
        };
        let (symbol, arity) = (self.heap.symbol(name), children.len() - 1);
        self.program.look_at_rules(symbol, arity);
        let rules = self.program.inlined(symbol, arity);
        Ok(self.emit(Instruction::IfRules { rules, odd: FAIL }))
    }

    /// The rule of a call, if it is such a form.
    fn rule_of_form(&mut self, children: &[Atom], signature: &Signature) -> Option<Atom> {
        let known = known();
        let as_written = [&known.atom, &known.expression, &known.variable];
        let is_as_written =
            |parameter: &Atom| as_written.iter().any(|one| parameter.is_symbol(one));
        if !types::is_undefined(&signature.returns)
            || !signature.parameters.iter().all(is_as_written)
        {
            return None;
        }
        // What is handed on is run before it is evaluated.
        let is_run = |atom: &Atom| {
            starts_with_instruction(atom)
                || matches!(atom.as_expression(), Some([head, ..]) if head.is_symbol(&known.return_))
        };
        if children[1..].iter().any(is_run) {
            return None;
        }
        self.rule_of_instructions(children)
    }

    /// The rule of a call, if there is one only and its body a `function`.
    pub(super) fn rule_of_instructions(&mut self, children: &[Atom]) -> Option<Atom> {
        if self.watched || self.program.watched || self.program.proving {
            return None;
        }
        let [head @ Atom::Symbol(name), arguments @ ..] = children else {
            return None;
        };
        if arguments.is_empty() || arguments.iter().any(has_function) {
            return None;
        }
        let found = self.program.head(self.host, self.heap, head);
        if !matches!(found, Head::Untyped | Head::Typed(_))
            || self.program.is_tabled(self.host, name, arguments.len())
        {
            return None;
        }
        let symbol = self.heap.symbol(name);
        let rule = self.program.only_rule_of(symbol, arguments.len(), head)?;
        if rule.size() > RULE_MAX {
            return None;
        }
        let (_, body) = table::parts(&rule, head)?;
        let is_function = matches!(body.as_expression(), Some([function, Atom::Expression(_)]) if function.is_symbol(&known().function));
        is_function.then_some(rule)
    }

    /// The instructions of a rule, with arguments in the place of its parameters. Those that are compared
    /// or taken apart, or would be compiled more than once, are terms, made before.
    pub(super) fn with_arguments(&mut self, rule: &Atom, arguments: &[Atom]) -> Compiled<Atom> {
        let [_, pattern, body] = rule.as_expression().ok_or(Leave)? else {
            return Err(Leave);
        };
        let [_, within] = body.as_expression().ok_or(Leave)? else {
            return Err(Leave);
        };
        let mut uses = HashMap::default();
        note_uses(within, false, &mut uses);
        let mut values: HashMap<&Variable, Atom, FixedState> = HashMap::default();
        let parameters = &pattern.as_expression().ok_or(Leave)?[1..];
        for (parameter, argument) in parameters.iter().zip(arguments) {
            let Atom::Variable(parameter) = parameter else {
                return Err(Leave);
            };
            let uses = uses.get(parameter).copied().unwrap_or_default();
            let is_code = uses.others == 0 && (uses.returned < 2 || argument.size() <= TWICE_MAX);
            let value = match argument {
                Atom::Expression(_) if !is_code => {
                    let value = self.quoted(argument)?;
                    let slot = self.in_slot(value)?;
                    self.calls.insert(slot);
                    self.named_value(slot)
                }
                _ => argument.clone(),
            };
            if values.insert(parameter, value).is_some() {
                return Err(Leave);
            }
        }
        // Its other variables are new each time.
        Ok(rebuild(within, |variable| {
            let value = values
                .entry(variable)
                .or_insert_with(|| Atom::Variable(variable.renamed()));
            Replacement::Final(value.clone())
        }))
    }
}

/// Notes where variables are in instructions. Those are of a rule, which is small.
fn note_uses<'a>(
    atom: &'a Atom,
    returned: bool,
    uses: &mut HashMap<&'a Variable, Uses, FixedState>,
) {
    match atom {
        Atom::Variable(variable) => {
            let uses = uses.entry(variable).or_default();
            match returned {
                true => uses.returned += 1,
                false => uses.others += 1,
            }
        }
        Atom::Expression(expression) => {
            let children = expression.children();
            let returns = matches!(children, [head, _] if head.is_symbol(&known().return_));
            for child in children {
                note_uses(child, returns, uses);
            }
        }
        Atom::Symbol(_) | Atom::Grounded(_) => {}
    }
}
