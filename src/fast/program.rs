//! The compiled program: code, its tables, and what is known of each head.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::{Atom, Grounded, Variable, known};
use crate::engine::Host;
use crate::evaluate::uses::{Used, Uses};
use crate::evaluate::{Control, is_instruction};
use crate::fast::applied::Applied;
use crate::fast::block::Block;
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::code::{
    ANY, BOOL, CLOSE, FAIL, Instruction, NUMBER, Operand, Operands, Pc, RETURN, Slot, TypeId,
    Watched,
};
use crate::fast::curried::Curried;
use crate::fast::heap::Heap;
use crate::fast::listing::Listed;
use crate::fast::looked::Looked;
use crate::fast::machine::grow;
use crate::fast::met::Meetings;
use crate::fast::pattern::Pattern;
use crate::fast::table::RuleTable;
use crate::fast::types::{Arguments, ValueType, ValueTypes};
use crate::library::lists::named_by_place;
use crate::operation::Operation;
use crate::space::{
    Changes, Clocks, Layers, Moment, Origin, Row, Space, Stand, Subject, Version, changes, token,
};
use crate::symbol::Symbol;
use crate::types;

/// A signature: parameter types and the type of the result.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) parameters: Vec<Atom>,
    pub(super) returns: Atom,
}

/// What a head is, by its types and by who carries calls of it out.
#[derive(Clone)]
pub(super) enum Head {
    /// No function type: all elements are evaluated, then rules are looked for.
    Untyped,
    /// One function type; rules.
    Typed(Arc<Signature>),
    /// One function type; an operation of the host, and no rules.
    Operation(Arc<Operation>, Arc<Signature>),
    /// Anything else, which the plain evaluator deals with.
    Complex,
}

/// What the type of an expression depends on.
pub(super) enum Tree {
    /// A constant, or the value in a slot.
    Value(Operand),
    /// The value in a slot, which an argument was evaluated to; whether it was made for that,
    /// if it is an expression.
    Told(Slot, bool),
    /// A variable that stands for nothing.
    Unknown,
    /// An expression that is known to be of a type.
    Known(TypeId),
    /// An expression, its head first.
    Call(Vec<Tree>),
}

