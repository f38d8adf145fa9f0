//! The compiled program: code, its tables, and what is known of each head.

mod functions;
mod heads;
mod rules;
mod written;

use heads::HostNames;
pub(super) use written::Written;

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::{Atom, Grounded, Variable, known};
use crate::engine::Host;
use crate::evaluate::is_tabled;
use crate::evaluate::uses::{Used, Uses};
use crate::fast::any_head::AnyHead;
use crate::fast::applied::Applied;
use crate::fast::block::Block;
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::{
    ANSWER, ANY, Arithmetic, BOOL, CLOSE, Change, Comparison, ELEMENT_TAKEN, FAIL, Instruction,
    Logic, NUMBER, Operand, Operands, Pc, RETURN, Slot, TypeId, Watched,
};
use crate::fast::curried::Curried;
use crate::fast::function::{Elements, Function, Inlined, Made, Retyped, State};
use crate::fast::head::{Counts, Head, Passing};
use crate::fast::heap::Heap;
use crate::fast::keeps_frames;
use crate::fast::listing::Listed;
use crate::fast::looked::Looked;
use crate::fast::machine::{elements, grow};
use crate::fast::met::{Meetings, family};
use crate::fast::pattern::Pattern;
use crate::fast::site::{Lately, Site, Tree};
use crate::fast::switch::{Key, Switch};
use crate::fast::table::RuleTable;
use crate::fast::template::Template;
use crate::fast::types::ValueTypes;
use crate::library::lists::named_by_place;
use crate::library::numbers::{self, FUNCTIONS, FUNCTIONS_OF_TWO, ROUNDINGS};
use crate::operation::Operation;
use crate::space::{Changes, Clocks, Layers, Moment, Space, Stand, changes};
use crate::symbol::Symbol;
use crate::types;

/// Operations that have instructions of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inline {
    Arithmetic(super::code::Arithmetic),
    Comparison(super::code::Comparison),
    Logic(super::code::Logic),
    Not,
    Equal,
    First,
    Rest,
    Size,
    Index,
    Union,
    Superpose,
    Match,
    Change(super::code::Change),
    State(StateOperation),
}

/// Operations that are answered on terms, where these tell enough: see `machine/on_terms.rs`.
#[derive(Clone, Copy, Debug)]
pub(super) enum OnTerms {
    Kind,
    Type,
    TypeIn,
    /// As they stand.
    Equal,
    Alike,
    IfAlike,
    Unique,
    Intersection,
    Subtraction,
    Least,
    Greatest,
    SameResults,
    /// Of a number.
    Function(numbers::Function),
    /// Of a float; a whole number stays as it is.
    Rounding(numbers::Function),
    FunctionOfTwo(numbers::FunctionOfTwo),
    Absolute,
    Characters,
    TextOf,
}

/// An operation that code calls.
#[derive(Clone)]
pub(super) struct Called {
    pub(super) operation: Arc<Operation>,
    pub(super) on_terms: Option<OnTerms>,
}

/// What is done with states. Results are of the types that signatures say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateOperation {
    New,
    Get,
    Change,
}

/// When an evaluation sees spaces.
pub(super) enum Sight {
    Present,
    /// At a moment, with the clocks of the stores of the program's space then.
    Moment(Option<Clocks>),
}

impl Sight {
    /// Whether facts that were compiled are those that a space has; `own` is the program's.
    #[inline]
    pub(super) fn shows(&self, facts: &mut Stand, own: &Space) -> bool {
        match self {
            Sight::Present => facts.holds(),
            Sight::Moment(Some(clocks)) => facts.holds_at(clocks, own),
            Sight::Moment(None) => false,
        }
    }
}

