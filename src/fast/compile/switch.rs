//! Which rules a call may match, decided by what stands at a few places of it.
//!
//! Rules are told apart by one place after the other, the most telling first, so that
//! a call that one rule is for finds it in a jump or two and leaves no choice behind.
//! A variable at a place looked at leaves the call to the tests of the rules one by one.
//!
//! Source: D. H. D. Warren, "An Abstract Prolog Instruction Set", 1983, for switches;
//! L. Maranget, "Compiling Pattern Matching to Good Decision Trees", ML 2008.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::fast::code::{Instruction, Operand, Pc, Slot};
use crate::fast::program::Program;
use crate::fast::switch::{Branch, HeadTest, Key, Switch};

pub(super) type Path = SmallVec<[u32; 4]>;

/// Places looked at on the way to a rule.
const DEEPEST: usize = 4;
/// Rules of functions with more than this have one way in.
const RULES_MAX: usize = 64;

/// The rules left after some places were looked at. Functions have many leaves: a tree is
/// small.
pub(super) enum Tree {
    /// These, in order.
    Rules(SmallVec<[u32; 2]>),
    Place(Box<Choice>),
}

/// Which rules are left, by what stands at one more place.
pub(super) struct Choice {
    path: Path,
    keys: Vec<(u64, Tree)>,
    arities: Vec<(usize, Tree)>,
    other: Tree,
    /// For a variable; `None` where all are tried one by one.
    open: Option<Tree>,
}

/// How a rule is reached by the tree.
#[derive(Clone, Default)]
pub(super) struct Reached {
    /// Places that every way there has compared with what the rule has there.
    pub(super) known: Option<Vec<Path>>,
    /// Whether other rules may be tried as well.
    pub(super) among_others: bool,
    /// Whether it has to note that its head matched, for those after it.
    pub(super) notes: bool,
}

struct Grower<'t> {
    tests: &'t [Box<[HeadTest]>],
    /// Whether it is told what is known of rules.
    tells: bool,
    /// Whether only the first that matches is wanted.
    first: bool,
    /// How many rules there are, if a variable leads to further places: there rules have as much
    /// greater numbers.
    opens: Option<u32>,
    /// How much more may grow.
    left: usize,
    reached: Vec<Reached>,
}

/// The tree for rules with these tests, and how it reaches each; `None` if it would
/// be large.
pub(super) fn tree(tests: &[Box<[HeadTest]>]) -> Option<(Tree, Vec<Reached>)> {
    tree_telling(tests, tests.len() <= RULES_MAX)
}

/// The same; `tells` says whether it is told what is known of each rule where it begins.
pub(super) fn tree_telling(tests: &[Box<[HeadTest]>], tells: bool) -> Option<(Tree, Vec<Reached>)> {
    grown(tests, tells, false, false)
}

/// The tree for facts, which tells what is known of each. With `opens` a variable at a place leads
/// to all that are left, told apart by other places: there they have numbers of their own, as if
/// there were all facts once more, since less is known of them.
pub(super) fn tree_of_facts(
    tests: &[Box<[HeadTest]>],
    opens: bool,
) -> Option<(Tree, Vec<Reached>)> {
    let twice = opens.then(|| [tests, tests].concat());
    let wide = twice.and_then(|tests| grown(&tests, true, false, true));
    wide.or_else(|| tree_telling(tests, true))
}

/// The tree for cases of which the first that matches is wanted: it leads to that or, where it
/// does not tell, to one before it. What is known of each is told.
pub(super) fn tree_of_cases(tests: &[Box<[HeadTest]>]) -> Option<(Tree, Vec<Reached>)> {
    grown(tests, true, true, false)
}

fn grown(
    tests: &[Box<[HeadTest]>],
    tells: bool,
    first: bool,
    opens: bool,
) -> Option<(Tree, Vec<Reached>)> {
    let count = tests.len() as u32 >> u32::from(opens);
    let mut grower = Grower {
        tests,
        tells,
        first,
        opens: opens.then_some(count),
        left: 64 + 16 * tests.len(),
        reached: vec![Reached::default(); tests.len()],
    };
    let all: Vec<u32> = (0..count).collect();
    let tree = grower.grow(all, &mut Vec::new())?;
    Some((tree, grower.reached))
}

