//! An embeddable MeTTa engine: atoms, spaces, unification, types, evaluation
//! under budgets, proofs.
//!
//! ```
//! use chimera::{Budget, Engine};
//!
//! let mut engine = Engine::builder().build();
//! engine.load("(= (double $x) (* 2 $x))", "example.metta")?;
//! let call = engine.parse("(double 21)")?;
//! let results = engine.evaluate(&call, &Budget::default()).atoms();
//! assert_eq!(results[0].to_string(), "42");
//! # Ok::<(), chimera::LoadError>(())
//! ```

mod areas;
mod atom;
mod budget;
mod check;
mod engine;
mod evaluate;
mod fast;
mod file_access;
mod files;
mod library;
mod load;
mod modules;
mod number;
mod operation;
mod persistent;
mod reader;
mod seen;
mod space;
mod symbol;
mod types;
mod unify;
mod watch;

pub use atom::{Atom, Expression, Grounded, State, Value, Variable};
pub use budget::{Budget, CancelToken};
pub use check::nearest_name;
pub use engine::{Builder, Context, Engine, Grants};
pub use evaluate::{Answer, Evaluation, FactUse, Proof, RuleUse};
pub use fast::ListingError;
pub use file_access::{FileAccess, OpenFile, OpenOptions, SystemFiles};
pub use files::{DirectoryFiles, Files};
pub use load::{Directive, LoadError};
pub use number::{Number, NumberError};
pub use operation::{Operation, OperationError, OperationResult};
pub use space::Space;
pub use symbol::Symbol;
pub use unify::{Bindings, Mark, alpha_equal, unify};
pub use watch::{Profile, RuleProfile, Watch};

/// The README's example is tested as this crate's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