pub(super) struct Program {
    pub(super) space: Space,
    /// The space's stores and those of what it imports.
    pub(super) layers: Layers,
    host_names: HostNames,
    /// What had changed when code was last looked at.
    changes: Changes,
    /// The moment it was looked at; `None` is the present.
    moment: Option<u64>,
    pub(super) sight: Sight,
    /// What had changed of each of the stores then.
    changes_seen: Option<SmallVec<[(usize, Changes); 4]>>,
    pub(super) code: Vec<Instruction>,
    pub(super) operands: Vec<Operand>,
    pub(super) constants: Vec<Cell>,
    constant_ids: HashMap<Cell, u32, FixedState>,
    pub(super) atoms: Vec<Atom>,
    pub(super) operations: Vec<Called>,
    operation_ids: HashMap<(usize, TypeId), u32, FixedState>,
    /// Whether code records what it uses.
    pub(super) proving: bool,
    /// Whether code tells whoever watches what it does, and has a frame for each call.
    pub(super) watched: bool,
    /// Which functions were tabled when it was made, by a number that there is once.
    tabled: u64,
    /// Whether code is made ahead of its use, so that nobody waits for it then.
    pub(super) prepares: bool,
    /// What is noted for a listing, where one is wanted.
    pub(super) listed: Option<Box<Listed>>,
    /// What code uses, of which proofs are made.
    pub(super) uses: Arc<Uses>,
    /// What ways through the code use, each once.
    use_ids: HashMap<Arc<[Used]>, u32, FixedState>,
    watches: Vec<Watched>,
    pub(super) types: Vec<Atom>,
    /// Meta-types that type variables stand for: what they are, and as numbers of their own.
    stood_for: Vec<(TypeId, TypeId)>,
    pub(super) functions: Vec<Function>,
    /// Rules of functions, those included that only calls which wait go on with.
    pub(super) tables: Vec<RuleTable>,
    function_ids: HashMap<(u32, usize, TypeId), u32, FixedState>,
    /// What code makes that knows the types of it, and the functions for that.
    made: Vec<Made>,
    made_ids: HashMap<(u32, usize, TypeId, Made), u32, FixedState>,
    elements_ids: HashMap<(u32, Elements), u32, FixedState>,
    heads: HashMap<u32, Head, FixedState>,
    /// Types of symbols: `None` is unknown to the type system.
    pub(super) symbol_types: HashMap<u32, Option<Vec<Atom>>, FixedState>,
    /// Whether some function type was told twice: what asks for all types is told of both.
    pub(super) told_again: bool,
    pub(super) value_types: ValueTypes,
    pub(super) trees: Vec<Arc<Tree>>,
    /// Types that variables of bodies were met with.
    pub(super) meetings: Meetings,
    /// Whether it is to be noted when something is expected to be of a type that is a family, and whether
    /// that was so.
    pub(super) looks_for_open: bool,
    pub(super) expects_open: bool,
    pub(super) sites: Vec<Arc<Site>>,
    /// For each of the sites what was decided lately.
    pub(super) decided: Vec<Lately>,
    /// Functions that names were applied as lately.
    pub(super) applied: Applied,
    /// Slots that hold something where a call returns to.
    pub(super) live: HashMap<Pc, Box<[u64]>, FixedState>,
    /// How often rules or types have changed since the code was begun.
    pub(super) epoch: u32,
    /// The same of types alone.
    pub(super) types_epoch: u32,
    inline: HashMap<usize, Inline, FixedState>,
    on_terms: HashMap<usize, OnTerms, FixedState>,
    /// A rule that may match any call, however it is built: nothing is compiled.
    pub(super) open_rules: bool,
    /// Rules for calls of whatever name.
    pub(super) any_head: AnyHead,
    /// Rules of other functions that code depends on.
    pub(super) looked: Looked,
    /// Rules for calls whose head is an expression: `(= ((f $x) $y) …)`.
    pub(super) expression_rules: Counts,
    /// The same, whose head is a value of the host: `(= (1 $x) …)`.
    pub(super) value_rules: Counts,
    /// Rules for calls of calls, by their shapes.
    pub(super) curried: Curried,
    /// Compiled directives and dynamic terms, by atom.
    pub(super) expressions: HashMap<Written, Option<u32>, FixedState>,
    pub(super) switches: Vec<Switch>,
    pub(super) templates: Vec<Arc<Template>>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) blocks: Vec<Block>,
    /// What facts that were compiled into rules depend on.
    pub(super) facts: Vec<Stand>,
    /// Rules that code of others has in itself.
    pub(super) inlined: Vec<Inlined>,
    /// What was found of functions, by symbol and arity.
    pub(super) retyped: HashMap<(u32, usize), Retyped, FixedState>,
    /// Whether expressions with this head, of so many elements, are data.
    pub(super) data_heads: Passing,
    /// Whether names that code does not have are untyped.
    pub(super) passing: Passing,
    /// Code of expressions that were compiled while running.
    pub(super) temporary: Vec<Temporary>,
}

