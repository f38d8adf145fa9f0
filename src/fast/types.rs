//! Types of values by number, and what is known of them: so that the type of a term is
//! looked for once, and kept in its header.
//!
//! A number stands for one type up to the names of its variables, or for a few types without
//! variables, as names of a type below another one have. What has other several types, or
//! none, has no number; the typing of atoms is asked for it. Numbers are not used again
//! after types have changed: headers may still hold them.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::{Atom, Grounded, State, known};
use crate::fast::code::TypeId;
use crate::library::lists::named_by_place;
use crate::operation::Operation;
use crate::space::TypedHeads;
use crate::types::{self, Part};
use crate::unify::Bindings;

/// The number of a type that values have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ValueType(pub(super) u16);

impl ValueType {
    /// As the head of an application in one word.
    #[inline(always)]
    pub(super) fn packed(self) -> u128 {
        u128::from(self.0)
    }
}

/// Numbers are below, so that they fit into a header.
const NUMBERS_MAX: u16 = 1 << 14;

/// Which of the four kinds of atom an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ArgumentKind {
    Symbol,
    Variable,
    Expression,
    Grounded,
}

impl ArgumentKind {
    /// Whether a meta-type is the one of this kind, or `Atom`.
    pub(super) fn is_taken_by(self, meta_type: &Atom) -> bool {
        let known = known();
        meta_type.is_symbol(&known.atom)
            || meta_type.is_symbol(match self {
                ArgumentKind::Symbol => &known.symbol,
                ArgumentKind::Variable => &known.variable,
                ArgumentKind::Expression => &known.expression,
                ArgumentKind::Grounded => &known.grounded,
            })
    }
}

/// An argument as far as typing a call goes: the number of its type, and its kind in
/// the bits above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Argument(u16);

impl Argument {
    /// Of what has no type that is known.
    pub(super) const NONE: Argument = Argument(0);

    pub(super) fn new(found: ValueType, kind: ArgumentKind) -> Argument {
        Argument(found.0 | (kind as u16) << NUMBERS_MAX.trailing_zeros())
    }

    /// In the place of an argument, what calls of a name tell.
    pub(super) fn telling(packed: u16) -> Argument {
        Argument(packed)
    }

    pub(super) fn found(self) -> ValueType {
        ValueType(self.0 & (NUMBERS_MAX - 1))
    }

    /// This behind others in one word.
    #[inline(always)]
    pub(super) fn packed_after(self, packed: u128) -> u128 {
        packed << 16 | u128::from(self.0)
    }

    /// Whether it is a variable that stands for nothing.
    pub(super) fn is_variable(self) -> bool {
        self.kind() == ArgumentKind::Variable
    }

    fn kind(self) -> ArgumentKind {
        let kind = self.0 >> NUMBERS_MAX.trailing_zeros();
        [
            ArgumentKind::Symbol,
            ArgumentKind::Variable,
            ArgumentKind::Expression,
            ArgumentKind::Grounded,
        ][usize::from(kind)]
    }
}

/// No more arguments are in one word, behind their head.
pub(super) const PACKED_MAX: usize = 7;

pub(super) type Arguments = SmallVec<[Argument; 6]>;

#[derive(Clone)]
struct Known {
    /// One type, or an expression of several.
    atom: Atom,
    kind: KnownKind,
}

/// What a number stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum KnownKind {
    /// Nothing is known of such a value, not even that a function says so.
    Unknown,
    One,
    Several,
    /// Several, all of functions.
    Functions,
    /// Several, of an expression that is ill-typed by some of them, which these bits tell.
    Partly(u8),
}

impl Known {
    fn is_unknown(&self) -> bool {
        self.kind == KnownKind::Unknown
    }

    fn types(&self) -> &[Atom] {
        match self.kind {
            KnownKind::Several | KnownKind::Functions | KnownKind::Partly(_) => {
                self.atom.as_expression().unwrap_or_default()
            }
            KnownKind::Unknown | KnownKind::One => std::slice::from_ref(&self.atom),
        }
    }

    /// Which of the types such values are ill-typed by, as bits.
    fn wrong(&self) -> u8 {
        match self.kind {
            KnownKind::Partly(wrong) => wrong,
            _ => 0,
        }
    }