impl Grower<'_> {
    fn test(&self, rule: u32, path: &Path) -> Option<Key> {
        self.tests[rule as usize]
            .iter()
            .find(|test| test.path == *path)
            .map(|test| test.key)
    }

    /// `seen` are the places looked at, with the word found there, if it is one, or that of
    /// expressions of as many elements.
    fn grow(&mut self, rules: Vec<u32>, seen: &mut Vec<(Path, Option<u64>)>) -> Option<Tree> {
        self.left = self.left.checked_sub(1 + rules.len())?;
        let is_told = if self.first {
            rules.first().is_none_or(|rule| self.is_told(*rule, seen))
        } else {
            rules.len() < 2
        };
        if is_told || seen.len() >= DEEPEST {
            return Some(self.leaf(rules, seen));
        }
        let Some(path) = self.most_telling(&rules, seen) else {
            return Some(self.leaf(rules, seen));
        };
        let all: Option<Vec<u32>> = self
            .opens
            .map(|count| rules.iter().map(|rule| rule % count + count).collect());
        // Rules by word, and those for several words.
        let mut words: Vec<u64> = Vec::new();
        let mut groups: HashMap<u64, Vec<u32>, FixedState> = HashMap::default();
        let mut wide: Vec<(u32, Option<usize>)> = Vec::new();
        for rule in rules {
            match self.test(rule, &path) {
                None => wide.push((rule, None)),
                Some(Key::Expression { head: None, arity }) if arity > 0 => {
                    wide.push((rule, Some(arity)));
                }
                Some(key) => {
                    let word = key.word();
                    let group = groups.entry(word).or_insert_with(|| {
                        words.push(word);
                        Vec::new()
                    });
                    group.push(rule);
                }
            }
        }
        let wide_of = |arity: Option<usize>| {
            wide.iter()
                .filter(move |(_, wanted)| wanted.is_none() || *wanted == arity)
                .map(|(rule, _)| *rule)
        };
        let mut keys = Vec::with_capacity(words.len());
        for word in words {
            let mut group = groups.remove(&word).unwrap_or_default();
            group.extend(wide_of(Key::arity_of(word)));
            group.sort_unstable();
            seen.push((path.clone(), Some(word)));
            let below = self.grow(group, seen);
            seen.pop();
            keys.push((word, below?));
        }
        let mut counts: Vec<usize> = wide.iter().filter_map(|(_, arity)| *arity).collect();
        counts.sort_unstable();
        counts.dedup();
        let mut arities = Vec::with_capacity(counts.len());
        for arity in counts {
            // Its head may be any: that is told apart by itself.
            let word = Key::Expression { head: None, arity }.word();
            seen.push((path.clone(), Some(word)));
            let below = self.grow(wide_of(Some(arity)).collect(), seen);
            seen.pop();
            arities.push((arity, below?));
        }
        seen.push((path.clone(), None));
        let other = self.grow(wide_of(None).collect(), seen);
        let open = match all {
            Some(rules) => Some(self.grow(rules, seen)?),
            None => None,
        };
        seen.pop();
        Some(Tree::Place(Box::new(Choice {
            path,
            keys,
            arities,
            other: other?,
            open,
        })))
    }

    /// Whether all places that a rule tests were looked at.
    fn is_told(&self, rule: u32, seen: &[(Path, Option<u64>)]) -> bool {
        self.tests[rule as usize]
            .iter()
            .all(|test| seen.iter().any(|(path, _)| *path == test.path))
    }

    fn leaf(&mut self, mut rules: Vec<u32>, seen: &[(Path, Option<u64>)]) -> Tree {
        if self.first {
            rules.truncate(1);
        }
        for rule in &rules {
            self.reached[*rule as usize].among_others |= rules.len() > 1;
            if !self.tells {
                continue;
            }
            let known: Vec<Path> = seen
                .iter()
                .filter(|(path, word)| {
                    self.test(*rule, path).map(Key::word) == *word && word.is_some()
                })
                .map(|(path, _)| path.clone())
                .collect();
            let reached = &mut self.reached[*rule as usize];
            match &mut reached.known {
                None => reached.known = Some(known),
                Some(before) => before.retain(|path| known.contains(path)),
            }
        }
        Tree::Rules(SmallVec::from_slice(&rules))
    }

    /// The place, not looked at yet, at which the rules differ most.
    fn most_telling(&self, rules: &[u32], seen: &[(Path, Option<u64>)]) -> Option<Path> {
        let mut places: HashMap<&Path, (usize, Vec<u64>), FixedState> = HashMap::default();
        for rule in rules {
            for test in &self.tests[*rule as usize] {
                let inside = test.path.len() > 1;
                let parent = &test.path[..test.path.len() - 1];
                if seen.iter().any(|(path, _)| *path == test.path)
                    || inside
                        && !seen
                            .iter()
                            .any(|(path, word)| path[..] == *parent && word.is_some())
                {
                    continue;
                }
                let (count, words) = places.entry(&test.path).or_default();
                *count += 1;
                words.push(test.key.word());
            }
        }
        places
            .into_iter()
            .map(|(path, (count, mut words))| {
                words.sort_unstable();
                words.dedup();
                (words.len(), count, std::cmp::Reverse(path))
            })
            .max()
            .map(|(_, _, std::cmp::Reverse(path))| path.clone())
    }
}