/// An expression compiled as the body of a function of its variables.
pub(super) struct Temporary {
    pub(super) pc: Pc,
    pub(super) size: Slot,
    pub(super) variables: Vec<crate::atom::Variable>,
}

/// Whether types changed between what was seen of stores; `None` if rules did not, either.
fn types_changed(
    before: Option<&[(usize, Changes)]>,
    now: Option<&[(usize, Changes)]>,
) -> Option<bool> {
    match (before, now) {
        (Some(before), Some(now)) if before == now => None,
        (Some(before), Some(now)) if before.len() == now.len() => {
            let mut both = before.iter().zip(now);
            Some(both.any(|(before, now)| before.0 != now.0 || before.1.types != now.1.types))
        }
        _ => Some(true),
    }
}

impl Program {
    pub(super) fn new(host: &Host, space: &Space, proving: bool) -> Program {
        let known = known();
        let symbol = |symbol: &Symbol| Atom::Symbol(symbol.clone());
        let mut program = Program {
            space: space.clone(),
            layers: Layers::of(space),
            host_names: HostNames::default(),
            changes: changes(),
            moment: host.moment.as_ref().map(Moment::number),
            sight: Sight::Present,
            changes_seen: None,
            code: vec![
                Instruction::Fail,
                Instruction::Finish,
                Instruction::ReturnResult,
                Instruction::Close,
                Instruction::ReturnAny,
                Instruction::EvaluateElement,
                Instruction::TakeElement,
                Instruction::Answer,
            ],
            operands: Vec::new(),
            constants: Vec::new(),
            constant_ids: HashMap::default(),
            atoms: Vec::new(),
            operations: Vec::new(),
            operation_ids: HashMap::default(),
            proving,
            watched: keeps_frames(host, proving),
            tabled: host.tabled_version,
            prepares: false,
            listed: None,
            uses: Arc::default(),
            use_ids: HashMap::default(),
            watches: Vec::new(),
            types: vec![
                types::undefined(),
                symbol(&known.number),
                symbol(&known.bool),
                // For `STEP` and `STEPS`, which are no types: what no program can write.
                Atom::Variable(Variable::new("step").renamed()),
                Atom::Variable(Variable::new("steps").renamed()),
            ],
            functions: Vec::new(),
            tables: Vec::new(),
            function_ids: HashMap::default(),
            made: Vec::new(),
            made_ids: HashMap::default(),
            elements_ids: HashMap::default(),
            heads: HashMap::default(),
            symbol_types: HashMap::default(),
            told_again: false,
            value_types: ValueTypes::new(),
            stood_for: Vec::new(),
            trees: Vec::new(),
            meetings: Meetings::default(),
            looks_for_open: false,
            expects_open: false,
            sites: Vec::new(),
            decided: Vec::new(),
            applied: Applied::new(),
            live: HashMap::from_iter([
                (CLOSE, grow::LIVE.into()),
                (ELEMENT_TAKEN, elements::LIVE.into()),
                // The choice that fills the table tells.
                (ANSWER, [].into()),
            ]),
            epoch: 0,
            types_epoch: 0,
            inline: by_operation(host, INLINE),
            on_terms: on_terms(host),
            open_rules: false,
            any_head: AnyHead::default(),
            looked: Looked::default(),
            expression_rules: Counts::default(),
            value_rules: Counts::default(),
            curried: Curried::default(),
            expressions: HashMap::default(),
            switches: Vec::new(),
            templates: Vec::new(),
            patterns: Vec::new(),
            blocks: Vec::new(),
            facts: Vec::new(),
            inlined: Vec::new(),
            retyped: HashMap::default(),
            data_heads: Passing::default(),
            passing: Passing::default(),
            temporary: Vec::new(),
        };
        debug_assert_eq!((ANY, NUMBER, BOOL), (0, 1, 2));
        program.look_at_layers();
        program.survey();
        program
    }

