//! Atoms: the four kinds of term. Immutable, shared, `Send + Sync`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use smallvec::{SmallVec, smallvec};

use crate::number::Number;
use crate::operation::Operation;
use crate::seen::Seen;
use crate::space::Space;
use crate::symbol::Symbol;
use crate::unify::alpha_equal;

mod expression;
pub(crate) mod order;
mod print;

pub use expression::Expression;
pub(crate) use expression::LARGE;

/// An atom. Equality is structural; numbers are equal by value.
#[derive(Clone)]
pub enum Atom {
    /// A name.
    Symbol(Symbol),
    /// A place that unification fills.
    Variable(Variable),
    /// A sequence of atoms.
    Expression(Expression),
    /// A host value.
    Grounded(Grounded),
}

/// A variable: a name, and a number that tells apart renamings of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variable {
    name: Symbol,
    /// 0 as written in a source; else unique to one renaming.
    id: u64,
}

static NEXT_VARIABLE: AtomicU64 = AtomicU64::new(1);

impl Variable {
    /// The variable `$name` as written in a source.
    pub fn new(name: &str) -> Variable {
        Variable {
            name: Symbol::new(name),
            id: 0,
        }
    }

    /// A variable of the same name that occurs nowhere else.
    pub fn renamed(&self) -> Variable {
        Variable {
            name: self.name.clone(),
            id: NEXT_VARIABLE.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The variable with this name and number of its renaming.
    pub(crate) fn of(name: Symbol, id: u64) -> Variable {
        Variable { name, id }
    }

    /// The name without `$`, as a symbol.
    pub(crate) fn symbol(&self) -> &Symbol {
        &self.name
    }

    /// The name without `$`.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// 0 for a variable as written, else the number of its renaming.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// A host value inside an atom.
#[derive(Clone)]
pub enum Grounded {
    /// A number.
    Number(Number),
    /// `True` or `False`.
    Bool(bool),
    /// A string.
    Text(Arc<str>),
    /// One character, `'c'`.
    Char(char),
    /// A space.
    Space(Space),
    /// A mutable cell.
    State(State),
    /// A function of the host.
    Operation(Arc<Operation>),
    /// Any other host value.
    Value(Arc<dyn Value>),
}

/// A host value of an embedder's own kind.
pub trait Value: Send + Sync {
    /// The atom that `get-type` answers.
    fn type_atom(&self) -> Atom;
    /// Prints the value.
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Whether the other value is equal. By default only the same allocation is.
    fn equals(&self, _other: &dyn Value) -> bool {
        false
    }
    /// Whether the value matches more than what is equal to it.
    fn is_pattern(&self) -> bool {
        false
    }
    /// Whether the value, a pattern, matches the atom.
    fn matches(&self, _atom: &Atom) -> bool {
        false
    }
    /// For downcasting.
    fn as_any(&self) -> &dyn std::any::Any;
}

impl Grounded {
    /// Whether it matches more than what is equal to it.
    pub(crate) fn is_pattern(&self) -> bool {
        matches!(self, Grounded::Value(value) if value.is_pattern())
    }
}

/// A mutable cell that holds one atom (`new-state`).
#[derive(Clone)]
pub struct State(Arc<StateData>);

struct StateData {
    value: Mutex<Atom>,
    type_atom: Atom,
    number: u64,
}

/// How many states were made so far.
static STATES: AtomicU64 = AtomicU64::new(0);

impl State {
    /// A cell with `value`, whose values have the type `type_atom`.
    pub fn new(value: Atom, type_atom: Atom) -> State {
        State(Arc::new(StateData {
            value: Mutex::new(value),
            type_atom,
            number: STATES.fetch_add(1, Ordering::Relaxed),
        }))
    }

    /// A number that is of no state yet, and less than those of the states that come.
    pub(crate) fn next_number() -> u64 {
        STATES.load(Ordering::Relaxed)
    }

    /// Whether it was made since [`State::next_number`] gave this one.
    pub(crate) fn is_since(&self, number: u64) -> bool {
        self.0.number >= number
    }

    /// The atom in the cell.
    pub fn get(&self) -> Atom {
        self.0
            .value
            .lock()
            .expect("no panic while a state is locked")
            .clone()
    }

    /// Replaces the atom in the cell.
    pub fn set(&self, value: Atom) {
        *self
            .0
            .value
            .lock()
            .expect("no panic while a state is locked") = value;
    }

    /// Where it is: the same for clones, as long as one of them is kept.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// The type of the atoms in the cell.
    pub fn type_atom(&self) -> &Atom {
        &self.0.type_atom
    }
}

/// The symbols that the engine itself knows.
macro_rules! well_known {
    ($($name:ident = $text:literal),* $(,)?) => {
        #[derive(Debug)]
        pub(crate) struct WellKnown { $(pub(crate) $name: Symbol,)* }
        static WELL_KNOWN: std::sync::LazyLock<WellKnown> =
            std::sync::LazyLock::new(|| WellKnown { $($name: Symbol::new($text),)* });
    };
}

well_known! {
    equal = "=", colon = ":", arrow = "->", subtype = ":<",
    error = "Error", empty = "Empty", not_reducible = "NotReducible", stack_overflow = "StackOverflow",
    undefined = "%Undefined%", atom = "Atom", symbol = "Symbol", variable = "Variable",
    expression = "Expression", grounded = "Grounded", number = "Number", bool = "Bool",
    string = "String", char = "Char", space_type = "SpaceType", state_monad = "StateMonad",
    eval = "eval", evalc = "evalc", chain = "chain", unify = "unify", cons_atom = "cons-atom",
    decons_atom = "decons-atom", function = "function", return_ = "return",
    collapse_bind = "collapse-bind", superpose_bind = "superpose-bind", metta = "metta",
    context_space = "context-space",
    bad_type = "BadType", bad_arg_type = "BadArgType",
    incorrect_number = "IncorrectNumberOfArguments",
}

/// The symbols that the engine itself knows.
pub(crate) fn known() -> &'static WellKnown {
    &WELL_KNOWN
}

impl Atom {
    /// The symbol `name`.
    pub fn symbol(name: &str) -> Atom {
        Atom::Symbol(Symbol::new(name))
    }

    /// The variable `$name`.
    pub fn variable(name: &str) -> Atom {
        Atom::Variable(Variable::new(name))
    }

    /// An expression of `children`.
    pub fn expression(children: impl Into<Vec<Atom>>) -> Atom {
        Atom::Expression(Expression::new(children.into()))
    }

    /// The empty expression `()`, the unit result.
    pub fn unit() -> Atom {
        Atom::expression(Vec::new())
    }

    /// An integer.
    pub fn integer(value: i64) -> Atom {
        Atom::Grounded(Grounded::Number(Number::Integer(value)))
    }

    /// A double.
    pub fn float(value: f64) -> Atom {
        Atom::Grounded(Grounded::Number(Number::Float(value)))
    }

    /// A number.
    pub fn number(value: Number) -> Atom {
        Atom::Grounded(Grounded::Number(value))
    }

    /// A string.
    pub fn string(text: &str) -> Atom {
        Atom::Grounded(Grounded::Text(text.into()))
    }

    /// `True` or `False`.
    pub fn boolean(value: bool) -> Atom {
        Atom::Grounded(Grounded::Bool(value))
    }

    /// A space as an atom.
    pub fn space(space: Space) -> Atom {
        Atom::Grounded(Grounded::Space(space))
    }

    /// An operation as an atom.
    pub fn operation(operation: Arc<Operation>) -> Atom {
        Atom::Grounded(Grounded::Operation(operation))
    }

    /// `(Error atom reason)`.
    pub fn error(atom: Atom, reason: Atom) -> Atom {
        Atom::expression([Atom::Symbol(known().error.clone()), atom, reason])
    }

    /// The name if it is a symbol.
    pub fn as_symbol(&self) -> Option<&str> {
        match self {
            Atom::Symbol(symbol) => Some(symbol.as_str()),
            Atom::Variable(_) | Atom::Expression(_) | Atom::Grounded(_) => None,
        }
    }

    /// Whether it is exactly this symbol.
    pub(crate) fn is_symbol(&self, symbol: &Symbol) -> bool {
        matches!(self, Atom::Symbol(own) if own == symbol)
    }

    /// The children if it is an expression.
    pub fn as_expression(&self) -> Option<&[Atom]> {
        match self {
            Atom::Expression(expression) => Some(expression.children()),
            Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_) => None,
        }
    }

    /// The number if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Atom::Grounded(Grounded::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// The number as a double, if it is a number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::to_f64)
    }

