//! Evaluation: all results of an atom, under a budget, with proofs on request.
//!
//! [`machine`] is the plain evaluator: one loop, frames as a shared list, one
//! stack of choices. It is the oracle that any faster evaluator is held against.

pub(crate) mod blame;
mod control;
mod cut;
mod frame;
mod lambda;
mod machine;
mod minimal;
pub(crate) mod proof;
mod reach;
mod tabling;
pub(crate) mod uses;
mod watched;
mod within;

pub(crate) use proof::ProofBuilder;
pub use proof::{FactUse, Proof, RuleUse};

use crate::atom::Atom;

pub(crate) use control::{Control, contains, substitute};
pub(crate) use lambda::is_lambda;
pub(crate) use machine::Machine;
pub(crate) use minimal::{instructions, is_instruction};
pub(crate) use tabling::{TabledFunction, Tables, is_tabled, tabled_version};
pub(crate) use within::Wanted;

/// What an evaluation gave.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Every result, first rule first.
    pub results: Vec<Answer>,
    /// How many reductions were spent.
    pub reductions: u64,
    /// About how many bytes of stacks, terms and results were in use at most, looked at
    /// now and then.
    pub peak_bytes: usize,
}

/// One result.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The result itself; a bound that was hit is an `(Error …)` among them.
    pub atom: Atom,
    /// Which rules, facts and operations produced it, if asked for.
    pub proof: Option<Proof>,
}

impl Evaluation {
    /// The result atoms alone.
    pub fn atoms(&self) -> Vec<Atom> {
        self.results
            .iter()
            .map(|answer| answer.atom.clone())
            .collect()
    }
}