/// Where rules begin, where calls that none is for go on, and the function; of facts there is
/// none.
pub(super) struct Places<'p> {
    pub(super) function: Option<u32>,
    pub(super) rules: &'p [Pc],
    /// Tests the rules one by one.
    pub(super) open: Pc,
    pub(super) none: Pc,
}

/// Writes the code of a tree.
pub(super) fn write(program: &mut Program, tree: &Tree, places: &Places<'_>) -> Pc {
    let rules = match write_below(program, tree, places) {
        Ok(switch) => {
            let begin = program.code.len() as Pc;
            let take = take_call(&program.code, &switch);
            program.code.extend(take);
            program.switches.push(switch);
            let switch = program.switches.len() as u32 - 1;
            program.code.push(Instruction::Switch { switch });
            return begin;
        }
        Err(rules) => rules,
    };
    match rules {
        [] => places.none,
        [only] => places.rules[*only as usize],
        several => chain(program, several, places, None),
    }
}

/// The switch that a tree begins with, once the code of what is below is written; the rules if
/// there is none.
pub(super) fn write_below<'t>(
    program: &mut Program,
    tree: &'t Tree,
    places: &Places<'_>,
) -> Result<Switch, &'t [u32]> {
    let Choice {
        path,
        keys,
        arities,
        other,
        open,
    } = match tree {
        Tree::Rules(rules) => return Err(rules),
        Tree::Place(choice) => &**choice,
    };
    let is_plain = is_plain(keys.len(), path, arities.len());
    let keys = keys
        .iter()
        .map(|(word, tree)| {
            let to = match tree {
                Tree::Rules(rules) if is_plain && rules.len() > 1 => {
                    let taken = taken_apart(program, rules, places, (path[0], *word));
                    chain(program, rules, places, taken)
                }
                _ => write(program, tree, places),
            };
            (*word, to)
        })
        .collect();
    let arities = arities
        .iter()
        .map(|(arity, tree)| (*arity, write(program, tree, places)))
        .collect();
    let other = write(program, other, places);
    let open = match open {
        Some(tree) => write(program, tree, places),
        None => places.open,
    };
    Ok(switch(&program.code, path, keys, arities, other, open))
}

/// Code that goes on at each of some rules; where all of them begin with taking apart what was
/// looked at, behind that.
fn chain(
    program: &mut Program,
    rules: &[u32],
    places: &Places<'_>,
    taken: Option<(Slot, Slot)>,
) -> Pc {
    let begin = |rule: &u32| places.rules[*rule as usize] + Pc::from(taken.is_some());
    let mut operands: Vec<Operand> = Vec::with_capacity(2 + rules.len());
    operands.extend(places.function.map(Operand::number));
    operands.push(Operand::number(rules.len() as u32));
    operands.extend(rules.iter().map(|rule| Operand::number(begin(rule))));
    let operands = program.numbers(&operands);
    let (elements, count) = taken.unwrap_or((Branch::KEEP, 0));
    let kept = |function: u32| program.functions[function as usize].arity as Slot + count;
    program.code.push(match places.function {
        Some(function) if begins_unifying(program, begin(&rules[0])) => Instruction::ChainUnify {
            rules: operands,
            elements,
            kept: kept(function),
        },
        Some(function) => Instruction::Chain {
            rules: operands,
            elements,
            kept: kept(function),
        },
        None => Instruction::Alternatives { operands, size: 0 },
    });
    program.code.len() as Pc - 1
}