    /// The number if it is an integer of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::to_i64)
    }

    /// The text if it is a string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Atom::Grounded(Grounded::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The truth value if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Atom::Grounded(Grounded::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// The space if it is one.
    pub fn as_space(&self) -> Option<&Space> {
        match self {
            Atom::Grounded(Grounded::Space(space)) => Some(space),
            _ => None,
        }
    }

    /// Whether it is `(Error …)`.
    pub fn is_error(&self) -> bool {
        matches!(self.as_expression(), Some([head, ..]) if head.is_symbol(&known().error))
    }

    /// The operation if it is one.
    pub(crate) fn as_operation(&self) -> Option<&Arc<Operation>> {
        match self {
            Atom::Grounded(Grounded::Operation(operation)) => Some(operation),
            _ => None,
        }
    }

    /// Whether it is `Empty`.
    pub(crate) fn is_empty_symbol(&self) -> bool {
        self.is_symbol(&known().empty)
    }

    /// Whether it has no variables, and no host values that are patterns.
    pub fn is_ground(&self) -> bool {
        match self {
            Atom::Variable(_) => false,
            Atom::Expression(expression) => expression.is_ground(),
            Atom::Grounded(value) => !value.is_pattern(),
            Atom::Symbol(_) => true,
        }
    }

    /// Whether a variable is in it, or it is one.
    pub(crate) fn has_variables(&self) -> bool {
        match self {
            Atom::Variable(_) => true,
            Atom::Expression(expression) => expression.has_variables(),
            Atom::Grounded(_) | Atom::Symbol(_) => false,
        }
    }

    /// How many atoms it is when printed; `u32::MAX` is any number beyond. Parts may be
    /// shared: then it takes less memory than that, and printing it may take for ever.
    pub fn size(&self) -> u32 {
        match self {
            Atom::Expression(expression) => expression.size(),
            Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_) => 1,
        }
    }

    /// Whether it is the empty expression `()`.
    pub fn is_unit(&self) -> bool {
        matches!(self, Atom::Expression(expression) if expression.children().is_empty())
    }

    /// A hash of the structure; equal atoms have equal hashes. Linear, and
    /// cached for expressions.
    pub fn structural_hash(&self) -> u64 {
        match self {
            Atom::Expression(expression) => expression.cached_hash(),
            other => expression::leaf_hash(other),
        }
    }

    /// Visits the variables in order of occurrence, repeated ones repeatedly; but what a large
    /// atom has many times as one shared part may be visited once only. Linear in the memory
    /// that the atom takes.
    pub fn for_each_variable(&self, visit: impl FnMut(&Variable)) {
        let mut seen = Seen::new();
        self.visit_variables(|part| !seen.again(part.address() as u64, 0), visit);
    }

    /// Visits the variables in order of occurrence, each as often as it occurs. Linear in
    /// [`Atom::size`], which parts that are shared can make larger than any memory.
    pub(crate) fn for_each_occurrence(&self, visit: impl FnMut(&Variable)) {
        self.visit_variables(|_| true, visit);
    }

    fn visit_variables(
        &self,
        mut enter: impl FnMut(&Expression) -> bool,
        mut visit: impl FnMut(&Variable),
    ) {
        let mut pending: SmallVec<[&Atom; 8]> = smallvec![self];
        while let Some(atom) = pending.pop() {
            match atom {
                Atom::Variable(variable) => visit(variable),
                Atom::Expression(expression) if expression.has_variables() && enter(expression) => {
                    pending.extend(expression.children().iter().rev());
                }
                Atom::Expression(_) | Atom::Symbol(_) | Atom::Grounded(_) => {}
            }
        }
    }
}