    /// The types that such values have.
    fn right(&self) -> impl Iterator<Item = &Atom> {
        let wrong = self.wrong();
        let types = self.types().iter().enumerate();
        types.filter_map(move |(place, found)| (wrong & 1 << place == 0).then_some(found))
    }

    /// The type that such values have, if it is one.
    fn only(&self) -> Option<&Atom> {
        let mut right = self.right();
        let only = right.next()?;
        right.next().is_none().then_some(only)
    }
}

/// Values of more types have no number.
const SEVERAL_MAX: usize = 8;

/// The type of a symbol, and whether expressions with this head may have types of their own.
pub(super) type SymbolType = (Option<ValueType>, bool);

/// What was looked up last, each at a place by its bits: types of terms that are built one
/// after the other are mostly of a few kinds.
struct Recent {
    symbols: Box<[(Option<u32>, SymbolType)]>,
    applications: Box<[(u128, Option<ValueType>)]>,
    fits: Box<[(u32, bool)]>,
}

impl Default for Recent {
    fn default() -> Recent {
        // No type has the number 0, so nothing is found at first.
        Recent {
            symbols: vec![(None, (None, false)); Recent::PLACES].into(),
            applications: vec![(0, None); Recent::PLACES].into(),
            fits: vec![(0, false); Recent::PLACES].into(),
        }
    }
}

impl Recent {
    const PLACES: usize = 256;

    /// An application as one word, if it is short.
    fn packed(head: ValueType, arguments: &[Argument]) -> Option<u128> {
        let join = |packed, argument: &Argument| argument.packed_after(packed);
        (arguments.len() <= PACKED_MAX).then(|| arguments.iter().fold(head.packed(), join))
    }

    fn place(word: u64) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        (word.wrapping_mul(ODD) >> (64 - Recent::PLACES.trailing_zeros())) as usize
    }

    fn application(&self, packed: u128) -> Option<Option<ValueType>> {
        let (known, found) =
            self.applications[Recent::place(packed as u64 ^ (packed >> 64) as u64)];
        (known == packed).then_some(found)
    }

    fn note_application(&mut self, packed: u128, found: Option<ValueType>) {
        self.applications[Recent::place(packed as u64 ^ (packed >> 64) as u64)] = (packed, found);
    }

    fn fits(&self, found: ValueType, expected: TypeId) -> Option<bool> {
        let word = u32::from(found.0) << 16 | u32::from(expected);
        let (known, fits) = self.fits[Recent::place(word.into())];
        (known == word).then_some(fits)
    }

    fn note_fits(&mut self, found: ValueType, expected: TypeId, fits: bool) {
        let word = u32::from(found.0) << 16 | u32::from(expected);
        self.fits[Recent::place(word.into())] = (word, fits);
    }
}

/// How a well-typed call is made.
pub(super) struct Decision {
    /// The type that its result is evaluated with.
    pub(super) returns: Atom,
    /// The types that its arguments are evaluated with.
    pub(super) parameters: Vec<Atom>,
}

impl Decision {
    /// Whether it says the same, whatever type variables are called.
    pub(super) fn is_same(&self, other: &Decision) -> bool {
        let all = |decision: &Decision| {
            let parts = decision.parameters.iter().chain([&decision.returns]);
            named_by_place(&Atom::expression(parts.cloned().collect::<Vec<_>>()))
        };
        all(self) == all(other)
    }

    /// Whether a type variable in the type of an argument is also in that of one after it which is
    /// `evaluated`, or of the result: then what the argument turns out to be tells more of these.
    /// Other arguments fit whatever it tells: by their types it would be known already. Nothing is
    /// evaluated for the type of the result where the call is data.
    pub(super) fn is_shared(
        &self,
        place: usize,
        is_data: bool,
        evaluated: impl Fn(usize) -> bool,
    ) -> bool {
        let after = (place + 1..self.parameters.len()).filter(|after| evaluated(*after));
        let result = Some(&self.returns).filter(|_| !is_data);
        let mut shared = false;
        self.parameters[place].for_each_variable(|variable| {
            for part in after
                .clone()
                .map(|after| &self.parameters[after])
                .chain(result)
            {
                part.for_each_variable(|other| shared |= other == variable);
            }
        });
        shared
    }
}

