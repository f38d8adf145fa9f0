//! Atoms as they are written, made with what their variables stand for in a frame.

use std::sync::OnceLock;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::atom::{Atom, Variable};
use crate::fast::code::Slot;
use crate::fast::compile::Names;

/// Atoms of more parts find their variables when they are made first: most slow ways never run, and
/// those of a deep nest have all that is inside of it in them.
const LARGE: u32 = 200;

/// An atom, and where in a frame its variables' values are. Others are new variables.
pub(super) struct Template {
    pub(super) atom: Atom,
    variables: OnceLock<Vec<(Variable, Slot)>>,
    /// What is called what where it stands, if the variables are found later.
    names: Option<Names>,
    /// Those of the variables whose values were made where the atom stands: the value of an
    /// expression is one that is yet to be evaluated.
    pub(super) made: Vec<Variable>,
}

impl Template {
    /// An atom where variables are called by `names`; `written` ones that are not have a slot all
    /// the same.
    pub(super) fn new(
        atom: Atom,
        names: &Names,
        written: &HashMap<Variable, Slot, FixedState>,
        made: Vec<Variable>,
    ) -> Template {
        let later = atom.size() > LARGE && written.is_empty();
        let variables = OnceLock::new();
        if !later {
            let _ = variables.set(named(&atom, |variable| {
                let name = names.get(variable).map(|name| name.slot);
                name.or_else(|| written.get(variable).copied())
            }));
        }
        Template {
            atom,
            variables,
            names: later.then(|| names.clone()),
            made,
        }
    }

    /// Its variables that stand for something, and where.
    pub(super) fn variables(&self) -> &[(Variable, Slot)] {
        self.variables.get_or_init(|| {
            let slot = |variable: &Variable| self.names.as_ref()?.get(variable);
            named(&self.atom, |variable| Some(slot(variable)?.slot))
        })
    }
}

fn named(atom: &Atom, slot: impl Fn(&Variable) -> Option<Slot>) -> Vec<(Variable, Slot)> {
    let mut found: Vec<(Variable, Slot)> = Vec::new();
    let mut seen: HashSet<Variable, FixedState> = HashSet::default();
    atom.for_each_variable(|variable| {
        if let Some(slot) = slot(variable)
            && seen.insert(variable.clone())
        {
            found.push((variable.clone(), slot));
        }
    });
    found
}
