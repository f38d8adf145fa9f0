//! Each instruction in words.

use super::Words;
use crate::fast::applied::Applied;
use crate::fast::code::{
    ANY, Arithmetic, AtomKind, Change, Changed, Comparison, IF_DATA, Instruction, Logic, Operands,
    Pc, Slot, TypeId, Watched,
};
use crate::fast::function::Function;

fn arithmetic(operation: Arithmetic) -> &'static str {
    match operation {
        Arithmetic::Add => "+",
        Arithmetic::Subtract => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Remainder => "%",
    }
}

fn comparison(operation: Comparison) -> &'static str {
    match operation {
        Comparison::Less => "<",
        Comparison::Greater => ">",
        Comparison::LessEqual => "<=",
        Comparison::GreaterEqual => ">=",
    }
}

fn logic(operation: Logic) -> &'static str {
    match operation {
        Logic::And => "and",
        Logic::Or => "or",
        Logic::Xor => "xor",
    }
}

/// An instruction of a rule, in words.
pub(super) fn words(rule: &Words<'_>, instruction: Instruction) -> String {
    use Instruction as I;
    let slot = |slot: Slot| rule.slot(slot);
    let place = |pc: Pc| rule.place(pc);
    let list = |operands: Operands| rule.operands(operands);
    // The type that every value has is not told.
    let wanted = |expected: TypeId| match expected {
        ANY => String::new(),
        _ => format!(" as {}", rule.program().types[usize::from(expected)]),
    };
    // Where it goes on with arguments that it is not for.
    let odd = |odd: Pc| format!("; for others {}", rule.place(odd));
    // The elements of an expression, of which the name of a function may be the first.
    let noted = |function: u32, slots: &[Slot]| {
        let mut words: Vec<String> = slots.iter().map(|element| slot(*element)).collect();
        if function != Function::NONE {
            words.insert(0, rule.function(function));
        }
        words.join(" ")
    };
    match instruction {
        I::Fail => "fail".to_owned(),
        I::HeadFail { .. } => "the head does not match".to_owned(),
        I::Finish => "keep a result".to_owned(),
        I::Select { .. } => "try the rules one by one, as far as they may match".to_owned(),
        I::Table { .. } => "take the results from the table; fill it first".to_owned(),
        I::Answer => "keep the result in the table".to_owned(),
        I::Switch { switch } => rule.switch(switch),
        I::TakeCall {
            arity,
            slot: from,
            elements,
            name,
            to,
        } => format!(
            "if {} is {}, {} and on := its elements and go to {}",
            slot(from),
            rule.shape(name, usize::from(arity)),
            slot(elements),
            place(to)
        ),
        I::NoRule { .. } => "the call is data".to_owned(),
        I::Chain { rules, .. } | I::ChainUnify { rules, .. } => {
            let places: Vec<String> = rule.chain(rules).into_iter().map(place).collect();
            format!("try {}", places.join(", then "))
        }
        I::Neck => "the head matches".to_owned(),
        I::Record { used } | I::RecordReturn { used, .. } => format!("record {}", rule.used(used)),
        I::Watch { what, .. } => match rule.program().watched(what) {
            Watched::Call | Watched::Expression => "tell of a call".to_owned(),
            Watched::Rule { .. } => "tell of the rule".to_owned(),
            Watched::Exit(_) | Watched::ExitResult => "tell of the result".to_owned(),
            Watched::Last => "tell of a last call".to_owned(),
        },
        I::Move { to, from } => format!("{} := {}", slot(to), slot(from)),
        I::Constant { to, index } => format!("{} := {}", slot(to), rule.constant(index)),
        I::Import { to, index } => {
            let atom = &rule.program().atoms[index as usize];
            format!("{} := {atom}", slot(to))
        }
        I::Instantiate { to, template } => {
            let atom = &rule.program().templates[template as usize].atom;
            format!("{} := {atom}, as it stands", slot(to))
        }
        I::Variable { to } => format!("{} := a new variable", slot(to)),
        I::IsUnbound { to, from } => {
            format!("{} := whether {} is a variable", slot(to), slot(from))
        }
        I::Build { to, operands } => format!("{} := ({}), as it stands", slot(to), list(operands)),
        I::BuildBlock { to, block } => {
            let atom = &rule.program().blocks[block as usize].atom;
            format!("{} := {atom}, as it stands", slot(to))
        }
        I::BuildNoted { to, operands, .. } => {
            format!(
                "{} := ({}), data if its elements are",
                slot(to),
                list(operands)
            )
        }
        I::BuildResult { to, operands } => format!("{} := ({})", slot(to), list(operands)),
        I::MakeNoted {
            to,
            function,
            slots,
            count,
        } => {
            let made = noted(function, &slots[..usize::from(count)]);
            format!("{} := ({made}), data if its elements are", slot(to))
        }
        I::ReturnNoted {
            function,
            slots,
            count,
            ..
        } => {
            let made = noted(function, &slots[..usize::from(count)]);
            format!("evaluate ({made}), which is data if its elements are, and return that")
        }
        I::BuildData { to, operands } => format!("{} := ({}), data", slot(to), list(operands)),
        I::BuildOrCall { to, operands, .. } => {
            let whole = list(operands);
            format!(
                "{} := ({whole}), data unless there are rules by then",
                slot(to)
            )
        }
        I::MakeOrCall {
            to,
            function,
            slots,
            last,
            ..
        } => {
            let (function, arguments) = rule.call(function, slots);
            let data = if last {
                "data, which is returned,"
            } else {
                "data"
            };
            format!(
                "{} := ({function} {arguments}), {data} unless there are rules by then",
                slot(to)
            )
        }
        I::Grow {
            function,
            slots,
            count,
            odd: other,
            ..
        } => {
            let made = noted(function, &slots[..usize::from(count)]);
            format!(
                "return ({made} …), its last element being what follows{}",
                odd(other)
            )
        }
        I::GrowAlong { argument, rest, .. } => format!(
            "the same at once of {}, while that is data like argument {}",
            slot(rest),
            argument + 1
        ),
        I::Close => "put the result into the last place".to_owned(),
        I::MatchConstant {
            slot: value,
            index,
            on_fail,
        } => format!(
            "match {} with {}, else {}",
            slot(value),
            rule.constant(index),
            place(on_fail)
        ),
        I::MatchExpression {
            slot: value,
            to,
            arity,
            on_fail,
        } => {
            let parts: Vec<String> = (0..arity).map(|part| slot(to + part)).collect();
            format!(
                "match {} with ({}), else {}",
                slot(value),
                parts.join(" "),
                place(on_fail)
            )
        }
        I::MatchCall {
            slot: value,
            to,
            arity,
            head,
            on_fail,
        } => {
            let parts: Vec<String> = (0..arity.saturating_sub(1))
                .map(|part| slot(to + part))
                .collect();
            format!(
                "match {} with ({} {}), else {}",
                slot(value),
                rule.constant(head),
                parts.join(" "),
                place(on_fail)
            )
        }
        I::Unpack {
            slot: value,
            to,
            skip,
        } => format!(
            "{} and on := the elements of {} from number {skip} on",
            slot(to),
            slot(value)
        ),
        I::Unify {
            left,
            right,
            on_fail,
        } => format!(
            "unify {} with {}, else {}",
            slot(left),
            slot(right),
            place(on_fail)
        ),
        I::Try { .. } => "begin a unification that may be taken back".to_owned(),
        I::Undo { .. } => "take the unification back".to_owned(),
        I::Keep => "keep the unification".to_owned(),
        I::Evaluate {
            from, expected, to, ..
        } => format!(
            "evaluate {}{}; if it is its own value, {} := it and pass over the next",
            slot(from),
            wanted(expected),
            slot(to)
        ),
        I::EvaluateLast { from, expected, .. } => {
            format!(
                "evaluate {}{} and return that",
                slot(from),
                wanted(expected)
            )
        }
        I::TakeSettled { to, from, settled } => format!(
            "if {} is plainly its own value, {} := it and go to {}",
            slot(from),
            slot(to),
            place(settled)
        ),
        I::Plain { from, expected, .. } => format!(
            "evaluate {}{} by the plain evaluator",
            slot(from),
            wanted(expected)
        ),
        I::PlainOf { from, expected, .. } => format!(
            "evaluate {}{} by the plain evaluator, or by code if something in it is to be evaluated",
            slot(from),
            wanted(expected)
        ),
        I::EvaluateAs {
            to, from, expected, ..
        } => format!(
            "evaluate {} as {} tells; if it is its own value it is the result for {}",
            slot(from),
            slot(expected),
            slot(to)
        ),
        I::PlainAs { from, expected, .. } => format!(
            "evaluate {} as {} tells by the plain evaluator",
            slot(from),
            slot(expected)
        ),
        I::PlainCall {
            from,
            changed: Changed::No,
            ..
        } => format!("call {} by the plain evaluator", slot(from)),
        I::PlainCall {
            from,
            changed: Changed::Yes,
            ..
        } => format!("call what {} has become by the plain evaluator", slot(from)),
        I::PlainCall {
            from,
            changed: Changed::IfBound { open },
            ..
        } => format!(
            "call {} by the plain evaluator, as what it has become if {} tells that its first argument \
             was a variable and it is none now",
            slot(from),
            slot(open)
        ),
        I::PlainRule { from, .. } => format!(
            "go on with the second of {} by the plain evaluator, given for the first",
            slot(from)
        ),
        I::Step { from, .. } => format!("make one step of {}", slot(from)),
        I::CheckStepped {
            slot: of,
            runs,
            odd: other,
        } => format!(
            "{} is something {}to go on with{}",
            slot(of),
            if runs { "but an instruction " } else { "" },
            odd(other)
        ),
        I::ReturnAny => "return the result, whatever it is".to_owned(),
        I::EvaluateElement => "evaluate the next element that is a call".to_owned(),
        I::TakeElement => "put the result into its place in the list".to_owned(),
        I::Take { to, on_error }
        | I::TakeTruth { to, on_error, .. }
        | I::TakeElements { to, on_error, .. } => {
            format!(
                "{} := the result; an error goes to {}",
                slot(to),
                place(on_error)
            )
        }
        I::Offer { from } => format!("the result := {}", slot(from)),
        I::OfferResult { from, .. } => {
            format!(
                "the result := {}, or what it returns if it is a function's body",
                slot(from)
            )
        }
        I::TakeAny { to } => format!("{} := the result", slot(to)),
        I::CheckType {
            slot: value,
            expected,
            odd: other,
        } => format!(
            "check that {}{} fits{}",
            slot(value),
            wanted(expected),
            odd(other)
        ),
        I::CheckKind {
            slot: value,
            kind,
            odd: other,
        } => {
            let kind = match kind {
                AtomKind::Expression => "an expression",
                AtomKind::Symbol => "a symbol",
                AtomKind::Grounded => "a value of the host",
                AtomKind::Variable => "a variable",
                AtomKind::NoName => "data, or a value of the host but an operation",
                AtomKind::Lambda => "a function without a name",
                AtomKind::Called => "what may head a call of a call",
                AtomKind::Own => "its own value",
                AtomKind::Argument => "evaluated as an argument",
                AtomKind::BoundArgument => "no variable, and evaluated as an argument",
            };
            format!("check that {} is {kind}{}", slot(value), odd(other))
        }
        I::IfTyped {
            slots,
            types,
            count,
            odd: other,
        } => {
            let pairs = slots.iter().zip(types).take(usize::from(count));
            let words: Vec<String> = pairs
                .map(|(value, expected)| format!("{}{}", slot(*value), wanted(expected)))
                .collect();
            format!(
                "unless {} plainly evaluate to themselves go to {}",
                words.join(", "),
                place(other)
            )
        }
        I::CheckSame {
            left,
            right,
            evaluated: _,
            alike: _,
            odd: other,
        } => format!(
            "check that {} and {} have a type in common{}",
            slot(left),
            slot(right),
            odd(other)
        ),
        I::AddSmall {
            to,
            left,
            right,
            odd: other,
        } => format!("{} := {} + {right}{}", slot(to), slot(left), odd(other)),
        I::Add {
            to,
            left,
            right,
            odd: other,
        } => format!(
            "{} := {} + {}{}",
            slot(to),
            slot(left),
            slot(right),
            odd(other)
        ),
        I::Subtract {
            to,
            left,
            right,
            odd: other,
        } => format!(
            "{} := {} - {}{}",
            slot(to),
            slot(left),
            slot(right),
            odd(other)
        ),
        I::Compute {
            operation,
            to,
            left,
            right,
            odd: other,
        } => format!(
            "{} := {} {} {}{}",
            slot(to),
            slot(left),
            arithmetic(operation),
            slot(right),
            odd(other)
        ),
        I::ComputeSmall {
            operation,
            to,
            left,
            right,
            odd: other,
        } => format!(
            "{} := {} {} {right}{}",
            slot(to),
            slot(left),
            arithmetic(operation),
            odd(other)
        ),
        I::Compare {
            operation,
            to,
            left,
            right,
            odd: other,
        } => format!(
            "{} := {} {} {}{}",
            slot(to),
            slot(left),
            comparison(operation),
            slot(right),
            odd(other)
        ),
        I::JumpUnlessCompare {
            operation,
            left,
            right,
            to,
            odd: other,
        } => format!(
            "unless {} {} {} go to {}{}",
            slot(left),
            comparison(operation),
            slot(right),
            place(to),
            odd(other)
        ),
        I::JumpUnlessCompareSmall {
            operation,
            left,
            right,
            to,
            odd: other,
        } => format!(
            "unless {} {} {right} go to {}{}",
            slot(left),
            comparison(operation),
            place(to),
            odd(other)
        ),
        I::Equal { to, left, right } => {
            format!("{} := {} == {}", slot(to), slot(left), slot(right))
        }
        I::Logic {
            operation,
            to,
            left,
            right,
            odd: other,
        } => format!(
            "{} := {} {} {}{}",
            slot(to),
            slot(left),
            logic(operation),
            slot(right),
            odd(other)
        ),
        I::Not {
            to,
            from,
            odd: other,
        } => format!("{} := not {}{}", slot(to), slot(from), odd(other)),
        I::Jump { to } => format!("go to {}", place(to)),
        I::JumpUnlessSum {
            minus,
            whole,
            left,
            right,
            to,
            odd: other,
        } => format!(
            "unless {} is {} {} {} go to {}{}",
            slot(whole),
            slot(left),
            if minus { "-" } else { "+" },
            slot(right),
            place(to),
            odd(other)
        ),
        I::Same {
            to,
            left,
            right,
            odd,
        } => {
            let (to, left, right) = (slot(to), slot(left), slot(right));
            format!(
                "{to} := {left} == {right}, if they are plain; for others {}",
                place(odd)
            )
        }
        I::TrySame {
            left,
            right,
            same,
            other,
        } => format!(
            "if {} and {} are plain values, go to {} if they are the same, else to {}",
            slot(left),
            slot(right),
            place(same),
            place(other)
        ),
        I::JumpUnlessInteger {
            slot: found,
            value,
            to,
            odd: other,
        } => format!(
            "unless {} is {value} go to {}{}",
            slot(found),
            place(to),
            odd(other)
        ),
        I::JumpUnlessConstant {
            slot: value,
            index,
            to,
            odd: other,
        } => format!(
            "unless {} is {} go to {}{}",
            slot(value),
            rule.constant(index),
            place(to),
            odd(other)
        ),
        I::JumpUnlessSame {
            left,
            right,
            to,
            odd: other,
        } => format!(
            "unless {} == {} go to {}{}",
            slot(left),
            slot(right),
            place(to),
            odd(other)
        ),
        I::UnlessSpace {
            slot: value,
            to,
            odd: other,
            ..
        } => format!(
            "unless {} is a space go to {}{}",
            slot(value),
            place(to),
            odd(other)
        ),
        I::JumpUnless {
            slot: value,
            to,
            odd: other,
        } => format!("unless {} go to {}{}", slot(value), place(to), odd(other)),
        I::Call {
            function, operands, ..
        } => format!("call {} with {}", rule.function(function), list(operands)),
        I::CallMarked {
            function, operands, ..
        } => format!(
            "call {} with {}, as part of the marked expression",
            rule.function(function),
            list(operands)
        ),
        I::CallSlots {
            function,
            slots,
            mark,
            ..
        } => {
            let marked = match mark {
                Slot::MAX => "",
                _ => ", as part of the marked expression",
            };
            let (function, arguments) = rule.call(function, slots);
            format!("call {function} with {arguments}{marked}")
        }
        I::TryCall {
            function,
            arguments,
            mark,
            ..
        } => {
            let marked = match mark {
                Slot::MAX => "",
                _ => ", as part of the marked expression",
            };
            let (function, arguments, if_so) = rule.quick_call(function, arguments);
            format!("call {function} with {arguments}{marked}{if_so}")
        }
        I::TryCallLast {
            function,
            arguments,
        } => {
            let (function, arguments, if_so) = rule.quick_call(function, arguments);
            format!("call {function} with {arguments} in place of this rule{if_so}")
        }
        I::TryMake {
            to,
            function,
            arguments,
            skip,
        } => {
            let (function, arguments, if_so) = rule.quick_call(function, arguments);
            format!(
                "{} := ({function} {arguments}), data, and pass over {}{if_so}",
                slot(to),
                skip - 1
            )
        }
        I::IfIntegers {
            slots,
            met,
            odd: other,
        } => {
            let mut slots = slots.to_vec();
            slots.dedup();
            let values: Vec<String> = slots.into_iter().map(slot).collect();
            let values = values.join(", ");
            format!("pass over {met} if {values} are small integers, else over {other}")
        }
        I::IfMostlyMet {
            pair,
            is_one,
            met,
            odd: other,
        } => {
            let [first, second] = &rule.program().meetings.mostly[pair as usize];
            let first = slot(first.slot);
            let values = match is_one {
                true => first,
                false => format!("{first}, {}", slot(second.slot)),
            };
            format!("pass over {met} if {values} are what they are most often, else over {other}")
        }
        I::IfMet { tests, odd: other } => {
            let tests = rule.program().meetings.tests[tests as usize].each.iter();
            let values: Vec<String> = tests.map(|test| slot(test.slot)).collect();
            format!(
                "unless {} are of the types that they were met with go to {}",
                values.join(", "),
                place(other)
            )
        }
        I::IfFamilies { odd: other, .. } => format!(
            "unless their types are of the families of those go to {}",
            place(other)
        ),
        I::Meet { .. } => "note that types are met here".to_owned(),
        I::IfPlain {
            slots,
            count,
            odd: other,
        } => {
            let values: Vec<String> = slots[..usize::from(count)]
                .iter()
                .map(|found| match found & IF_DATA {
                    0 => slot(*found),
                    _ => format!("the elements of {}", slot(found & !IF_DATA)),
                })
                .collect();
            format!(
                "unless {} plainly evaluate to themselves go to {}",
                values.join(", "),
                place(other)
            )
        }
        I::IfElements {
            slots,
            looked,
            count,
            odd: other,
        } => {
            let looked = slots[..usize::from(looked)].iter();
            let values: Vec<String> = looked.map(|found| slot(*found)).collect();
            let no_call = match count {
                0 => String::new(),
                _ => format!(", and {} heads no call of {}", values[0], count - 1),
            };
            let values = values.join(", ");
            format!(
                "unless {values} stay as they are{no_call}, go to {}",
                place(other)
            )
        }
        I::CallSlotsLast { function, slots } => {
            let (function, arguments) = rule.call(function, slots);
            format!("call {function} with {arguments} in place of this rule")
        }
        I::CallFour {
            function, slots, ..
        } => {
            let function = rule.function(function);
            format!("call {function} with {}", slots.map(slot).join(" "))
        }
        I::CallFourLast { function, slots } => {
            let function = rule.function(function);
            let arguments = slots.map(slot).join(" ");
            format!("call {function} with {arguments} in place of this rule")
        }
        I::CallLast { function, operands } | I::CallLastBare { function, operands } => format!(
            "call {} with {} in place of this rule",
            rule.function(function),
            list(operands)
        ),
        I::Operate {
            operation,
            operands,
            stuck,
            ..
        } => format!(
            "operation {} of {}; if it is not for them {}",
            rule.operation(operation),
            list(operands),
            place(stuck)
        ),
        I::Return { slot: value } => format!("return {}", slot(value)),
        I::ReturnConstant { index } | I::ReturnLeaf { index, .. } => {
            format!("return {}", rule.constant(index))
        }
        I::ReturnResult => "return the result".to_owned(),
        I::Mark { to } => format!("{} := a mark of the choices there are", slot(to)),
        I::Exit { mark } => format!("the expression marked by {} has a result", slot(mark)),
        I::ErrorAt { mark } => format!(
            "set the error aside while the expression marked by {} may have another result",
            slot(mark)
        ),
        I::Gather { done, .. } => format!("gather the results of what follows for {}", place(done)),
        I::GatherAdd { slot: value, .. } => format!("gather {} and go back for more", slot(value)),
        I::CaseOpen { empty, .. } => {
            format!("begin a case; without a result go on at {}", place(empty))
        }
        I::CaseAny { .. } => "the case has a result".to_owned(),
        I::Found { .. } => "go on as if the case had not begun".to_owned(),
        I::Only { slot: value, .. } => format!("{} is its only result, if it is one", slot(value)),
        I::Alternatives { operands, .. } => {
            let places: Vec<String> = rule
                .list(operands)
                .into_iter()
                .map(|to| place(to.0))
                .collect();
            format!("go on at each of {}", places.join(" "))
        }
        I::Elements {
            from, odd: other, ..
        } => format!("for each element of {}{}", slot(from), odd(other)),
        I::Match {
            space,
            pattern,
            odd: other,
            ..
        } => format!(
            "for each answer of {} to {}{}",
            slot(space),
            slot(pattern),
            odd(other)
        ),
        I::GetState {
            to,
            from,
            odd: other,
        } => format!("{} := what is in {}{}", slot(to), slot(from), odd(other)),
        I::ChangeState {
            to,
            state,
            value,
            odd: other,
        } => format!(
            "put {} into {}, {} := that{}",
            slot(value),
            slot(state),
            slot(to),
            odd(other)
        ),
        I::IfFacts { to, odd: other, .. } => {
            format!(
                "go to {}, by the facts; if they have changed {}",
                place(to),
                place(other)
            )
        }
        I::IfTypes { odd: other, .. } => {
            format!("if types have changed go to {}", place(other))
        }
        I::IfRules { odd: other, .. } => format!(
            "decide what rules would; if they have changed go to {}",
            place(other)
        ),
        I::Query {
            space,
            pattern,
            odd: other,
            ..
        } => format!(
            "for each answer of {} to {}{}",
            slot(space),
            rule.asked(pattern),
            odd(other)
        ),
        I::ChangeSpace {
            change,
            to,
            space,
            atom,
            odd: other,
        } => {
            let (verb, space) = match change {
                Change::Add => ("add", format!("to {}", slot(space))),
                Change::Remove => ("remove", format!("from {}", slot(space))),
            };
            format!(
                "{verb} {} {space}, {} := (){}",
                slot(atom),
                slot(to),
                odd(other)
            )
        }
        I::CheckGround {
            slot: value,
            odd: other,
        } => format!("no variable is in {}{}", slot(value), odd(other)),
        I::CheckTreeOf {
            slot: value,
            odd: other,
            ..
        } => format!(
            "the expression is well-typed as {}{}",
            slot(value),
            odd(other)
        ),
        I::CheckTree {
            expected,
            odd: other,
            ..
        } => format!(
            "the expression is well-typed{}{}",
            wanted(expected),
            odd(other)
        ),
        I::Retype { slot: value } => {
            format!(
                "{} is looked at again unless it is plainly well-typed",
                slot(value)
            )
        }
        I::CheckFirst { odd: other, .. } => {
            format!("the first of the list is no function{}", odd(other))
        }
        I::Decide { to, odd: other, .. } => format!(
            "{} := the function for the types of the arguments{}",
            slot(to),
            odd(other)
        ),
        I::CallDecided {
            function, operands, ..
        } => format!("call {} with {}", slot(function), list(operands)),
        I::CallDecidedLast { function, operands } => {
            format!(
                "call {} with {} and return its result",
                slot(function),
                list(operands)
            )
        }
        I::AppliedAs {
            to,
            head,
            count,
            expected,
            odd: other,
        } => format!(
            "{} := the function {} of {count} for what {} tells{}",
            slot(to),
            slot(head),
            slot(expected),
            odd(other)
        ),
        I::IfUntold {
            slot: told,
            odd: other,
        } => {
            format!("if {} tells a type go to {}", slot(told), place(other))
        }
        I::IfFurther {
            slot: told,
            odd: other,
        } => {
            format!("unless {} tells of more go to {}", slot(told), place(other))
        }
        I::Applied {
            to,
            head,
            count,
            odd: other,
            ..
        } => format!(
            "{} := the function {} of {}{}",
            slot(to),
            slot(head),
            Applied::count(count),
            odd(other)
        ),
        I::CallApplied {
            function,
            slots,
            count,
            ..
        } => format!("call {} with {}", slot(function), rule.slots(slots, count)),
        I::CallAppliedLast {
            function,
            slots,
            count,
        } => format!(
            "call {} with {} and return its result",
            slot(function),
            rule.slots(slots, count)
        ),
        I::TryApply {
            head,
            count,
            arguments,
            ..
        } => {
            let (arguments, if_so) = rule.quick(&arguments[..usize::from(count)]);
            format!("call {} with {arguments}{if_so}", slot(head))
        }
        I::TryApplyLast {
            head,
            count,
            arguments,
            ..
        } => {
            let (arguments, if_so) = rule.quick(&arguments[..usize::from(count)]);
            format!(
                "call {} with {arguments} in place of this rule{if_so}",
                slot(head)
            )
        }
        I::Walk { to, operands, .. } => {
            format!("go through a list at {} with {}", place(to), list(operands))
        }
        I::Item {
            to,
            done,
            odd: other,
            ..
        } => format!(
            "{} := the next element, after the last {}{}",
            slot(to),
            place(done),
            odd(other)
        ),
        I::Again { to, so_far, .. } => {
            format!("go on at {} with {} so far", place(to), slot(so_far))
        }
        I::Push { to, so_far, value } => {
            format!("{} := {} and {}", slot(to), slot(so_far), slot(value))
        }
        I::List {
            to,
            from,
            odd: other,
        } => format!("{} := the list of {}{}", slot(to), slot(from), odd(other)),
        I::NoTruth { value, .. } => format!("the error that {} is no truth value", slot(value)),
        I::Cons {
            to,
            first,
            rest,
            odd: other,
        } => format!(
            "{} := {} before the elements of {}{}",
            slot(to),
            slot(first),
            slot(rest),
            odd(other)
        ),
        I::Decons {
            to,
            from,
            odd: other,
        } => format!(
            "{} := the first element and the rest of {}{}",
            slot(to),
            slot(from),
            odd(other)
        ),
        I::First {
            to,
            from,
            odd: other,
        } => format!(
            "{} := the first element of {}{}",
            slot(to),
            slot(from),
            odd(other)
        ),
        I::Rest {
            to,
            from,
            odd: other,
        } => format!("{} := the rest of {}{}", slot(to), slot(from), odd(other)),
        I::SizeAtom {
            to,
            from,
            odd: other,
        } => format!("{} := the size of {}{}", slot(to), slot(from), odd(other)),
        I::UnionAtom {
            to,
            left,
            right,
            odd: other,
        } => format!(
            "{} := the elements of {}, then those of {}{}",
            slot(to),
            slot(left),
            slot(right),
            odd(other)
        ),
        I::IndexAtom {
            to,
            from,
            index,
            odd: other,
        } => format!(
            "{} := element {} of {}{}",
            slot(to),
            slot(index),
            slot(from),
            odd(other)
        ),
    }
}