pub(super) struct ValueTypes {
    /// The number of the first that is kept.
    first: u16,
    known: Vec<Known>,
    numbers: HashMap<(Atom, KnownKind), ValueType, FixedState>,
    symbols: HashMap<u32, SymbolType, FixedState>,
    applications: HashMap<(ValueType, Arguments), Option<ValueType>, FixedState>,
    /// Whether those without a type are ill-typed.
    ill_typed: HashMap<(ValueType, Arguments), bool, FixedState>,
    decisions: HashMap<(ValueType, Arguments, TypeId), Option<Arc<Decision>>, FixedState>,
    fits: HashMap<(ValueType, TypeId), bool, FixedState>,
    /// Whether values of two types may be of one.
    alike: HashMap<(ValueType, ValueType), bool, FixedState>,
    /// Applications and fits looked up last.
    recent: Recent,
    /// Which expressions may have types of their own.
    pub(super) typed_heads: Option<TypedHeads>,
    /// Types of operations, by where they are.
    operations: HashMap<usize, Option<ValueType>, FixedState>,
    /// Types of states, by those of what they hold.
    states: HashMap<Atom, Option<ValueType>, FixedState>,
    /// Numbers of types that values are evaluated with.
    expected: HashMap<TypeId, Option<ValueType>, FixedState>,
    /// Functions for calls of symbols with values.
    pub(super) calls: HashMap<(u32, Arguments, TypeId), Option<u32>, FixedState>,
}

impl ValueTypes {
    pub(super) fn new() -> ValueTypes {
        let mut made = ValueTypes {
            first: 1,
            known: Vec::new(),
            numbers: HashMap::default(),
            symbols: HashMap::default(),
            applications: HashMap::default(),
            ill_typed: HashMap::default(),
            decisions: HashMap::default(),
            fits: HashMap::default(),
            alike: HashMap::default(),
            recent: Recent::default(),
            typed_heads: None,
            operations: HashMap::default(),
            states: HashMap::default(),
            expected: HashMap::default(),
            calls: HashMap::default(),
        };
        made.begin();
        made
    }

    /// Types have changed: begins anew with other numbers.
    pub(super) fn forget(&mut self) {
        self.first = self.first.saturating_add(self.known.len() as u16);
        self.known.clear();
        self.numbers.clear();
        self.symbols.clear();
        self.applications.clear();
        self.ill_typed.clear();
        self.decisions.clear();
        self.fits.clear();
        self.alike.clear();
        self.recent = Recent::default();
        self.typed_heads = None;
        self.operations.clear();
        self.states.clear();
        self.expected.clear();
        self.calls.clear();
        self.begin();
    }

    /// Whether there is no number left.
    pub(super) fn is_full(&self) -> bool {
        usize::from(self.first) + self.known.len() + 64 > usize::from(NUMBERS_MAX)
    }

    /// The first few numbers are for types that need no looking up.
    fn begin(&mut self) {
        let known = known();
        let symbol = |symbol: &crate::symbol::Symbol| Atom::Symbol(symbol.clone());
        for (atom, kind) in [
            (types::undefined(), KnownKind::Unknown),
            (symbol(&known.number), KnownKind::One),
            (symbol(&known.bool), KnownKind::One),
            (symbol(&known.string), KnownKind::One),
            (symbol(&known.char), KnownKind::One),
        ] {
            let number = ValueType(self.first.saturating_add(self.known.len() as u16));
            self.numbers.insert((atom.clone(), kind), number);
            self.known.push(Known { atom, kind });
        }
    }

    pub(super) fn unknown(&self) -> ValueType {
        ValueType(self.first)
    }

    pub(super) fn number(&self) -> ValueType {
        ValueType(self.first + 1)
    }

    pub(super) fn bool(&self) -> ValueType {
        ValueType(self.first + 2)
    }

    pub(super) fn string(&self) -> ValueType {
        ValueType(self.first + 3)
    }

    pub(super) fn char(&self) -> ValueType {
        ValueType(self.first + 4)
    }

    /// The type whose number a header holds, if types have not changed since.
    pub(super) fn of_header(&self, number: u16) -> Option<ValueType> {
        (number >= self.first).then_some(ValueType(number))
    }