impl PartialEq for Grounded {
    fn eq(&self, other: &Grounded) -> bool {
        match (self, other) {
            (Grounded::Number(a), Grounded::Number(b)) => a == b,
            (Grounded::Bool(a), Grounded::Bool(b)) => a == b,
            (Grounded::Text(a), Grounded::Text(b)) => a == b,
            (Grounded::Char(a), Grounded::Char(b)) => a == b,
            (Grounded::Space(a), Grounded::Space(b)) => a.is_same(b),
            (Grounded::State(a), Grounded::State(b)) => {
                Arc::ptr_eq(&a.0, &b.0)
                    || a.get() == b.get() && alpha_equal(a.type_atom(), b.type_atom())
            }
            (Grounded::Operation(a), Grounded::Operation(b)) => {
                Arc::ptr_eq(a, b) || a.name() == b.name()
            }
            (Grounded::Value(a), Grounded::Value(b)) => Arc::ptr_eq(a, b) || a.equals(&**b),
            _ => false,
        }
    }
}

impl PartialEq for Atom {
    fn eq(&self, other: &Atom) -> bool {
        match (self, other) {
            (Atom::Symbol(a), Atom::Symbol(b)) => a == b,
            (Atom::Variable(a), Atom::Variable(b)) => a == b,
            (Atom::Grounded(a), Atom::Grounded(b)) => a == b,
            (Atom::Expression(a), Atom::Expression(b)) => expression::equal(a, b),
            _ => false,
        }
    }
}

impl Eq for Atom {}

impl Hash for Atom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.structural_hash());
    }
}

impl From<Expression> for Atom {
    fn from(expression: Expression) -> Atom {
        Atom::Expression(expression)
    }
}

impl From<Symbol> for Atom {
    fn from(symbol: Symbol) -> Atom {
        Atom::Symbol(symbol)
    }
}

impl From<Variable> for Atom {
    fn from(variable: Variable) -> Atom {
        Atom::Variable(variable)
    }
}