    /// Sees whether rules or types have changed that this space sees. Code that runs goes on;
    /// calls look for their rules again.
    pub(super) fn refresh(&mut self) {
        // Nothing changes at a moment.
        let now = changes();
        if self.moment.is_some() || now == self.changes {
            return;
        }
        self.changes = now;
        self.layers = Layers::of(&self.space);
        let before = self.changes_seen.take();
        self.look_at_layers();
        // Others change what is theirs at any time: that must not show here.
        if let Some(types) = types_changed(before.as_deref(), self.changes_seen.as_deref()) {
            self.invalidate(types);
        }
    }

    /// Looks at all functions again if others are tabled by now.
    pub(super) fn note_tabled(&mut self, host: &Host) {
        if self.tabled != host.tabled_version {
            self.tabled = host.tabled_version;
            self.invalidate(true);
        }
    }

    /// Whether calls of a function are tabled.
    pub(super) fn is_tabled(&self, host: &Host, name: &Symbol, arity: usize) -> bool {
        !host.tabled.is_empty() && is_tabled(host, name, arity, &self.space)
    }

    /// The number of the operand that tells where the first of some rules begins, and how many
    /// follow.
    #[inline(always)]
    pub(super) fn chain_at(&self, rules: Operands) -> (u32, u32) {
        // The function's number comes first.
        let at = rules.0 + 1;
        (at + 1, self.operands[at as usize].0 - 1)
    }

    /// The slots that hold something where a call returns to. What returns at once needs
    /// none of its own.
    pub(super) fn live_at(&self, pc: Pc) -> Option<&[u64]> {
        if pc == RETURN {
            return Some(&[]);
        }
        self.live.get(&pc).map(|mask| &**mask)
    }

    /// Goes to a moment, or to the present. Code is good there if rules and types are
    /// what they were when it was made.
    pub(super) fn go_to(&mut self, moment: Option<&Moment>) {
        let moment = moment.map(Moment::number);
        if moment == self.moment {
            return self.refresh();
        }
        let before = self.leave();
        self.moment = moment;
        self.changes = changes();
        self.layers = Layers::of(&self.space);
        self.look_at_layers();
        if before.is_none() || before != self.changes_seen {
            // What is new of types is not told apart.
            self.invalidate(true);
        }
    }

    /// Notes what had changed of the stores by now.
    fn look_at_layers(&mut self) {
        self.changes_seen = Some(self.layers.changes());
        self.sight = match self.moment {
            None => Sight::Present,
            Some(_) => Sight::Moment(Clocks::of(&self.layers)),
        };
    }

    /// Whether evaluations see all as it was at some time.
    pub(super) fn is_at_moment(&self) -> bool {
        self.moment.is_some()
    }

    /// What code was made of; `None` if that cannot be told for certain.
    fn leave(&mut self) -> Option<SmallVec<[(usize, Changes); 4]>> {
        let known = self.changes_seen.take();
        // In the present, others may have changed rules while code was made.
        known.filter(|_| self.moment.is_some() || self.changes == changes())
    }

    fn invalidate(&mut self, types: bool) {
        self.epoch = self.epoch.wrapping_add(1);
        self.heads.clear();
        self.data_heads.clear();
        self.passing.clear();
        self.expressions.clear();
        self.applied = Applied::new();
        if types {
            self.types_epoch = self.types_epoch.wrapping_add(1);
            self.symbol_types.clear();
            self.value_types.forget();
            self.meetings.forget();
            self.decided.iter_mut().for_each(Lately::clear);
        }
        for function in &mut self.functions {
            function.state = match function.state {
                _ if types => State::Unknown,
                State::Compiled => State::CompiledBefore,
                State::Data => State::DataBefore,
                State::Plain => State::Unknown,
                state => state,
            };
        }
        self.survey();
    }

    pub(super) fn inline(&self, operation: &Arc<Operation>) -> Option<Inline> {
        self.inline.get(&(Arc::as_ptr(operation) as usize)).copied()
    }

    pub(super) fn constant(&mut self, cell: Cell) -> u32 {
        *self.constant_ids.entry(cell).or_insert_with(|| {
            self.constants.push(cell);
            (self.constants.len() - 1) as u32
        })
    }