    fn known(&self, number: ValueType) -> &Known {
        &self.known[usize::from(number.0 - self.first)]
    }

    /// The type of an application that was looked up lately, by its one word.
    #[inline(always)]
    pub(super) fn application_of_late(&self, packed: u128) -> Option<ValueType> {
        self.recent.application(packed)?
    }

    /// What was found of a symbol.
    #[inline(always)]
    pub(super) fn symbol(&mut self, id: u32) -> Option<SymbolType> {
        let place = Recent::place(id.into());
        let (known, found) = self.recent.symbols[place];
        if known == Some(id) {
            return Some(found);
        }
        let found = *self.symbols.get(&id)?;
        self.recent.symbols[place] = (Some(id), found);
        Some(found)
    }

    /// As [`ValueTypes::symbol`], if it was looked up lately.
    #[inline(always)]
    pub(super) fn symbol_of_late(&self, id: u32) -> Option<SymbolType> {
        let (known, found) = self.recent.symbols[Recent::place(id.into())];
        (known == Some(id)).then_some(found)
    }

    pub(super) fn note_symbol(&mut self, id: u32, found: SymbolType) {
        self.symbols.insert(id, found);
    }

    /// The number of a type; `None` if there is none left.
    pub(super) fn number_of(&mut self, atom: &Atom, unknown: bool) -> Option<ValueType> {
        let kind = if unknown {
            KnownKind::Unknown
        } else {
            KnownKind::One
        };
        self.number_of_kind(named_by_place(atom), kind)
    }

    /// The number of what has all of some types; `None` if there is none left, or where types
    /// are too many, or have variables, are of functions or meta-types; but for types of functions only
    /// that have all their arguments evaluated.
    pub(super) fn number_of_several(&mut self, several: &[Atom]) -> Option<ValueType> {
        let is_plain = |found: &Atom| {
            found.is_ground()
                && !types::is_function(found)
                && !types::is_meta_type(found)
                && !types::is_undefined(found)
        };
        match several {
            [only] => self.number_of(only, false),
            _ if several.len() <= SEVERAL_MAX && several.iter().all(evaluates_all) => {
                let all = Atom::expression(several.to_vec());
                self.number_of_kind(named_by_place(&all), KnownKind::Functions)
            }
            _ if several.len() > SEVERAL_MAX || !several.iter().all(is_plain) => None,
            _ => self.number_of_kind(Atom::expression(several.to_vec()), KnownKind::Several),
        }
    }

    /// The number of what has one of some types, and is ill-typed by the others; `None` if it has more than
    /// one.
    fn number_of_partly(&mut self, several: &[Atom], wrong: u8) -> Option<ValueType> {
        let count = several.len();
        let is_one = wrong.count_ones() as usize + 1 == count;
        if count > SEVERAL_MAX || !is_one || several.iter().any(types::is_meta_type) {
            return None;
        }
        let all = Atom::expression(several.to_vec());
        self.number_of_kind(named_by_place(&all), KnownKind::Partly(wrong))
    }

    fn number_of_kind(&mut self, atom: Atom, kind: KnownKind) -> Option<ValueType> {
        let key = (atom, kind);
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        if self.is_full() {
            return None;
        }
        let number = ValueType(self.first + self.known.len() as u16);
        self.known.push(Known {
            atom: key.0.clone(),
            kind,
        });
        self.numbers.insert(key, number);
        Some(number)
    }

    /// A type by its number; `None` if nothing is known of such values, or they have several.
    pub(super) fn atom(&self, number: ValueType) -> Option<&Atom> {
        let known = self.known(number);
        (known.kind == KnownKind::One).then_some(&known.atom)
    }

    /// Whether such values have several types, or are ill-typed by some.
    pub(super) fn is_several(&self, number: ValueType) -> bool {
        self.known(number).types().len() != 1
    }

    /// Whether such values have just one type.
    pub(super) fn is_told(&self, number: ValueType) -> bool {
        self.known(number).only().is_some()
    }

    /// The number of an operation's type.
    pub(super) fn of_operation(&mut self, operation: &Arc<Operation>) -> Option<ValueType> {
        let address = Arc::as_ptr(operation) as usize;
        if let Some(known) = self.operations.get(&address) {
            return *known;
        }
        let found = self.number_of(
            operation.type_atom(),
            types::is_undefined(operation.type_atom()),
        );
        self.operations.insert(address, found);
        found
    }

