//! Code: what rules are compiled to.
//!
//! An instruction names places in the frame of its call (`u16`), places in the
//! tables of constants, or places in the code. Operand lists stand apart.

mod operand;

use crate::fast::choice::Gathers;
pub(super) use operand::{
    Arithmetic, AtomKind, Change, Changed, Comparison, Gives, Logic, Of, Operand, Operands, Quick,
    QuickKind, Watched,
};

/// A place in the code.
pub(super) type Pc = u32;
/// A place in a frame.
pub(super) type Slot = u16;
/// No frame has more slots.
pub(super) const SLOTS: usize = 1 << 12;
/// A type that a value is evaluated with, by its number in the machine's table.
pub(super) type TypeId = u16;

/// The type that every value has.
pub(super) const ANY: TypeId = 0;
/// The type of numbers.
pub(super) const NUMBER: TypeId = 1;
/// The type of truth values.
pub(super) const BOOL: TypeId = 2;
/// No type: what one step of a call gives, which is not evaluated.
pub(super) const STEP: TypeId = 3;
/// No type: what steps within `function` give from a call on, until it returns or code cannot go on.
pub(super) const STEPS: TypeId = 4;

/// Whether it is no type, but that instructions are gone through.
pub(super) const fn is_step(expected: TypeId) -> bool {
    matches!(expected, STEP | STEPS)
}

/// Code that is always there.
pub(super) const FAIL: Pc = 0;
pub(super) const FINISH: Pc = 1;
pub(super) const RETURN: Pc = 2;
pub(super) const CLOSE: Pc = 3;
pub(super) const RETURN_ANY: Pc = 4;
pub(super) const ELEMENT: Pc = 5;
pub(super) const ELEMENT_TAKEN: Pc = 6;
pub(super) const ANSWER: Pc = 7;

const _: () = assert!(size_of::<Instruction>() == 16);

/// No symbol has this number.
pub(super) const NO_NAME: u32 = u32::MAX;

/// How many slots one instruction looks at.
pub(super) const IF_PLAIN: usize = 4;
/// A slot that has to hold data.
pub(super) const IF_DATA: Slot = 1 << 15;