    /// The number by which code refers to an operation that is to give such a type.
    pub(super) fn operation(&mut self, operation: &Arc<Operation>, expected: TypeId) -> u32 {
        let next = self.operations.len() as u32;
        let key = (Arc::as_ptr(operation) as usize, expected);
        let number = *self.operation_ids.entry(key).or_insert(next);
        if number == next {
            self.operations.push(Called {
                operation: Arc::clone(operation),
                on_terms: self.on_terms.get(&key.0).copied(),
            });
            self.uses.add_operation(operation.clone());
        }
        number
    }

    /// The number by which code refers to some things that it uses together.
    pub(super) fn used(&mut self, used: &[Used]) -> u32 {
        if let Some(known) = self.use_ids.get(used) {
            return *known;
        }
        let used: Arc<[Used]> = used.into();
        let number = self.uses.add_way(Arc::clone(&used));
        self.use_ids.insert(used, number);
        number
    }

    /// How many ways have a number.
    pub(super) fn ways_used(&self) -> usize {
        self.use_ids.len()
    }

    pub(super) fn operands(&mut self, operands: &[Operand]) -> Operands {
        let at = self.operands.len() as u32;
        self.operands.push(Operand(operands.len() as u32));
        self.operands.extend_from_slice(operands);
        Operands(at)
    }

    /// The number of a call whose types are decided when it is made.
    pub(super) fn site(&mut self, site: Site) -> u32 {
        self.sites.push(Arc::new(site));
        self.decided.push(Lately::default());
        self.sites.len() as u32 - 1
    }

    /// The operands that stand there.
    #[inline(always)]
    pub(super) fn operands_at(&self, operands: Operands) -> &[Operand] {
        let at = operands.0 as usize;
        &self.operands[at + 1..][..self.operands[at].0 as usize]
    }

    /// The instruction that tells this to whoever watches.
    pub(super) fn watch(&mut self, what: Watched) -> Instruction {
        self.watches.push(what);
        Instruction::Watch {
            what: (self.watches.len() - 1) as u32,
            to: FAIL,
        }
    }

    /// What the watching instruction of this number tells.
    pub(super) fn watched(&self, number: u32) -> Watched {
        self.watches[number as usize]
    }

    /// Numbers among the operands.
    pub(super) fn numbers(&mut self, numbers: &[Operand]) -> Operands {
        let at = self.operands.len() as u32;
        self.operands.extend_from_slice(numbers);
        Operands(at)
    }

    /// The number of a type; `ANY` for one that every value has.
    pub(super) fn type_id(&mut self, atom: &Atom) -> TypeId {
        if types::is_undefined(atom) || atom.is_symbol(&known().atom) {
            return ANY;
        }
        let atom = &named_by_place(atom);
        self.expects_open |= self.looks_for_open && family::is_open(atom);
        match self.types.iter().position(|known| known == atom) {
            Some(id) => id as TypeId,
            None => {
                self.types.push(atom.clone());
                (self.types.len() - 1) as TypeId
            }
        }
    }

    /// What is expected of an atom whose type is a type variable that stands for a type: a
    /// meta-type is then one like others, which an atom of the kind need not be of.
    pub(super) fn stood_for(&mut self, expected: TypeId) -> TypeId {
        let atom = &self.types[usize::from(expected)];
        if expected == ANY || !types::is_meta_type(atom) || self.is_stood_for(expected) {
            return expected;
        }
        let known = self.stood_for.iter().find(|(of, _)| *of == expected);
        if let Some((_, own)) = known {
            return *own;
        }
        self.types.push(atom.clone());
        let own = (self.types.len() - 1) as TypeId;
        self.stood_for.push((expected, own));
        own
    }

    pub(super) fn is_stood_for(&self, expected: TypeId) -> bool {
        self.stood_for.iter().any(|(_, own)| *own == expected)
    }

    /// The type that results of a function with this return type are evaluated with.
    pub(super) fn result_type(&mut self, returns: &Atom) -> TypeId {
        match returns {
            Atom::Variable(_) => ANY,
            _ if returns.is_symbol(&known().expression) => ANY,
            _ => self.type_id(returns),
        }
    }