    /// The number of a state's type; `None` also if that has variables.
    pub(super) fn of_state(&mut self, state: &State) -> Option<ValueType> {
        if let Some(known) = self.states.get(state.type_atom()) {
            return *known;
        }
        let found = types::grounded_type(&Grounded::State(state.clone()));
        let number = found
            .is_ground()
            .then(|| self.number_of(&found, false))
            .flatten();
        self.states.insert(state.type_atom().clone(), number);
        number
    }

    /// The number of a type that values are evaluated with.
    pub(super) fn of_expected(&mut self, number: TypeId, atom: &Atom) -> Option<ValueType> {
        if let Some(known) = self.expected.get(&number) {
            return *known;
        }
        let found = self.number_of(atom, false);
        self.expected.insert(number, found);
        found
    }

    fn part(&self, argument: Argument) -> Part {
        let known = self.known(argument.found());
        let atom = match argument.kind() {
            ArgumentKind::Symbol => Atom::symbol("part"),
            ArgumentKind::Variable => Atom::variable("part"),
            ArgumentKind::Expression => Atom::unit(),
            ArgumentKind::Grounded => Atom::integer(0),
        };
        Part {
            atom,
            found: known.types().iter().map(types::renamed).collect(),
            wrong: known.wrong(),
            unknown: known.is_unknown(),
        }
    }

    /// The type of an expression whose head and other elements have these types.
    #[inline(always)]
    pub(super) fn application(
        &mut self,
        head: ValueType,
        arguments: &[Argument],
    ) -> Option<ValueType> {
        let packed = Recent::packed(head, arguments);
        if let Some(found) = packed.and_then(|packed| self.recent.application(packed)) {
            return found;
        }
        let found = self.find_application(head, arguments);
        if let Some(packed) = packed {
            self.recent.note_application(packed, found);
        }
        found
    }

    #[inline(never)]
    fn find_application(&mut self, head: ValueType, arguments: &[Argument]) -> Option<ValueType> {
        if self.known(head).is_unknown() {
            return Some(self.unknown());
        }
        let key = (head, Arguments::from_slice(arguments));
        if let Some(found) = self.applications.get(&key) {
            return *found;
        }
        let head_part = self.part(Argument::new(head, ArgumentKind::Symbol));
        let parts: Vec<Part> = arguments.iter().map(|each| self.part(*each)).collect();
        let found = match types::types_of_parts(&head_part, &parts) {
            Some((found, _, true)) => self.number_of(&found[0], true),
            Some((found, 0, false)) => self.number_of_several(&found),
            Some((found, wrong, false)) => self.number_of_partly(&found, wrong),
            None => None,
        };
        self.applications.insert(key, found);
        found
    }

    /// Whether an expression whose head and other elements have these types is ill-typed.
    pub(super) fn is_ill_typed(&mut self, head: ValueType, arguments: &[Argument]) -> bool {
        if self.known(head).is_unknown() || self.application(head, arguments).is_some() {
            return false;
        }
        let key = (head, Arguments::from_slice(arguments));
        if let Some(known) = self.ill_typed.get(&key) {
            return *known;
        }
        let head_part = self.part(Argument::new(head, ArgumentKind::Symbol));
        let parts: Vec<Part> = arguments.iter().map(|each| self.part(*each)).collect();
        let is_ill_typed = types::is_ill_typed(&head_part, &parts);
        self.ill_typed.insert(key, is_ill_typed);
        is_ill_typed
    }

    /// How a call of something with this function type is made, if it is well-typed.
    pub(super) fn decision(
        &mut self,
        function: ValueType,
        arguments: &[Argument],
        expected: TypeId,
        wanted: &Atom,
    ) -> Option<Arc<Decision>> {
        let key = (function, Arguments::from_slice(arguments), expected);
        if let Some(found) = self.decisions.get(&key) {
            return found.clone();
        }
        let parts: Vec<Part> = arguments.iter().map(|each| self.part(*each)).collect();
        let head = self.atom(function).map(types::renamed);
        let found = head
            .and_then(|head| types::call_of_parts(&head, &parts, &types::renamed(wanted)))
            .map(|(returns, parameters)| {
                Arc::new(Decision {
                    returns,
                    parameters,
                })
            });
        self.decisions.insert(key, found.clone());
        found
    }

