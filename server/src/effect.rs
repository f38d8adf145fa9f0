//! Effectors: what healing actions do to this process, and the envelope that no
//! rule can pass. An action becomes effective in one way only:
//! [`Action::from_atom`], [`Envelope::admit`], [`Effectors::apply`].

mod action;
mod effectors;
mod envelope;
mod specs;

pub use action::{Action, CallError};
pub use effectors::{Applied, Effectors};
pub use envelope::{Admitted, Envelope, Limit, Refusal};
pub use specs::{Parameter, SPECS, Spec};