    pub(super) fn key_of(heap: &Heap, cell: Cell) -> Option<Key> {
        let cell = heap.deref(cell);
        match cell.kind() {
            Kind::Int(_) | Kind::Sym(_) | Kind::Bool(_) | Kind::Char(_) => Some(Key::Leaf(cell)),
            Kind::Exp(at) => {
                let (first, arity) = heap.elements(at);
                let head = (arity > 0).then(|| heap.deref(heap.word(first)));
                if head.is_some_and(|head| head.is_ref() || heap.is_other_operation(head)) {
                    return None;
                }
                Some(Key::Expression {
                    head: head.filter(|head| head.is_name()),
                    arity,
                })
            }
            // Equal to others by rules of their own, or by value.
            Kind::Ref(_) | Kind::Flt(_) | Kind::Box(_) => None,
        }
    }
}

/// What there is by names of operations, by where these are.
fn by_operation<T: Copy>(host: &Host, named: &[(&str, T)]) -> HashMap<usize, T, FixedState> {
    let operations = named.iter().filter_map(|(name, kind)| {
        let operation = match host.base_tokens.get(name) {
            Some(Atom::Grounded(Grounded::Operation(operation))) => operation,
            _ => host.functions.get(&Symbol::new(name))?,
        };
        Some((Arc::as_ptr(operation) as usize, *kind))
    });
    operations.collect()
}

fn on_terms(host: &Host) -> HashMap<usize, OnTerms, FixedState> {
    let functions = FUNCTIONS.map(|(name, of)| (name, OnTerms::Function(of)));
    let roundings = ROUNDINGS.map(|(name, of)| (name, OnTerms::Rounding(of)));
    let of_two = FUNCTIONS_OF_TWO.map(|(name, _, of)| (name, OnTerms::FunctionOfTwo(of)));
    by_operation(host, &[ON_TERMS, &functions, &roundings, &of_two].concat())
}

const ON_TERMS: &[(&str, OnTerms)] = &[
    ("get-metatype", OnTerms::Kind),
    ("get-type", OnTerms::Type),
    ("get-type-space", OnTerms::TypeIn),
    ("noreduce-eq", OnTerms::Equal),
    ("=alpha", OnTerms::Alike),
    ("if-equal", OnTerms::IfAlike),
    ("unique-atom", OnTerms::Unique),
    ("intersection-atom", OnTerms::Intersection),
    ("subtraction-atom", OnTerms::Subtraction),
    ("min-atom", OnTerms::Least),
    ("max-atom", OnTerms::Greatest),
    ("abs-math", OnTerms::Absolute),
    ("stringToChars", OnTerms::Characters),
    ("charsToString", OnTerms::TextOf),
    ("_assert-results-are-equal", OnTerms::SameResults),
    ("_assert-results-are-equal-msg", OnTerms::SameResults),
    ("_assert-results-are-alpha-equal", OnTerms::SameResults),
    ("_assert-results-are-alpha-equal-msg", OnTerms::SameResults),
];

const INLINE: &[(&str, Inline)] = &[
    ("+", Inline::Arithmetic(Arithmetic::Add)),
    ("-", Inline::Arithmetic(Arithmetic::Subtract)),
    ("*", Inline::Arithmetic(Arithmetic::Multiply)),
    ("/", Inline::Arithmetic(Arithmetic::Divide)),
    ("%", Inline::Arithmetic(Arithmetic::Remainder)),
    ("<", Inline::Comparison(Comparison::Less)),
    (">", Inline::Comparison(Comparison::Greater)),
    ("<=", Inline::Comparison(Comparison::LessEqual)),
    (">=", Inline::Comparison(Comparison::GreaterEqual)),
    ("and", Inline::Logic(Logic::And)),
    ("or", Inline::Logic(Logic::Or)),
    ("xor", Inline::Logic(Logic::Xor)),
    ("not", Inline::Not),
    ("==", Inline::Equal),
    ("car-atom", Inline::First),
    ("cdr-atom", Inline::Rest),
    ("size-atom", Inline::Size),
    ("add-atom", Inline::Change(Change::Add)),
    ("remove-atom", Inline::Change(Change::Remove)),
    ("index-atom", Inline::Index),
    ("union-atom", Inline::Union),
    ("superpose", Inline::Superpose),
    ("match", Inline::Match),
    ("_new-state", Inline::State(StateOperation::New)),
    ("get-state", Inline::State(StateOperation::Get)),
    ("change-state!", Inline::State(StateOperation::Change)),
];