    /// The same of something with several function types: by the first of them that is right for it.
    pub(super) fn decision_of_several(
        &self,
        functions: &[Atom],
        arguments: &[Argument],
        wanted: &Atom,
    ) -> Option<Arc<Decision>> {
        let parts: Vec<Part> = arguments.iter().map(|each| self.part(*each)).collect();
        let mut functions = functions.iter();
        let (returns, parameters) = functions.find_map(|function| {
            let function = types::renamed(function);
            types::applied_by_parts(&function, &parts, &types::renamed(wanted))
        })??;
        Some(Arc::new(Decision {
            returns,
            parameters,
        }))
    }

    /// Whether a value of a type may be used where another is expected, if that was looked
    /// up lately.
    #[inline(always)]
    pub(super) fn known_fit(&self, found: ValueType, expected: TypeId) -> Option<bool> {
        self.recent.fits(found, expected)
    }

    /// Whether a value of a type may be used where another is expected.
    pub(super) fn fits(&mut self, found: ValueType, expected: TypeId, wanted: &Atom) -> bool {
        if let Some(fits) = self.recent.fits(found, expected) {
            return fits;
        }
        let fits = self.find_fits(found, expected, wanted);
        self.recent.note_fits(found, expected, fits);
        fits
    }

    fn find_fits(&mut self, found: ValueType, expected: TypeId, wanted: &Atom) -> bool {
        if let Some(fits) = self.fits.get(&(found, expected)) {
            return *fits;
        }
        let wanted = types::renamed(wanted);
        let fits = self.known(found).right().any(|actual| {
            let mut bindings = Bindings::new();
            types::match_types(&wanted, &types::renamed(actual), &mut bindings)
        });
        self.fits.insert((found, expected), fits);
        fits
    }

    /// Whether values of two types may be of one, that says what one of them leaves open.
    pub(super) fn are_alike(&self, one: ValueType, other: ValueType) -> bool {
        let (a, b) = (self.known(one), self.known(other));
        let is_told = |known: &Known| {
            known.kind == KnownKind::One
                && !types::is_undefined(&known.atom)
                && !types::is_meta_type(&known.atom)
        };
        if one == other || !is_told(a) || !is_told(b) {
            return one == other;
        }
        let mut bindings = Bindings::new();
        let (a, b) = (types::renamed(&a.atom), types::renamed(&b.atom));
        types::match_types(&a, &b, &mut bindings)
    }

    /// The same, looked up.
    pub(super) fn are_known_alike(&mut self, one: ValueType, other: ValueType) -> bool {
        if let Some(known) = self.alike.get(&(one, other)) {
            return *known;
        }
        let are_alike = self.are_alike(one, other);
        self.alike.insert((one, other), are_alike);
        are_alike
    }

    /// Whether it is the type `Atom`.
    pub(super) fn is_atom(&self, found: ValueType) -> bool {
        self.known(found).atom.is_symbol(&known().atom)
    }

    /// Whether it is the type of functions.
    pub(super) fn is_function(&self, found: ValueType) -> bool {
        self.known(found).right().any(types::is_function)
    }

    /// Whether expecting a value to be of a type adds nothing to what its own says.
    pub(super) fn says_no_more(&self, expected: &Atom, found: ValueType) -> bool {
        let known = self.known(found);
        types::is_undefined(expected)
            || (known.only()).is_some_and(|only| match known.kind {
                KnownKind::Partly(_) => named_by_place(expected) == named_by_place(only),
                _ => known.kind == KnownKind::One && named_by_place(expected) == *only,
            })
    }
}

/// Whether it is a type of functions that have all their arguments evaluated, and their results.
pub(super) fn evaluates_all(found: &Atom) -> bool {
    let parts = found.as_expression().unwrap_or_default();
    types::is_function(found) && !parts[1..].iter().any(is_vague)
}

fn is_vague(part: &Atom) -> bool {
    types::is_meta_type(part) || types::is_undefined(part)
}