/// One instruction. `odd` is where to go on when the arguments are not what the
/// instruction is for; `on_fail` where to go when terms do not unify.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Instruction {
    /// Ends the branch.
    Fail,
    /// Ends the attempt to apply a rule: the next one, or the call is data.
    HeadFail {
        function: u32,
    },
    /// Keeps a result of the whole evaluation and goes back for more.
    Finish,
    /// Picks the rules that a call may match.
    Select {
        function: u32,
    },
    /// Goes on by what stands at one place of a call's arguments.
    Switch {
        switch: u32,
    },
    /// If a slot holds an expression of so many elements of which the first is the name, takes
    /// the others into slots from `elements` on and goes on at `to`; else with the next
    /// instruction, a switch that is for all.
    TakeCall {
        arity: u8,
        slot: Slot,
        elements: Slot,
        name: u32,
        to: Pc,
    },
    /// No rule is for the call.
    NoRule {
        function: u32,
    },
    /// Goes on at each of some rules: operands are the function, how many there are,
    /// and where they begin. So many slots are kept for them: the arguments, and from
    /// `elements` on, unless that is no slot, what the switch before has taken apart.
    Chain {
        rules: Operands,
        elements: Slot,
        kept: Slot,
    },
    /// As `Chain`, of rules of which the first begins with unifying.
    ChainUnify {
        rules: Operands,
        elements: Slot,
        kept: Slot,
    },
    /// Notes that a rule's head matched.
    Neck,
    /// Takes the results of a call from its table. If that is not filled yet, what is called begins
    /// there.
    Table {
        function: u32,
        to: Pc,
    },
    /// Keeps a result in the table that is being filled and goes back for more.
    Answer,

    /// Records what was used on the way here, by its number in the table.
    Record {
        used: u32,
    },
    /// As `Record` and `Return` after it.
    RecordReturn {
        slot: Slot,
        used: u32,
    },

    /// Tells whoever watches: in code that was made for that only.
    Watch {
        /// Its number in the table.
        what: u32,
        to: Pc,
    },

    Move {
        to: Slot,
        from: Slot,
    },
    Constant {
        to: Slot,
        index: u32,
    },
    /// Puts an atom of the table on the heap, with variables of its own.
    Import {
        to: Slot,
        index: u32,
    },
    /// An atom as it stands, with its variables' values, for ways that are seldom taken.
    Instantiate {
        to: Slot,
        template: u32,
    },
    /// A fresh variable.
    Variable {
        to: Slot,
    },
    /// Whether a slot stands for nothing yet.
    IsUnbound {
        to: Slot,
        from: Slot,
    },
    /// An expression as it stands.
    Build {
        to: Slot,
        operands: Operands,
    },
    /// The same of an expression with others in it, copied from the table of blocks.
    BuildBlock {
        to: Slot,
        block: u32,
    },
    /// An expression as it stands, which is noted to be data if its elements are and
    /// no rule is for the function, or its head is no symbol.
    BuildNoted {
        to: Slot,
        operands: Operands,
        function: u32,
    },
    /// A function without a name: a result, whatever is in it.
    BuildResult {
        to: Slot,
        operands: Operands,
    },
    /// As `BuildNoted`, of at most three elements in slots, to which the name of `function`
    /// comes first, if it is one.
    MakeNoted {
        to: Slot,
        function: u32,
        slots: [Slot; 3],
        count: u8,
    },
    /// As `MakeNoted`; what that evaluates to is returned, as by `EvaluateLast`.
    ReturnNoted {
        function: u32,
        slots: [Slot; 3],
        count: u8,
        part: bool,
    },
    /// An expression of evaluated elements: data if no rule is for it, else a call,
    /// whose result the next instruction takes.
    BuildOrCall {
        to: Slot,
        operands: Operands,
        function: u32,
        size: Slot,
    },
    /// As `BuildOrCall`, of at most three elements after the name, which slots hold.
    MakeOrCall {
        to: Slot,
        function: u32,
        slots: [Slot; 3],
        size: Slot,
        /// Whether data is returned at once.
        last: bool,
    },
    /// As `MakeOrCall`, if the elements are what they have to be and no rule is for it: then
    /// it goes on so many instructions on.
    TryMake {
        to: Slot,
        function: u32,
        arguments: [Quick; 3],
        skip: u8,
    },
    /// An expression whose head no rule is for and whose elements are evaluated.
    BuildData {
        to: Slot,
        operands: Operands,
    },

    /// Makes data of a function's name, at most two elements and a last one that the rest
    /// of the code returns: see `machine/grow.rs`. `odd` makes it in the usual order.
    Grow {
        function: u32,
        slots: [Slot; 2],
        count: u8,
        size: Slot,
        odd: Pc,
    },
    /// Behind `Grow`, before a call of the rule's function: makes what follows for as long as
    /// `rest` holds data of the shape of the argument that it was taken from. The rule's code
    /// for such an argument begins so many instructions back; `typed` where it looks at types.
    /// See `machine/along.rs`.
    GrowAlong {
        called: u32,
        argument: Slot,
        rest: Slot,
        back: u8,
        typed: bool,
    },
    /// Puts a result into the last place of what `Grow` made, and returns that.
    Close,

    MatchConstant {
        slot: Slot,
        index: u32,
        on_fail: Pc,
    },
    /// Takes an expression apart into slots from `to` on; of a variable makes one.
    MatchExpression {
        slot: Slot,
        to: Slot,
        arity: u16,
        on_fail: Pc,
    },
    /// Takes apart an expression whose head is the symbol: its arguments go into slots
    /// from `to` on. Of a variable makes one.
    MatchCall {
        slot: Slot,
        to: Slot,
        arity: u16,
        head: u32,
        on_fail: Pc,
    },
    /// The elements, from `skip` on, of what is known to be an expression.
    Unpack {
        slot: Slot,
        to: Slot,
        skip: u16,
    },
    Unify {
        left: Slot,
        right: Slot,
        on_fail: Pc,
    },
    /// Begins a unification that may be taken back; keeps where the trail was.
    Try {
        keep: Slot,
    },
    /// Takes back what was bound since `Try`.
    Undo {
        keep: Slot,
    },
    /// Ends a unification that holds.
    Keep,

    /// Evaluates what a slot holds. If it evaluates to itself the next instruction
    /// is passed over, else that one takes the result.
    Evaluate {
        to: Slot,
        from: Slot,
        expected: TypeId,
        /// Whether it is a part of an expression: a result stays one there.
        part: bool,
        of: Of,
        size: Slot,
    },
    /// As `Evaluate`, of the type that a slot tells.
    EvaluateAs {
        to: Slot,
        from: Slot,
        expected: Slot,
        part: bool,
        size: Slot,
    },
    /// Evaluates what a slot holds and returns that.
    EvaluateLast {
        from: Slot,
        expected: TypeId,
        /// Whether a result stays one, though variables in it may be bound by now.
        part: bool,
        of: Of,
    },
    /// Goes on at `odd` unless all that the slots hold plainly evaluates to itself.
    /// Slots with [`IF_DATA`] have to hold data whose elements do, too.
    IfPlain {
        slots: [Slot; IF_PLAIN],
        count: u8,
        odd: Pc,
    },
    /// Goes on at `odd` unless what so many slots hold stays as it is as an element of data and,
    /// if `count` is not zero, the first heads no expression of so many elements that is called.
    IfElements {
        slots: [Slot; IF_PLAIN],
        looked: u8,
        count: u8,
        odd: Pc,
    },
    /// Goes on at `odd` unless what each slot holds plainly evaluates to itself and is of
    /// its type; a number has to be a small integer.
    IfTyped {
        slots: [Slot; 2],
        types: [TypeId; 2],
        count: u8,
        odd: Pc,
    },
    /// Before `IfMet`: passes over so many instructions if slots hold small integers, else over `odd`.
    IfIntegers {
        slots: [Slot; 4],
        met: u8,
        odd: u8,
    },
    /// The same, if what one or two slots hold is what it is most often.
    IfMostlyMet {
        pair: u32,
        is_one: bool,
        met: u8,
        odd: u8,
    },
    /// Goes on at `odd` unless values of slots are of the types that they were met with.
    IfMet {
        tests: u32,
        odd: Pc,
    },
    /// Behind `IfMet`: goes on at `odd` unless the slots that hold values of families are of these.
    IfFamilies {
        tests: u32,
        odd: Pc,
    },
    /// Notes that a body is entered, so that the types of its variables are looked at.
    Meet {
        meeting: u32,
    },
    /// If what a slot holds plainly evaluates to itself, takes it and goes on there.
    TakeSettled {
        to: Slot,
        from: Slot,
        settled: Pc,
    },
    /// Evaluates by the plain evaluator; the next instruction takes the result.
    Plain {
        from: Slot,
        expected: TypeId,
        size: Slot,
    },
    /// As `Plain`, of what was made of a template. Where what a variable of that stands for is yet
    /// to be evaluated, code for such an expression is made and run.
    PlainOf {
        from: Slot,
        template: u32,
        expected: TypeId,
        size: Slot,
    },
    /// As `Plain`, with the type that a slot tells.
    PlainAs {
        from: Slot,
        expected: Slot,
        size: Slot,
    },
    /// Makes a call by the plain evaluator; its arguments are as they should be. Where no rule is for
    /// it, what is a call since its elements were evaluated (`changed`) may be looked at again.
    PlainCall {
        from: Slot,
        expected: TypeId,
        changed: Changed,
        size: Slot,
    },
    /// Goes on with what a rule gave for a call by the plain evaluator; a slot holds the pair.
    PlainRule {
        from: Slot,
        expected: TypeId,
        size: Slot,
        gives: Gives,
    },
    /// Makes one step of what a slot holds; what it gives, which is not evaluated, the next
    /// instruction takes.
    Step {
        from: Slot,
        size: Slot,
    },
    /// To the odd way where one step gave nothing to go on with: the call was not reducible, or
    /// ended; also, if it `runs`, where it gave an instruction.
    CheckStepped {
        slot: Slot,
        runs: bool,
        odd: Pc,
    },
    /// Makes what a slot holds the result that the next instruction takes.
    Offer {
        from: Slot,
    },
    /// As `Offer`, of a rule's result that is not evaluated; `(function …)` runs on all the same.
    OfferResult {
        from: Slot,
        size: Slot,
    },
    /// Takes a result; an error goes to the handler.
    Take {
        to: Slot,
        on_error: Pc,
    },
    /// As `Take` and `JumpUnless` after it.
    TakeTruth {
        to: Slot,
        on_error: Pc,
        no: Pc,
    },
    /// As `Take`, before an instruction that takes apart what the slot holds, into slots from
    /// `elements` on, which nothing else uses but to see that it is data. So data that is returned
    /// as it is made, with as many elements and this name in front of them, if it is none of
    /// [`NO_NAME`], need not be made.
    TakeElements {
        to: Slot,
        elements: Slot,
        on_error: Pc,
        name: u32,
        arity: u8,
    },
    /// Takes a result, whatever it is.
    TakeAny {
        to: Slot,
    },
    CheckType {
        slot: Slot,
        expected: TypeId,
        odd: Pc,
    },
    /// Checks that a value is an atom of a kind.
    CheckKind {
        slot: Slot,
        kind: AtomKind,
        odd: Pc,
    },
    /// Checks that two values may have the same type; `evaluated` if they were evaluated for the
    /// call, so that a tuple is of any type, whatever is in it; `alike` if one may leave open what
    /// the other says.
    CheckSame {
        left: Slot,
        right: Slot,
        evaluated: bool,
        alike: bool,
        odd: Pc,
    },

    AddSmall {
        to: Slot,
        left: Slot,
        right: i32,
        odd: Pc,
    },
    Add {
        to: Slot,
        left: Slot,
        right: Slot,
        odd: Pc,
    },
    Subtract {
        to: Slot,
        left: Slot,
        right: Slot,
        odd: Pc,
    },
    Compute {
        operation: Arithmetic,
        to: Slot,
        left: Slot,
        right: Slot,
        odd: Pc,
    },
    /// As `Compute`, where the right one is a small integer.
    ComputeSmall {
        operation: Arithmetic,
        to: Slot,
        left: Slot,
        right: i32,
        odd: Pc,
    },
    Compare {
        operation: Comparison,
        to: Slot,
        left: Slot,
        right: Slot,
        odd: Pc,
    },
    JumpUnlessCompare {
        operation: Comparison,
        left: Slot,
        right: Slot,
        to: Pc,
        odd: Pc,
    },
    JumpUnlessCompareSmall {
        operation: Comparison,
        left: Slot,
        right: i16,
        to: Pc,
        odd: Pc,
    },
    /// Goes on there unless the slot holds this number.
    JumpUnlessInteger {
        slot: Slot,
        value: i32,
        to: Pc,
        odd: Pc,
    },
    /// Goes on there unless one number is the sum, or the difference, of two others.
    JumpUnlessSum {
        minus: bool,
        whole: Slot,
        left: Slot,
        right: Slot,
        to: Pc,
        odd: Pc,
    },
    /// Goes on at `same` or `other` by whether two plain values are the same; with the next
    /// instruction if one is none, or they have no type in common.
    TrySame {
        left: Slot,
        right: Slot,
        same: Pc,
        other: Pc,
    },
    /// Whether two plain values are the same; `odd` as for `TrySame`.
    Same {
        to: Slot,
        left: Slot,
        right: Slot,
        odd: Pc,
    },
    /// Goes on there unless both are the same number; `odd` if one is none.
    JumpUnlessSame {
        left: Slot,
        right: Slot,
        to: Pc,
        odd: Pc,
    },
    Equal {
        to: Slot,
        left: Slot,
        right: Slot,
    },
    Logic {
        operation: Logic,
        to: Slot,
        left: Slot,
        right: Slot,
        odd: Pc,
    },
    Not {
        to: Slot,
        from: Slot,
        odd: Pc,
    },
    Jump {
        to: Pc,
    },
    /// Goes on there unless the slot holds the constant: a symbol without a type, a
    /// number, a truth value or `()`.
    JumpUnlessConstant {
        slot: Slot,
        index: u32,
        to: Pc,
        odd: Pc,
    },
    /// Goes on there unless one of both holds a space, which stands for what is in it.
    UnlessSpace {
        slot: Slot,
        other: Slot,
        to: Pc,
        odd: Pc,
    },
    /// Goes on there unless the slot holds `True`.
    JumpUnless {
        slot: Slot,
        to: Pc,
        odd: Pc,
    },

    Call {
        function: u32,
        operands: Operands,
        size: Slot,
    },
    /// A call inside an expression that began when the choices were as `mark` says.
    CallMarked {
        function: u32,
        operands: Operands,
        size: Slot,
        mark: Slot,
    },
    /// A call of at most three arguments, which slots hold; further slots are passed over.
    /// `mark` is as in `CallMarked`, if there is one.
    CallSlots {
        function: u32,
        slots: [Slot; 3],
        size: Slot,
        mark: Slot,
    },
    /// As `CallSlots`, if the arguments are what they have to be and nothing else is to be
    /// done: then it returns to where `CallSlots` after it, so many instructions on, does.
    TryCall {
        function: u32,
        arguments: [Quick; 3],
        size: Slot,
        mark: Slot,
        skip: u8,
    },
    /// As `CallSlotsLast`, if the arguments are what they have to be.
    TryCallLast {
        function: u32,
        arguments: [Quick; 3],
    },
    CallLast {
        function: u32,
        operands: Operands,
    },
    /// A call of four arguments, which slots hold.
    CallFour {
        function: u32,
        slots: [Slot; 4],
        size: Slot,
    },
    CallFourLast {
        function: u32,
        slots: [Slot; 4],
    },
    /// A last call of at most three arguments, which slots hold.
    CallSlotsLast {
        function: u32,
        slots: [Slot; 3],
    },
    /// A last call without arguments, as of `empty`.
    CallLastBare {
        function: u32,
        operands: Operands,
    },
    /// Calls an operation of the host; the next instruction takes the result.
    /// `stuck` is for a call that the operation is not defined for.
    Operate {
        operation: u32,
        operands: Operands,
        size: Slot,
        stuck: Pc,
        /// Whether what the operands were as written comes after them, and then what each was: a
        /// variable that stood for nothing, a call that is a result only where it is stuck, or neither.
        /// Where evaluating changed none a call that is data is a result that stays one.
        as_written: bool,
    },
    Return {
        slot: Slot,
    },
    ReturnConstant {
        index: u32,
    },
    /// As `ReturnConstant`, of a constant that is a number, a name or a truth value and ends
    /// no evaluation: this word.
    ReturnLeaf {
        index: u32,
        word: u64,
    },
    /// Returns what was taken last.
    ReturnResult,
    /// Returns the result as it is, an error and `Empty` like any other: what one step gives.
    ReturnAny,
    /// Evaluates the element at hand of a list of results and calls: see
    /// [`elements`](crate::fast::machine::elements).
    EvaluateElement,
    /// Puts what it was evaluated to into the list, and goes on to the next, or returns the list.
    TakeElement,

    /// Notes how many choices there are.
    Mark {
        to: Slot,
    },
    /// An expression that began at `mark` has a result.
    Exit {
        mark: Slot,
    },
    /// It has an error: set aside while it may still have another result.
    ErrorAt {
        mark: Slot,
    },

    /// Gathers the results of what follows up to `GatherAdd`; `done` takes them.
    Gather {
        done: Pc,
        size: Slot,
    },
    /// Keeps a result, or `()` for each where only how many there are is used, unless the name
    /// `Error` makes what is gathered an error.
    GatherAdd {
        slot: Slot,
        what: Gathers,
    },
    /// Begins a `case`: without a result of what follows goes on at `empty`.
    CaseOpen {
        keep: Slot,
        empty: Pc,
        size: Slot,
    },
    CaseAny {
        keep: Slot,
    },
    /// Ends what was begun by `CaseOpen`, whatever is left to choose: all is as it was then.
    Found {
        keep: Slot,
    },
    /// Ends it with the value in the slot, unless that is none: what it bound stays so.
    Only {
        keep: Slot,
        slot: Slot,
    },
    /// Goes on at each of the operands, which are places in the code.
    Alternatives {
        operands: Operands,
        size: Slot,
    },
    /// Each element of an expression; the next instruction takes it.
    Elements {
        from: Slot,
        size: Slot,
        odd: Pc,
    },
    /// Goes on at the code that was made of the facts that a pattern is for, if they are still
    /// the same.
    IfFacts {
        facts: u32,
        to: Pc,
        odd: Pc,
    },
    /// Goes on at `odd` unless rules that the code has in itself are still what they were.
    IfRules {
        rules: u32,
        odd: Pc,
    },
    /// Goes on at `odd` if types have changed since the code was made.
    IfTypes {
        since: u32,
        odd: Pc,
    },
    /// Goes on with each answer of a space to a compiled pattern, whose slots are written
    /// each time.
    Query {
        space: Slot,
        pattern: u32,
        size: Slot,
        odd: Pc,
    },
    /// Each solution of a query: of one pattern, or of all in `(, …)`.
    Match {
        space: Slot,
        pattern: Slot,
        size: Slot,
        odd: Pc,
    },

    /// Checks that no variable is in a value, nor that it is `Empty` or an error.
    CheckGround {
        slot: Slot,
        odd: Pc,
    },
    /// Checks that an expression, by its tree, has a type and may be used as another.
    /// It is taken to have if the slot `head`, unless that is `Slot::MAX`, holds the name of
    /// something without types.
    CheckTree {
        tree: u32,
        expected: TypeId,
        head: Slot,
        odd: Pc,
    },
    /// Checks that an expression is of the type of a value, or of any if that is a result of none.
    CheckTreeOf {
        tree: u32,
        slot: Slot,
        odd: Pc,
    },
    /// Forgets of data that it is a result where its type is not plain to see: evaluated again it may be
    /// an error.
    Retype {
        slot: Slot,
    },
    /// For the first element of a list: checks that its template has the type of a value.
    CheckFirst {
        tree: u32,
        odd: Pc,
    },
    /// Looks at the types of a call's arguments: the function for what its result is.
    Decide {
        to: Slot,
        site: u32,
        odd: Pc,
    },
    /// Calls the function whose number a slot holds; `mark` as in `CallMarked`.
    CallDecided {
        function: Slot,
        operands: Operands,
        size: Slot,
        mark: Slot,
    },
    CallDecidedLast {
        function: Slot,
        operands: Operands,
    },
    /// The function for a call of so many arguments whose head a slot holds, if that is
    /// the name of something without types.
    Applied {
        to: Slot,
        head: Slot,
        count: u8,
        expected: TypeId,
        odd: Pc,
    },
    /// As `Applied`, for results of the type that a slot tells.
    AppliedAs {
        to: Slot,
        head: Slot,
        count: u8,
        expected: Slot,
        odd: Pc,
    },
    /// Goes on at `odd` if the slot tells a type that is expected.
    IfUntold {
        slot: Slot,
        odd: Pc,
    },
    /// Goes on at `odd` unless the slot says that there is more to tell.
    IfFurther {
        slot: Slot,
        odd: Pc,
    },
    /// As `CallDecided`, of at most three arguments, which slots hold.
    CallApplied {
        function: Slot,
        slots: [Slot; 3],
        count: u8,
        size: Slot,
        mark: Slot,
    },
    CallAppliedLast {
        function: Slot,
        slots: [Slot; 3],
        count: u8,
    },
    /// As `TryCall`, of the function that `Applied` finds, if that was found lately; then it
    /// returns to where `CallApplied` after it does.
    TryApply {
        head: Slot,
        count: u8,
        expected: u8,
        arguments: [Quick; 3],
        size: Slot,
        mark: Slot,
        skip: u8,
    },
    /// `odd` is for a head that is no name.
    TryApplyLast {
        head: Slot,
        count: u8,
        expected: u8,
        arguments: [Quick; 3],
        odd: Pc,
    },
    /// Begins to go through a list, with code and a frame of its own: a list, the
    /// place of the next element, what there is so far, and what is used of outside.
    /// `mark` is as in `CallMarked`, if there is one.
    Walk {
        to: Pc,
        operands: Operands,
        size: Slot,
        frame: Slot,
        mark: Slot,
    },
    /// The next element, and its place in the slot after; `done` if there is none.
    /// `odd` if it, or what it is folded into, ends an evaluation where it is a value.
    Item {
        to: Slot,
        folding: bool,
        done: Pc,
        odd: Pc,
    },
    /// Goes on with the next element; `count` slots are kept.
    Again {
        to: Pc,
        next: Slot,
        so_far: Slot,
        count: Slot,
        frame: Slot,
    },
    /// What there is so far, and one more.
    Push {
        to: Slot,
        so_far: Slot,
        value: Slot,
    },
    /// The list of what was pushed; goes on at `odd` if it may be a call.
    List {
        to: Slot,
        from: Slot,
        odd: Pc,
    },
    /// The error of a condition that is no truth value.
    NoTruth {
        call: Slot,
        value: Slot,
    },

    /// A list with one more element before it; `odd` if that makes an error.
    Cons {
        to: Slot,
        first: Slot,
        rest: Slot,
        odd: Pc,
    },
    /// The first element of a list and the list of the others, as a pair.
    Decons {
        to: Slot,
        from: Slot,
        odd: Pc,
    },
    /// What is in a state.
    GetState {
        to: Slot,
        from: Slot,
        odd: Pc,
    },
    /// Puts something else into a state.
    ChangeState {
        to: Slot,
        state: Slot,
        value: Slot,
        odd: Pc,
    },
    /// Adds a ground atom to a space, or removes it.
    ChangeSpace {
        change: Change,
        to: Slot,
        space: Slot,
        atom: Slot,
        odd: Pc,
    },

    First {
        to: Slot,
        from: Slot,
        odd: Pc,
    },
    Rest {
        to: Slot,
        from: Slot,
        odd: Pc,
    },
    SizeAtom {
        to: Slot,
        from: Slot,
        odd: Pc,
    },
    UnionAtom {
        to: Slot,
        left: Slot,
        right: Slot,
        odd: Pc,
    },
    IndexAtom {
        to: Slot,
        from: Slot,
        index: Slot,
        odd: Pc,
    },
}