impl Tree {
    /// The slot of the head, if that is a value.
    pub(super) fn head_slot(&self) -> Option<Slot> {
        match self {
            Tree::Call(parts) => match parts.first() {
                Some(Tree::Value(head)) if !head.is_constant() => Some(head.index() as Slot),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A call whose types are decided when it is made.
pub(super) struct Site {
    /// The constant that is its head.
    pub(super) head: Cell,
    /// The type that its result is expected to be of.
    pub(super) expected: Expected,
    pub(super) arguments: Vec<SiteArgument>,
    /// The slots on whose values its types depend.
    pub(super) leaves: Vec<Leaf>,
}

/// A slot that types depend on.
pub(super) struct Leaf {
    pub(super) slot: Slot,
    pub(super) place: LeafPlace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafPlace {
    /// An argument, evaluated before the call is made.
    Argument,
    /// A head inside of an argument.
    Head,
    /// What an argument was evaluated to, which tells no type if it is an expression.
    Told,
    /// The same, but of an expression that was made then the function of its head tells.
    Made,
    /// Anything else.
    Part,
}

/// A type that is expected: known, or told by the call around it, in a slot.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    Known(TypeId),
    Told(Slot),
}

/// An argument of a call whose types are decided when it is made.
pub(super) struct SiteArgument {
    pub(super) tree: Tree,
    /// Whether it is taken as written.
    pub(super) as_written: bool,
    pub(super) told: Told,
}

/// What an argument that is a call is told, in a slot, of the type that it is expected to be of.
#[derive(Clone, Copy)]
pub(super) enum Told {
    /// Nothing: its own type has to say as much.
    Nothing,
    /// Nothing, since it is data whatever is expected.
    Free,
    /// The type.
    Type(Slot),
    /// The function of this symbol and arity for that type.
    Function(Slot, u32, usize),
}

/// What was decided for a site: by the types of its leaves, and what was expected of it,
/// the function, and what arguments are told.
pub(super) struct Decided {
    /// The types of its leaves as one word, if they are few.
    pub(super) packed: u128,
    pub(super) leaves: Arguments,
    pub(super) expected: TypeId,
    pub(super) function: u32,
    pub(super) told: SmallVec<[(Slot, u32); 2]>,
}

/// What was decided for a site lately.
#[derive(Default)]
pub(super) struct Lately {
    pub(super) known: Vec<Decided>,
    /// Which was found last: types that tell a length come one after the other.
    last: usize,
}

impl Lately {
    fn clear(&mut self) {
        *self = Lately::default();
    }

    /// What was decided for leaves of these types.
    pub(super) fn find(&mut self, packed: u128, expected: TypeId) -> Option<&Decided> {
        let is_it = |known: &Decided| known.packed == packed && known.expected == expected;
        let (before, after) = self.known.split_at_checked(self.last)?;
        let place = match after.iter().position(is_it) {
            Some(place) => self.last + place,
            None => before.iter().position(is_it)?,
        };
        self.last = place;
        self.known.get(place)
    }
}

/// Something that an argument must be for a rule to match, if it is bound.
#[derive(Clone, Debug)]
pub(super) struct HeadTest {
    /// The argument, then positions inside it.
    pub(super) path: SmallVec<[u32; 4]>,
    pub(super) key: Key,
}

/// What tells terms apart at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A symbol, integer or truth value.
    Leaf(Cell),
    /// An expression with that many elements, and its head if that is a symbol.
    Expression { head: Option<Cell>, arity: usize },
}

/// The rules of one head and arity, for results expected to be of one type.
pub(super) struct Function {
    pub(super) symbol: u32,
    pub(super) arity: usize,
    pub(super) expected: TypeId,
    pub(super) state: State,
    /// The version of its rules.
    pub(super) version: Version,
    /// Whether its arguments may be of any type, once compiled.
    pub(super) is_untyped: bool,
    /// Where calls begin, once compiled.
    pub(super) pc: Pc,
    /// Words of a frame.
    pub(super) size: Slot,
    /// The type of calls that are data, if that is known; else 0.
    pub(super) data_type: u16,
    /// Whether that depends on the types of arguments.
    pub(super) types_elements: bool,
    /// [`Header::OPEN`] if calls that are data are of no type, else nothing.
    pub(super) open: u64,
    /// Data that is made by code which knows its type: what of, by number; 0 for any other.
    pub(super) made: u32,
    /// Whether elements before the last of such data are still to be looked at.
    pub(super) looks_before_last: bool,
    /// Whether a call that no rule is for may be ill-typed by now: evaluating it again tells.
    pub(super) is_unsettled: bool,
    /// Its rules, where they are tried one by one.
    pub(super) table: u32,
    /// How often it was compiled with facts that its rules look for.
    pub(super) with_facts: u8,
    /// How often some pattern was asked for by then.
    pub(super) asked: u32,
}

/// Rules that code of others has in itself.
#[derive(Clone, Copy)]
pub(super) struct Inlined {
    symbol: u32,
    arity: usize,
    /// Their version.
    version: Version,
    /// When they were last seen to be of it.
    pub(super) epoch: u32,
}

/// Data whose type is known where code makes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Made {
    /// Its type, if its elements are of these.
    pub(super) found: ValueType,
    /// The types that elements are still to be seen to have; `None` for those that have it.
    pub(super) parts: SmallVec<[Option<ValueType>; 4]>,
}

impl Made {
    /// Whether one of these elements is to be looked at.
    fn looks_at(parts: &[Option<ValueType>]) -> bool {
        parts.iter().any(Option::is_some)
    }
}

impl Function {
    /// The number of no function.
    pub(super) const NONE: u32 = u32::MAX;

    /// Of which nothing is known yet.
    fn new(symbol: u32, arity: usize, expected: TypeId) -> Function {
        Function {
            symbol,
            arity,
            expected,
            state: State::Unknown,
            version: Version::default(),
            is_untyped: false,
            pc: 0,
            size: 0,
            data_type: 0,
            types_elements: false,
            open: 0,
            made: 0,
            looks_before_last: false,
            is_unsettled: false,
            table: u32::MAX,
            with_facts: 0,
            asked: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unknown,
    /// Other rules have changed: these may be what they were.
    CompiledBefore,
    DataBefore,
    /// Rules, compiled.
    Compiled,
    /// No rule: calls are data.
    Data,
    /// Calls go to the plain evaluator.
    Plain,
}

impl State {
    /// Whether it has to be looked at again before the next call.
    pub(super) fn is_unsure(self) -> bool {
        matches!(
            self,
            State::Unknown | State::CompiledBefore | State::DataBefore
        )
    }
}

/// Where to go on by what stands at one place of a call's arguments.
pub(super) struct Switch {
    /// By [`Key::word`]; what is not used of them is like no term.
    pub(super) few: [Branch; Switch::FEW],
    /// The argument.
    pub(super) slot: Slot,
    /// Whether nothing of the last four counts.
    pub(super) is_plain: bool,
    /// For anything else.
    pub(super) other: Pc,
    /// For a variable, and for what is compared by its value.
    pub(super) open: Pc,
    /// The way inside the argument.
    pub(super) below: SmallVec<[u32; 4]>,
    /// More words.
    pub(super) many: HashMap<u64, Pc, FixedState>,
    /// For an expression of so many elements that no word is for.
    pub(super) arities: Vec<(usize, Pc)>,
}

/// An atom, and where in a frame its variables' values are. Others are new variables.
pub(super) struct Template {
    pub(super) atom: Atom,
    pub(super) variables: Vec<(Variable, Slot)>,
}

/// Where to go on with one word.
#[derive(Clone, Copy)]
pub(super) struct Branch {
    pub(super) word: u64,
    pub(super) to: Pc,
    /// Where the elements after the head go, unless it is `KEEP`.
    pub(super) elements: Slot,
}

impl Branch {
    pub(super) const KEEP: Slot = Slot::MAX;
    /// For no term.
    pub(super) const NONE: Branch = Branch {
        word: u64::MAX,
        to: 0,
        elements: Branch::KEEP,
    };
}

impl Switch {
    pub(super) const FEW: usize = 8;

    /// Where to go on with this word, which is none of the few.
    #[inline(never)]
    pub(super) fn further(&self, word: u64) -> Pc {
        if let Some(pc) = self.many.get(&word) {
            return *pc;
        }
        let arity = Key::arity_of(word);
        self.arities
            .iter()
            .find(|(count, _)| Some(*count) == arity)
            .map_or(self.other, |(_, pc)| *pc)
    }
}

impl Key {
    /// The key as a word: that of a leaf is its cell, no other looks like a cell.
    pub(super) fn word(self) -> u64 {
        match self {
            Key::Leaf(cell) => cell.0,
            Key::Expression { head, arity } => expression_word(head, arity),
        }
    }

    /// Of the word of an expression, how many elements that has.
    pub(super) fn arity_of(word: u64) -> Option<usize> {
        Cell(word).is_header().then_some((word >> 35) as usize)
    }

    /// Of the word of an expression, its head, if that counts, and how many elements it has.
    pub(super) fn call_of(word: u64) -> Option<(Cell, usize)> {
        let arity = Key::arity_of(word)?;
        let head = Cell::symbol((word >> 3) as u32);
        (expression_word(Some(head), arity) != expression_word(None, arity))
            .then_some((head, arity))
    }
}

/// The word for an expression with that many elements; its head counts if it is a symbol.
#[inline(always)]
pub(super) fn expression_word(head: Option<Cell>, arity: usize) -> u64 {
    const NO_SYMBOL: u64 = (u32::MAX as u64) << 3;
    let head = head.map_or(NO_SYMBOL, |head| head.0 & !7);
    ((arity as u64) << 35) | head | 7
}

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
    Superpose,
    Match,
    Change(super::code::Change),
    State(StateOperation),
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
    pub(super) operations: Vec<(Arc<Operation>, TypeId)>,
    operation_ids: HashMap<(usize, TypeId), u32, FixedState>,
    /// Whether code records what it uses.
    pub(super) proving: bool,
    /// Whether code tells whoever watches what it does.
    pub(super) watched: bool,
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
    unsettled_ids: HashMap<u32, u32, FixedState>,
    heads: HashMap<u32, Head, FixedState>,
    /// Types of symbols: `None` is unknown to the type system.
    pub(super) symbol_types: HashMap<u32, Option<Vec<Atom>>, FixedState>,
    pub(super) value_types: ValueTypes,
    pub(super) trees: Vec<Arc<Tree>>,
    /// Types that variables of bodies were met with.
    pub(super) meetings: Meetings,
    pub(super) sites: Vec<Arc<Site>>,
    /// For each of the sites what was decided lately.
    pub(super) decided: Vec<Lately>,
    /// Functions that names were applied as lately.
    pub(super) applied: Applied,
    /// Slots that hold something where a call returns to.
    pub(super) live: HashMap<Pc, Box<[u64]>, FixedState>,
    /// How often rules or types have changed since the code was begun.
    pub(super) epoch: u32,
    inline: HashMap<usize, Inline, FixedState>,
    /// A rule whose head may match any call: nothing is compiled.
    pub(super) open_rules: bool,
    /// Rules of other functions that code depends on.
    pub(super) looked: Looked,
    /// Rules whose head is an expression: `(= ((f $x) $y) …)`.
    pub(super) expression_rules: bool,
    /// The same, whose first element is a value of the host: `(= (1 $x) …)`.
    pub(super) value_rules: bool,
    /// Rules for calls of calls, by their shapes.
    pub(super) curried: Curried,
    /// Compiled directives and dynamic terms, by atom.
    pub(super) expressions: HashMap<ExpressionKey, (Atom, Option<u32>), FixedState>,
    pub(super) switches: Vec<Switch>,
    pub(super) templates: Vec<Arc<Template>>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) blocks: Vec<Block>,
    /// What facts that were compiled into rules depend on.
    pub(super) facts: Vec<Stand>,
    /// Rules that code of others has in itself.
    pub(super) inlined: Vec<Inlined>,
    /// Whether expressions with this head, of so many elements, are data.
    pub(super) data_heads: Passing,
    /// Whether names that code does not have are untyped.
    pub(super) passing: Passing,
    /// Code of expressions that were compiled while running.
    pub(super) temporary: Vec<Temporary>,
}

/// What was seen of names, with so many elements. Names that come and go are kept only as
/// long as they are not many.
#[derive(Default)]
pub(super) struct Passing {
    known: HashMap<(u32, usize), (Symbol, bool), FixedState>,
    /// Those asked for lately, by their lowest bits; all are known.
    recent: [Option<(u32, usize, bool)>; Passing::RECENT],
}

impl Passing {
    const RECENT: usize = 16;
    const MANY: usize = 1 << 12;

    #[inline(always)]
    pub(super) fn get(&mut self, name: u32, count: usize) -> Option<bool> {
        match self.recent[name as usize % Passing::RECENT] {
            Some((known, elements, holds)) if (known, elements) == (name, count) => Some(holds),
            _ => self.look_up(name, count),
        }
    }

    #[inline(never)]
    fn look_up(&mut self, name: u32, count: usize) -> Option<bool> {
        let holds = self.known.get(&(name, count))?.1;
        self.recent[name as usize % Passing::RECENT] = Some((name, count, holds));
        Some(holds)
    }

    pub(super) fn insert(&mut self, name: Symbol, count: usize, holds: bool) {
        if self.known.len() >= Passing::MANY {
            self.clear();
        }
        self.known.insert((name.id(), count), (name, holds));
    }

    fn clear(&mut self) {
        *self = Passing::default();
    }
}

/// What code of an expression is found by: what is expected of it, and whether its variables
/// stand for nothing.
pub(super) type ExpressionKey = (Atom, TypeId, bool);

/// An expression compiled as the body of a function of its variables.
pub(super) struct Temporary {
    pub(super) pc: Pc,
    pub(super) size: Slot,
    pub(super) variables: Vec<crate::atom::Variable>,
}

impl Program {
    pub(super) fn new(host: &Host, space: &Space, proving: bool) -> Program {
        let mut inline = HashMap::default();
        for (name, kind) in INLINE {
            let operation = match host.base_tokens.get(*name) {
                Some(Atom::Grounded(Grounded::Operation(operation))) => Some(operation),
                _ => host.functions.get(&Symbol::new(name)),
            };
            if let Some(operation) = operation {
                inline.insert(Arc::as_ptr(operation) as usize, *kind);
            }
        }
        let known = known();
        let symbol = |symbol: &Symbol| Atom::Symbol(symbol.clone());
        let mut program = Program {
            space: space.clone(),
            layers: Layers::of(space),
            changes: changes(),
            moment: host.moment.as_ref().map(Moment::number),
            sight: Sight::Present,
            changes_seen: None,
            code: vec![
                Instruction::Fail,
                Instruction::Finish,
                Instruction::ReturnResult,
                Instruction::Close,
            ],
            operands: Vec::new(),
            constants: Vec::new(),
            constant_ids: HashMap::default(),
            atoms: Vec::new(),
            operations: Vec::new(),
            operation_ids: HashMap::default(),
            proving,
            watched: host.watch.is_some() && !proving,
            prepares: false,
            listed: None,
            uses: Arc::default(),
            use_ids: HashMap::default(),
            watches: Vec::new(),
            types: vec![
                types::undefined(),
                symbol(&known.number),
                symbol(&known.bool),
            ],
            functions: Vec::new(),
            tables: Vec::new(),
            function_ids: HashMap::default(),
            made: Vec::new(),
            made_ids: HashMap::default(),
            unsettled_ids: HashMap::default(),
            heads: HashMap::default(),
            symbol_types: HashMap::default(),
            value_types: ValueTypes::new(),
            stood_for: Vec::new(),
            trees: Vec::new(),
            meetings: Meetings::default(),
            sites: Vec::new(),
            decided: Vec::new(),
            applied: Applied::new(),
            live: HashMap::from_iter([(CLOSE, grow::LIVE.into())]),
            epoch: 0,
            inline,
            open_rules: false,
            looked: Looked::default(),
            expression_rules: false,
            value_rules: false,
            curried: Curried::default(),
            expressions: HashMap::default(),
            switches: Vec::new(),
            templates: Vec::new(),
            patterns: Vec::new(),
            blocks: Vec::new(),
            facts: Vec::new(),
            inlined: Vec::new(),
            data_heads: Passing::default(),
            passing: Passing::default(),
            temporary: Vec::new(),
        };
        debug_assert_eq!((ANY, NUMBER, BOOL), (0, 1, 2));
        program.look_at_layers();
        program.survey();
        program
    }

    /// Sees whether rules or types have changed. Code that runs goes on; calls look
    /// for their rules again.
    pub(super) fn refresh(&mut self) {
        // Nothing changes at a moment.
        let now = changes();
        if self.moment.is_some() || now == self.changes {
            return;
        }
        let types = now.types != self.changes.types;
        self.changes = now;
        self.layers = Layers::of(&self.space);
        self.look_at_layers();
        self.invalidate(types);
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

    /// Drops tables of rules that no function has any more; nothing is evaluated now.
    pub(super) fn drop_old_tables(&mut self) {
        if self.tables.len() <= 2 * self.functions.len() {
            return;
        }
        let mut old: Vec<Option<RuleTable>> = self.tables.drain(..).map(Some).collect();
        for function in &mut self.functions {
            let table = old.get_mut(function.table as usize).and_then(Option::take);
            function.table = table.map_or(u32::MAX, |table| {
                self.tables.push(table);
                self.tables.len() as u32 - 1
            });
        }
    }

    /// The version of the rules of a head symbol and arity.
    pub(super) fn rules_version(&self, symbol: u32, arity: usize) -> Version {
        if self.curried.is_name(symbol) {
            return self.curried_version();
        }
        let equal = token::symbol(known().equal.id());
        self.layers.version(equal, subject(symbol, arity))
    }

    /// Where the rules of a head symbol and arity are stored, in order.
    pub(super) fn rule_rows(&self, symbol: u32, arity: usize) -> Vec<Row> {
        if self.curried.is_name(symbol) {
            return self.curried_rows(symbol, &[]);
        }
        let equal = token::symbol(known().equal.id());
        let mut rows = Vec::new();
        self.layers
            .rows_about(equal, subject(symbol, arity), &[], &mut rows);
        rows
    }

    /// The same; only those that came to a layer behind a row, if one is given.
    pub(super) fn rule_rows_behind(
        &self,
        symbol: u32,
        arity: usize,
        behind: Option<(u32, u32)>,
    ) -> Vec<Row> {
        let mut mark = vec![0; self.layers.len()];
        if let Some((layer, row)) = behind {
            mark[layer as usize] = row + 1;
        }
        if self.curried.is_name(symbol) {
            return self.curried_rows(symbol, &mark);
        }
        let equal = token::symbol(known().equal.id());
        let mut rows = Vec::new();
        self.layers
            .rows_about(equal, subject(symbol, arity), &mark, &mut rows);
        rows
    }

    /// Rules, with where they were written; fewer if some are no longer there.
    pub(super) fn rules_at(&self, rows: &[Row]) -> Vec<(Atom, Option<Origin>)> {
        let mut found = Vec::with_capacity(rows.len());
        let _ = self.layers.each(rows, |row| {
            found.push((self.as_of_function(row.atom()), row.origin()));
            std::ops::ControlFlow::Continue(())
        });
        found
    }

    /// Takes note that code depends on the rules of a head symbol and arity.
    pub(super) fn look_at_rules(&mut self, symbol: u32, arity: usize) {
        let version = self.rules_version(symbol, arity);
        self.looked.note((symbol, arity, version));
    }

    /// Whether other rules that the code of a function depends on are what they were.
    pub(super) fn looked_same(&self, function: u32) -> bool {
        let version = |symbol, arity| self.rules_version(symbol, arity);
        self.looked.holds(function, version)
    }

    pub(super) fn has_rules_of(&self, symbol: u32, arity: usize) -> bool {
        if self.curried.is_name(symbol) {
            return self.curried.has_rules(symbol);
        }
        let equal = token::symbol(known().equal.id());
        self.layers.has_rows_about(equal, subject(symbol, arity))
    }

    /// The rule of a head symbol and arity, if there is just one.
    pub(super) fn only_rule_of(&self, symbol: u32, arity: usize) -> Option<Atom> {
        let equal = token::symbol(known().equal.id());
        let subject = subject(symbol, arity);
        if self.curried.is_name(symbol) || self.layers.has_more_rows_about(equal, subject, 1) {
            return None;
        }
        let rows = self.rule_rows(symbol, arity);
        let (rule, _) = self.rules_at(&rows).pop()?;
        Some(rule)
    }

    /// Takes note of rules that code has in itself, by their number.
    pub(super) fn inlined(&mut self, symbol: u32, arity: usize) -> u32 {
        let (version, epoch) = (self.rules_version(symbol, arity), self.epoch);
        self.inlined.push(Inlined {
            symbol,
            arity,
            version,
            epoch,
        });
        self.inlined.len() as u32 - 1
    }

    /// Whether rules that code has in itself are still what they were.
    pub(super) fn is_same_inlined(&mut self, number: u32) -> bool {
        let Inlined {
            symbol,
            arity,
            version,
            epoch,
        } = self.inlined[number as usize];
        if epoch != self.epoch {
            if self.rules_version(symbol, arity) != version {
                return false;
            }
            self.inlined[number as usize].epoch = self.epoch;
        }
        true
    }

    /// Looks for rules that cannot be found by their head symbol.
    fn survey(&mut self) {
        let equal = token::symbol(known().equal.id());
        let mut rows: Vec<Row> = Vec::new();
        self.layers.rows_of_any_head(&[], &mut rows);
        self.open_rules = !rows.is_empty();
        self.expression_rules = false;
        rows.clear();
        self.layers.rows_about(equal, Subject::Open, &[], &mut rows);
        let (mut open, mut expression, mut value) = (self.open_rules, false, false);
        let mut curried = std::mem::take(&mut self.curried);
        curried.begin();
        let mut all_curried = true;
        let _ = self.layers.each(&rows, |row| {
            let atom = row.atom();
            match atom.as_expression().and_then(|rule| rule.get(1)) {
                Some(whole @ Atom::Expression(head))
                    if !matches!(head.children().first(), Some(Atom::Variable(_))) =>
                {
                    expression = true;
                    value |= !matches!(head.children().first(), Some(Atom::Expression(_)));
                    all_curried &= curried.note(whole);
                }
                _ => open = true,
            }
            std::ops::ControlFlow::Continue(())
        });
        if !all_curried {
            // Which calls they are for no shape tells.
            curried.begin();
        }
        self.open_rules = open;
        self.expression_rules = expression;
        self.value_rules = value;
        self.curried = curried;
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
            self.operations.push((operation.clone(), expected));
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

    /// A function that is compiled now, if it has few enough rules to be compiled anew.
    pub(super) fn compiled_of_few_rules(
        &mut self,
        function: u32,
        rules_max: usize,
    ) -> Option<&mut Function> {
        if function == Function::NONE {
            return None;
        }
        let entry = self.functions.get_mut(function as usize)?;
        let rules = &self.tables.get(entry.table as usize)?.rules;
        (entry.state == State::Compiled && rules.len() <= rules_max).then_some(entry)
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

    /// The number of a function that there is already.
    pub(super) fn known_function(
        &self,
        symbol: u32,
        arity: usize,
        expected: TypeId,
    ) -> Option<u32> {
        self.function_ids.get(&(symbol, arity, expected)).copied()
    }

    pub(super) fn function(&mut self, symbol: u32, arity: usize, expected: TypeId) -> u32 {
        let next = self.functions.len() as u32;
        let id = *self
            .function_ids
            .entry((symbol, arity, expected))
            .or_insert(next);
        if id == next {
            self.functions.push(Function::new(symbol, arity, expected));
        }
        id
    }

    /// The number of the same function for calls whose arguments turned out to be of types that were not known
    /// when the call was looked at, and that tell each other's.
    pub(super) fn function_unsettled(&mut self, function: u32) -> u32 {
        let next = self.functions.len() as u32;
        let id = *self.unsettled_ids.entry(function).or_insert(next);
        if id == next {
            let Function {
                symbol,
                arity,
                expected,
                ..
            } = self.functions[function as usize];
            self.functions.push(Function {
                is_unsettled: true,
                ..Function::new(symbol, arity, expected)
            });
        }
        id
    }

    /// The number of a function without rules for calls whose type is known where they are made.
    pub(super) fn function_made(
        &mut self,
        symbol: u32,
        arity: usize,
        expected: TypeId,
        made: Made,
    ) -> u32 {
        let key = (symbol, arity, expected, made);
        if let Some(known) = self.made_ids.get(&key) {
            return *known;
        }
        let like = self.function(symbol, arity, expected) as usize;
        let (state, version) = (self.functions[like].state, self.functions[like].version);
        self.made.push(key.3.clone());
        self.functions.push(Function {
            state,
            version,
            made: self.made.len() as u32,
            ..Function::new(symbol, arity, expected)
        });
        let id = (self.functions.len() - 1) as u32;
        self.note_made(id);
        self.made_ids.insert(key, id);
        id
    }

    /// Notes of a function for calls whose type is known how that is.
    fn note_made(&mut self, function: u32) {
        let entry = &mut self.functions[function as usize];
        let made = &self.made[entry.made as usize - 1];
        entry.data_type = made.found.0;
        entry.types_elements = Made::looks_at(&made.parts);
        entry.looks_before_last = made
            .parts
            .split_last()
            .is_some_and(|(_, others)| Made::looks_at(others));
    }

    /// What is known of the calls of a function, if that is more than what its signature says.
    #[inline(always)]
    pub(super) fn made_by(&self, function: &Function) -> Option<&Made> {
        self.made.get((function.made as usize).wrapping_sub(1))
    }

    /// Notes of a function without rules what type calls of it have.
    pub(super) fn note_data(&mut self, function: u32, head: &Head) {
        let entry = &mut self.functions[function as usize];
        entry.state = State::Data;
        entry.open = match head {
            Head::Untyped => Header::OPEN,
            _ => 0,
        };
        if entry.made != 0 {
            self.note_made(function);
            return;
        }
        entry.types_elements =
            matches!(head, Head::Typed(signature) if !signature.returns.is_ground());
        entry.data_type = match head {
            Head::Typed(signature) if signature.returns.is_ground() => {
                let found = self.value_types.number_of(&signature.returns, false);
                found.map_or(0, |found| found.0)
            }
            _ => 0,
        };
    }

    /// What is known already of calls with this head symbol.
    pub(super) fn known_head(&self, symbol: u32) -> Option<&Head> {
        self.heads.get(&symbol)
    }

    /// The same of a name that came up while code runs; nothing of it is kept.
    pub(super) fn passing_head(&mut self, host: &Host, heap: &mut Heap, head: &Atom) -> Head {
        let Atom::Symbol(symbol) = head else {
            return Head::Complex;
        };
        let found = self.symbol_head(host, heap, symbol.id(), head);
        self.symbol_types.remove(&symbol.id());
        found
    }

    /// What is known of calls with this head.
    pub(super) fn head(&mut self, host: &Host, heap: &mut Heap, head: &Atom) -> Head {
        match head {
            Atom::Symbol(symbol) => {
                let id = heap.symbol(symbol);
                if let Some(head) = self.heads.get(&id) {
                    return head.clone();
                }
                let found = self.symbol_head(host, heap, id, head);
                self.heads.insert(id, found.clone());
                found
            }
            Atom::Grounded(Grounded::Operation(operation)) => {
                let found = operation.type_atom();
                if types::is_function(found) && operation.control() != Some(Control::Capture) {
                    Head::Operation(Arc::clone(operation), signature(found))
                } else {
                    Head::Complex
                }
            }
            Atom::Grounded(_) if !self.value_rules => Head::Untyped,
            Atom::Grounded(_) | Atom::Variable(_) | Atom::Expression(_) => Head::Complex,
        }
    }

    fn symbol_head(&mut self, host: &Host, heap: &mut Heap, id: u32, head: &Atom) -> Head {
        let Atom::Symbol(symbol) = head else {
            return Head::Complex;
        };
        if self.curried.is_name(id) {
            return self.curried_head(host, heap, id);
        }
        if self.open_rules || is_instruction(symbol) || self.space.may_type_expression(head) {
            return Head::Complex;
        }
        let found = self.types_of_symbol(heap, id).clone();
        let function = match &found {
            None => None,
            Some(types) => match types.as_slice() {
                [only] if types::is_function(only) => Some(only.clone()),
                _ if types.iter().any(types::is_function) => return Head::Complex,
                _ => None,
            },
        };
        let operation = host
            .functions
            .get(symbol)
            .filter(|_| self.space.sees(&host.corelib));
        match (operation, function) {
            (Some(operation), Some(found)) => {
                if self.has_rules(id) {
                    return Head::Complex;
                }
                if operation.control() == Some(Control::Inert) {
                    return Head::Typed(signature(&found));
                }
                Head::Operation(Arc::clone(operation), signature(&found))
            }
            (Some(_), None) => Head::Complex,
            (None, Some(found)) => Head::Typed(signature(&found)),
            (None, None) => Head::Untyped,
        }
    }

    /// Whether there are rules for calls of the symbol, with a few arguments.
    fn has_rules(&self, symbol: u32) -> bool {
        (0..6).any(|arity| self.has_rules_of(symbol, arity))
    }

    /// The types that a symbol has been assigned.
    pub(super) fn types_of_symbol(&mut self, heap: &Heap, id: u32) -> &Option<Vec<Atom>> {
        self.symbol_types.entry(id).or_insert_with(|| {
            let atom = Atom::Symbol(heap.symbol_of(id));
            let found = types::types_of(&self.space, &atom);
            (!found.iter().all(types::is_undefined)).then_some(found)
        })
    }

    pub(super) fn key_of(heap: &Heap, cell: Cell) -> Option<Key> {
        let cell = heap.deref(cell);
        match cell.kind() {
            Kind::Int(_) | Kind::Sym(_) | Kind::Bool(_) => Some(Key::Leaf(cell)),
            Kind::Exp(at) => {
                let (first, arity) = heap.elements(at);
                let head = (arity > 0).then(|| heap.deref(heap.word(first)));
                if head.is_some_and(Cell::is_ref) {
                    return None;
                }
                Some(Key::Expression {
                    head: head.filter(|head| head.is_symbol()),
                    arity,
                })
            }
            // Equal to others by rules of their own, or by value.
            Kind::Ref(_) | Kind::Flt(_) | Kind::Box(_) => None,
        }
    }
}

pub(super) fn signature(function: &Atom) -> Arc<Signature> {
    let parts = function.as_expression().expect("a function type");
    let (returns, parameters) = parts[1..].split_last().expect("a function type returns");
    Arc::new(Signature {
        parameters: parameters.to_vec(),
        returns: returns.clone(),
    })
}

fn subject(symbol: u32, arity: usize) -> Subject {
    Subject::Call(token::symbol(symbol), arity as u32 + 1)
}

use super::code::{Arithmetic, Change, Comparison, Logic};

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
    ("superpose", Inline::Superpose),
    ("match", Inline::Match),
    ("_new-state", Inline::State(StateOperation::New)),
    ("get-state", Inline::State(StateOperation::Get)),
    ("change-state!", Inline::State(StateOperation::Change)),
];
