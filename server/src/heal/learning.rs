//! What the learning rules come to, in simulated worlds that change.

use chimera::{Atom, Budget, Engine};

use super::decision::{self, Asking};
use super::facts::Facts;
use super::learned::Weights;
use super::spaces::Spaces;
use super::virtual_time::shipped_texts;

const ACTIONS: [&str; 3] = ["first", "second", "third"];
const FAULT: &str = "sim";
/// Seconds that one rung takes, until its verdict.
const RUNG_SECONDS: f64 = 5.0;

/// A world in which one of three actions helps, most of the time, and another one
/// from some episodes on.
struct World {
    random: u64,
    best: usize,
}

impl World {
    /// A share from 0 to 1. Source: G. Marsaglia, "Xorshift RNGs", J. Stat. Softw. 8(14).
    fn share(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How long recovery takes if `chosen` is tried first and the others after it in the
    /// order of the ladder.
    fn recover(&mut self, chosen: usize) -> f64 {
        let mut seconds = 0.0;
        let order = std::iter::once(chosen).chain((0..3).filter(move |other| *other != chosen));
        for action in order {
            seconds += RUNG_SECONDS;
            let helps = if action == self.best { 0.95 } else { 0.1 };
            if self.share() < helps {
                break;
            }
        }
        seconds
    }
}

struct Learner {
    engine: Engine,
    asking: Asking,
    spaces: Spaces,
    weights: Weights,
}

impl Learner {
    fn new(facts: &str) -> Learner {
        let spaces = Spaces::new(Vec::new());
        let mut engine = Engine::builder().build();
        for (token, space) in spaces.tokens() {
            engine.bind(token, space);
        }
        super::series::Series::default().install(&mut engine);
        engine.bind("&episodes", Atom::space(chimera::Space::anonymous()));
        shipped_texts(str::to_owned)
            .load(&mut engine, &Facts::default())
            .unwrap();
        let ladders: String = ACTIONS
            .map(|action| format!("(ladder {FAULT} {action}) (prior {FAULT} {action} 0.5 1)"))
            .concat();
        engine.load(&format!("{ladders}{facts}"), "facts").unwrap();
        Learner {
            engine,
            asking: Asking::by(&Facts::default()),
            spaces,
            weights: Weights::default(),
        }
    }

    fn choose(&mut self) -> usize {
        let question = self.engine.parse(&format!("(choose {FAULT})")).unwrap();
        let chosen = self.engine.evaluate(&question, &Budget::default()).atoms();
        let chosen = chosen[0].to_string();
        ACTIONS.iter().position(|action| *action == chosen).unwrap()
    }

    fn learn(&mut self, chosen: usize, seconds: f64) {
        let learned = decision::learn(
            &self.engine,
            &self.asking,
            FAULT,
            ACTIONS[chosen],
            "recovered",
            seconds,
        );
        for (strategy, mean, evidence) in learned {
            self.weights
                .set(&self.spaces.weights, FAULT, &strategy, mean, evidence);
        }
    }
}

/// What some episodes come to, the helping action changing each 250.
struct Came {
    regret: f64,
    regret_of_fixed: f64,
    /// Episodes from each change until the helping action was chosen five times in six.
    found_after: Vec<usize>,
    weights: String,
}

fn live(seed: u64, episodes: usize) -> Came {
    let mut learner = Learner::new("");
    let mut world = World {
        random: seed,
        best: 0,
    };
    let mut fixed_world = World {
        random: seed,
        best: 0,
    };
    let mut came = Came {
        regret: 0.0,
        regret_of_fixed: 0.0,
        found_after: Vec::new(),
        weights: String::new(),
    };
    let order = [1, 2, 0, 2];
    let mut recent = Vec::new();
    let mut found = true;
    for episode in 0..episodes {
        if episode % 250 == 0 {
            world.best = order[episode / 250];
            fixed_world.best = world.best;
            recent.clear();
            found = false;
        }
        let chosen = learner.choose();
        let seconds = world.recover(chosen);
        learner.learn(chosen, seconds);
        // Best is to try the helping one first, which mostly is enough.
        came.regret += seconds - RUNG_SECONDS;
        came.regret_of_fixed += fixed_world.recover(0) - RUNG_SECONDS;
        recent.push(chosen == world.best);
        let right = recent.iter().rev().take(6).filter(|right| **right).count();
        if !found && right >= 5 {
            found = true;
            came.found_after.push(recent.len());
        }
    }
    came.weights = learner.weights.text();
    came
}

#[test]
fn learning_regrets_less_than_a_fixed_ladder_and_finds_what_changed() {
    for seed in [7, 77] {
        let came = live(seed, 1000);
        assert!(
            came.regret <= 0.6 * came.regret_of_fixed,
            "{} against {}",
            came.regret,
            came.regret_of_fixed
        );
        assert_eq!(came.found_after.len(), 4);
        assert!(
            came.found_after.iter().all(|after| *after <= 30),
            "{:?}",
            came.found_after
        );
    }
}

#[test]
fn the_same_history_gives_the_same_weights() {
    assert_eq!(live(7, 100).weights, live(7, 100).weights);
}

#[test]
fn facts_bound_what_is_chosen() {
    let mut learner = Learner::new("(never sim third) (never sim first)");
    for episode in 0..200 {
        assert_eq!(learner.choose(), 1);
        learner.learn(1, f64::from(episode % 20));
    }
    let mut learner = Learner::new("(use sim third)");
    assert_eq!(learner.choose(), 2);
    let mut learner = Learner::new("(frozen sim)");
    learner.learn(0, 1.0);
    assert_eq!(learner.weights.get(FAULT, "first"), None);
    let mut learner = Learner::new("(never sim first) (never sim second) (never sim third)");
    let question = learner.engine.parse("(choose sim)").unwrap();
    let chosen = learner
        .engine
        .evaluate(&question, &Budget::default())
        .atoms();
    assert_eq!(chosen[0].to_string(), "none");
}

/// So many choices with weights that change at random, one ladder barred; none is ever
/// the barred one.
fn bounded_choices(number: u64) {
    let mut random = World {
        random: 99,
        best: 0,
    };
    for barred in 0..3 {
        let mut learner = Learner::new(&format!("(never {FAULT} {})", ACTIONS[barred]));
        let mut chosen = [0_u64; 3];
        for _ in 0..number / 3 {
            // As if anything might have been learned, most of all of the barred one.
            let of = (random.share() * 3.0) as usize;
            let mean = if of == barred { 1.0 } else { random.share() };
            let evidence = 0.01 + 20.0 * random.share();
            learner
                .weights
                .set(&learner.spaces.weights, FAULT, ACTIONS[of], mean, evidence);
            chosen[learner.choose()] += 1;
        }
        assert_eq!(chosen[barred], 0);
        // Both others were, or there would be nothing to bound.
        let others = chosen.iter().filter(|count| **count > number / 20).count();
        assert_eq!(others, 2, "{chosen:?}");
    }
}

#[test]
fn no_choice_is_beyond_what_is_barred() {
    bounded_choices(1000);
}

#[test]
#[ignore = "takes a minute; the CI runs it optimised"]
fn none_of_a_million_choices_is_beyond_what_is_barred() {
    bounded_choices(1_000_000);
}