/// Whether code begins with unifying, perhaps once it has taken something apart.
fn begins_unifying(program: &Program, begin: Pc) -> bool {
    matches!(
        program.code[begin as usize..],
        [Instruction::Unify { .. }, ..]
            | [Instruction::Unpack { .. }, Instruction::Unify { .. }, ..]
    )
}

/// Where the elements behind the head go, and how many they are, if all rules begin with
/// taking apart the argument in this slot, which has this word, into the slots behind the
/// arguments.
fn taken_apart(
    program: &Program,
    rules: &[u32],
    places: &Places<'_>,
    (argument, word): (u32, u64),
) -> Option<(Slot, Slot)> {
    let arity = program.functions[places.function? as usize].arity as Slot;
    let count = Slot::try_from(Key::arity_of(word)?.checked_sub(1)?).ok()?;
    let begins = |rule: &u32| {
        let begin = program.code.get(places.rules[*rule as usize] as usize);
        matches!(begin, Some(Instruction::Unpack { slot, to, skip: 1 })
            if u32::from(*slot) == argument && *to == arity)
    };
    rules.iter().all(begins).then_some((arity, count))
}

/// Whether a switch looks at an argument itself, and has few branches.
fn is_plain(keys: usize, path: &[u32], arities: usize) -> bool {
    keys <= Switch::FEW && path.len() == 1 && arities == 0
}

/// An instruction before a switch that does what it does for expressions, if these are of one
/// shape and taken apart.
pub(super) fn take_call(code: &[Instruction], switch: &Switch) -> Option<Instruction> {
    let mut calls = switch
        .few
        .iter()
        .filter(|branch| branch.word != Branch::NONE.word && Key::arity_of(branch.word) > Some(1));
    let (Some(only), None) = (calls.next(), calls.next()) else {
        return None;
    };
    if !switch.below.is_empty() {
        return None;
    }
    let (to, elements) = match code.get(only.to as usize) {
        _ if only.elements != Branch::KEEP => (only.to, only.elements),
        Some(Instruction::Unpack { slot, to, skip: 1 }) if *slot == switch.slot => {
            (only.to + 1, *to)
        }
        _ => return None,
    };
    let (head, arity) = Key::call_of(only.word).filter(|(head, _)| head.is_symbol())?;
    Some(Instruction::TakeCall {
        arity: u8::try_from(arity).ok()?,
        slot: switch.slot,
        elements,
        name: head.at() as u32,
        to,
    })
}

/// A switch over a place. Where a branch begins with taking apart what was looked at,
/// the switch does that itself.
pub(super) fn switch(
    code: &[Instruction],
    path: &[u32],
    keys: Vec<(u64, Pc)>,
    arities: Vec<(usize, Pc)>,
    other: Pc,
    open: Pc,
) -> Switch {
    let slot = path[0] as Slot;
    let is_plain = is_plain(keys.len(), path, arities.len());
    let mut few = [Branch::NONE; Switch::FEW];
    let mut many = HashMap::default();
    if keys.len() <= Switch::FEW {
        for (branch, (word, to)) in few.iter_mut().zip(keys) {
            *branch = Branch {
                word,
                to,
                elements: Branch::KEEP,
            };
            if let Some(
                Instruction::Chain { elements, .. } | Instruction::ChainUnify { elements, .. },
            ) = code.get(to as usize)
            {
                branch.elements = *elements;
            }
            if is_plain
                && let Some(Instruction::Unpack {
                    slot: from,
                    to: elements,
                    skip: 1,
                }) = code.get(to as usize)
                && *from == slot
            {
                branch.to += 1;
                branch.elements = *elements;
            }
        }
    } else {
        many = keys.into_iter().collect();
    }
    Switch {
        few,
        slot,
        is_plain,
        other,
        open,
        below: path[1..].into(),
        step: match path {
            [_, place] => place + 1,
            _ => 0,
        },
        many,
        arities,
    }
}
