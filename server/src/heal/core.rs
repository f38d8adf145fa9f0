//! What happens in one tick, without clock, sensors and effectors: values and time
//! in, orders out. The loop drives it in real time, scenarios in virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chimera::{Atom, Budget, Engine};

use super::census::Census;
use super::decision::{self, Asking, Decision, Permission, Transition};
use super::episodes::{Closed, Episodes, effector_of};
use super::facts::Facts;
use super::history::History;
use super::learned::Weights;
use super::quotes::Quotes;
use super::rules::{RuleTexts, Workbench};
use super::series::Series;
use super::spaces::Spaces;
use super::told::Told;
use crate::effect::{Action, Admitted, Envelope};
use crate::events::Event;
use crate::reclaimable::Reclaimable;
use crate::status::{
    ActionRecord, EventRecord, IngestError, Keeper, Kept, Mode, ModeRecord, Posted, Reading,
    RulesError, RulesStatus, SetMode, Status, StrategyRecord, Verdict,
};

/// What the counts of events are called as metrics.
const EVENT_METRICS: &str = "events.";

/// An action whose verdict is open.
struct Open {
    id: u64,
    fault: String,
    call: Atom,
    wait: f64,
    /// When the verdict is due; `None` while the action is being carried out.
    due: Option<f64>,
}

/// An action that is to be carried out now.
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) admitted: Admitted,
}

/// What an action's carrying out came to.
pub(super) type Outcome = Result<String, String>;

/// What was measured outside last.
struct External {
    posted: Posted,
    /// When it came, on the loop's clock.
    came: f64,
}

/// The rules in force, what they go by, and what they decided.
pub(super) struct Core {
    workbench: Workbench,
    /// The rules in force.
    engine: Engine,
    asking: Asking,
    /// Their texts.
    quotes: Quotes,
    census: Census,
    clock: Arc<AtomicU64>,
    pub(super) spaces: Spaces,
    pub(super) episodes: Episodes,
    series: Series,
    history: History,
    /// The newest reading as it is kept.
    newest: Arc<Kept>,
    told: Told,
    envelope: Envelope,
    weights: Weights,
    tally: BTreeMap<(String, String), [u64; 3]>,
    /// Metrics that the server itself has measured.
    own: BTreeSet<String>,
    /// Metrics from outside.
    external: BTreeMap<String, External>,
    /// Those that came since the last tick, of each the one that was measured last.
    ingested: BTreeMap<String, Posted>,
    /// When events of each kind came.
    came: BTreeMap<String, VecDeque<f64>>,
    open: Vec<Open>,
    next_id: u64,
    pub(super) status: Status,
}

impl Core {
    /// A core with the rules loaded.
    ///
    /// # Errors
    /// If the rules cannot be loaded.
    pub(super) fn new(
        texts: &RuleTexts,
        envelope: Envelope,
        weights: Weights,
        loaded_unix: f64,
    ) -> Result<Core, RulesError> {
        let spaces = Spaces::new(envelope.atoms());
        let episodes = Episodes::new();
        let series = Series::default();
        let clock = Arc::new(AtomicU64::new(0));
        let ticking = Arc::clone(&clock);
        let mut tokens = spaces.tokens();
        tokens.push(("&episodes", Atom::space(episodes.space().clone())));
        let workbench = Workbench {
            tokens,
            clock: Arc::new(move || f64::from_bits(ticking.load(Ordering::Relaxed))),
            series: series.clone(),
        };
        let events = spaces.events.clone();
        weights.assert(&spaces.weights);
        let mut engine = workbench.engine();
        texts.load(&mut engine, &Facts::default())?;
        decision::prepare(&engine);
        let mut core = Core {
            workbench,
            engine,
            asking: Asking::by(&Facts::default()),
            quotes: Quotes::default(),
            census: Census::default(),
            clock,
            spaces,
            episodes,
            history: History::new(series.clone()),
            newest: Arc::new(Keeper::default().keep(&Reading::default())),
            told: Told::new(events),
            series,
            envelope,
            weights,
            tally: BTreeMap::new(),
            own: BTreeSet::new(),
            external: BTreeMap::new(),
            ingested: BTreeMap::new(),
            came: BTreeMap::new(),
            open: Vec::new(),
            next_id: 1,
            status: Status::default(),
        };
        core.took_over(texts, loaded_unix);
        Ok(core)
    }

    /// The rules in force, over the live spaces.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Puts `texts` in the place of the rules in force.
    ///
    /// # Errors
    /// If they cannot be loaded; then those in force stay.
    pub(super) fn load(&mut self, texts: &RuleTexts, loaded_unix: f64) -> Result<(), RulesError> {
        let mut engine = self.workbench.engine();
        texts.load(&mut engine, &self.status.facts)?;
        decision::prepare(&engine);
        self.engine = engine;
        self.took_over(texts, loaded_unix);
        Ok(())
    }

    fn took_over(&mut self, texts: &RuleTexts, loaded_unix: f64) {
        self.quotes = Quotes::of(texts);
        self.status.rules = RulesStatus {
            generation: texts.generation.clone(),
            files: texts.names(),
            loaded_unix,
            error: None,
        };
        self.show_facts();
        self.census = self.census.followed_by(texts, &self.status.modes);
        self.show_census();
    }

    /// Shows which rules there are, and how many decisions each led to.
    fn show_census(&mut self) {
        self.status.rule_list = self.census.rules();
        self.status.rule_decisions = self.census.decisions();
    }

    /// Shows the facts of the rules that people see by themselves.
    fn show_facts(&mut self) {
        let (facts, wrong) = Facts::of(&self.engine);
        for fact in wrong {
            tracing::warn!(%fact, "a fact cannot be");
            self.status.last_rule_error = Some(fact);
        }
        self.spaces.keep(&facts);
        self.series.keep(&facts);
        self.asking = Asking::by(&facts);
        self.episodes
            .set_bounds(&facts, decision::budgets_seconds(&self.engine));
        self.status.facts = facts;
        self.status.thresholds = decision::numbers(&self.engine, "threshold");
        self.status.modes = decision::modes(&self.engine, &self.spaces.modes);
        self.show_strategies();
    }

    /// Evaluates an atom that may change the live spaces.
    pub(super) fn evaluate(&mut self, atom: &Atom, budget: &Budget) -> Vec<Atom> {
        let results = self.engine.evaluate(atom, budget).atoms();
        self.show_facts();
        results
    }

    /// Metrics from outside, for the next tick.
    ///
    /// # Errors
    /// If one is `measured` by the server itself, or there would be more of them than are
    /// kept: then none of these is.
    pub(super) fn ingest(
        &mut self,
        samples: Vec<Posted>,
        measured: impl Fn(&str) -> bool,
    ) -> Result<(), IngestError> {
        let own = |metric: &str| measured(metric) || self.own.contains(metric);
        if let Some(sample) = samples.iter().find(|sample| own(&sample.metric)) {
            return Err(IngestError::Measured(sample.metric.clone()));
        }
        let unknown: BTreeSet<&String> = samples
            .iter()
            .map(|sample| &sample.metric)
            .filter(|metric| {
                !self.external.contains_key(*metric) && !self.ingested.contains_key(*metric)
            })
            .collect();
        let waiting = self.ingested.keys();
        let waiting = waiting.filter(|metric| !self.external.contains_key(*metric));
        let most = self.status.facts.count("posted-metrics");
        if self.external.len() + waiting.count() + unknown.len() > most {
            return Err(IngestError::TooMany {
                most,
                kept_seconds: self.status.facts.get("posted-seconds"),
            });
        }
        for sample in samples {
            let known = self.external.get(&sample.metric).map(|known| &known.posted);
            let newest = self.ingested.get(&sample.metric).or(known);
            if newest.is_none_or(|newest| newest.unix <= sample.unix) {
                self.ingested.insert(sample.metric.clone(), sample);
            }
        }
        Ok(())
    }

    /// One tick: what is measured and told goes in, what is to be done comes out.
    pub(super) fn tick(
        &mut self,
        reading: Reading,
        events: Vec<Event>,
        dropped: u64,
    ) -> Vec<Order> {
        let seconds = reading.seconds;
        self.clock.store(seconds.to_bits(), Ordering::Relaxed);
        let unix = reading.unix;
        self.take_up_events(events, dropped, seconds, unix);
        self.observe(reading);
        self.judge(seconds);
        self.change_episodes(seconds);
        let decisions = decision::decide(&self.engine, &self.asking);
        self.misshapen(decisions.misshapen, "decided something that is no (act …)");
        let took = decisions.took;
        self.status.decision_times.record(took);
        let orders = decisions
            .decisions
            .into_iter()
            .filter_map(|decision| self.take_up(decision, seconds, took))
            .collect();
        self.show_episodes();
        self.status.ticks += 1;
        orders
    }

    fn misshapen(&mut self, results: Vec<String>, what: &str) {
        for text in results {
            tracing::warn!(result = %text, "the rules {what}");
            self.status.misshapen_decisions += 1;
            self.status.last_rule_error = Some(text);
        }
    }

    /// Turns a reading into atoms and series.
    fn observe(&mut self, mut reading: Reading) {
        let seconds = reading.seconds;
        self.count_events(&mut reading);
        for metric in reading.metrics.keys() {
            if !self.own.contains(metric) {
                self.own.insert(metric.clone());
            }
        }
        for (metric, posted) in std::mem::take(&mut self.ingested) {
            reading.metrics.insert(metric.clone(), posted.value);
            let came = seconds;
            self.external.insert(metric, External { posted, came });
        }
        let posted_seconds = self.status.facts.get("posted-seconds");
        self.external
            .retain(|_, external| seconds - external.came <= posted_seconds);
        let most = self.status.facts.count("keep-readings");
        self.newest = self.history.push(&reading, most);
        let mut current = reading.metrics.clone();
        for (metric, external) in &self.external {
            current
                .entry(metric.clone())
                .or_insert(external.posted.value);
        }
        let expected = &self.status.thresholds;
        self.spaces
            .assert_reading(Arc::clone(&self.newest), &current, expected);
        self.status.reading = reading;
    }

    /// What was measured, as far as it is kept.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// What this holds that can be reclaimed.
    pub(super) fn reclaimable(&self) -> [Box<dyn Reclaimable>; 2] {
        [Box::new(self.history.clone()), Box::new(self.told.clone())]
    }

    /// `events.<kind>`: how many events of each kind came within the window.
    fn count_events(&mut self, reading: &mut Reading) {
        let window = self.status.facts.get("event-window");
        for metric in self.status.thresholds.keys() {
            if let Some(kind) = metric.strip_prefix(EVENT_METRICS) {
                self.came.entry(kind.to_owned()).or_default();
            }
        }
        for (kind, times) in &mut self.came {
            while times
                .front()
                .is_some_and(|at| reading.seconds - at > window)
            {
                times.pop_front();
            }
            reading
                .metrics
                .insert(format!("{EVENT_METRICS}{kind}"), times.len() as f64);
        }
    }

    /// Asserts what was told since the last tick, and asks the rules what it is.
    fn take_up_events(&mut self, events: Vec<Event>, dropped: u64, seconds: f64, unix: f64) {
        if dropped > 0 {
            *self
                .status
                .event_counts
                .entry("dropped".to_owned())
                .or_default() += dropped;
        }
        let some = !events.is_empty();
        let counted_max = self.status.facts.count("events-counted");
        // The same text is the same to the rules.
        let mut classes: BTreeMap<String, (Option<String>, Vec<String>)> = BTreeMap::new();
        for Event { severity, text } in events {
            let (class, kinds) = classes
                .entry(text.clone())
                .or_insert_with(|| {
                    (
                        decision::classify(&self.engine, &self.asking, &text),
                        decision::kinds_of(&self.engine, &self.asking, &text),
                    )
                })
                .clone();
            for kind in kinds {
                let times = self.came.entry(kind).or_default();
                if times.len() < counted_max {
                    times.push_back(seconds);
                }
            }
            let counted = class.clone().unwrap_or_else(|| "unknown".to_owned());
            *self.status.event_counts.entry(counted).or_default() += 1;
            let record = EventRecord {
                unix,
                severity: severity.name(),
                text,
                class,
            };
            let kept = self.status.facts.count("keep-events");
            self.told.push(record, seconds, kept);
        }
        if some {
            self.status.events = self.told.records();
        }
    }

    /// Takes the verdicts that are due from the rules.
    fn judge(&mut self, seconds: f64) {
        let (due, open): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|open| open.due.is_some_and(|due| due <= seconds));
        self.open = open;
        // All are judged by the same atoms, before any verdict becomes one.
        let judged: Vec<(Open, Verdict)> = due
            .into_iter()
            .map(|open| {
                let verdict =
                    decision::judge(&self.engine, &self.asking, open.id, &open.fault, &open.call)
                        .unwrap_or_else(|said| {
                            let fault = &open.fault;
                            tracing::warn!(%fault, %said, "judge gave no verdict");
                            self.status.last_rule_error =
                                Some(format!("(judge … {fault} …) gave {said}"));
                            Verdict::Inconclusive
                        });
                (open, verdict)
            })
            .collect();
        for (open, verdict) in judged {
            self.give_verdict(&open, verdict, seconds);
        }
    }

    fn give_verdict(&mut self, open: &Open, verdict: Verdict, seconds: f64) {
        let after = Arc::clone(&self.newest);
        let Some(record) = self.record(open.id) else {
            return;
        };
        record.verdict = verdict;
        record.after = Some(after);
        let record = record.clone();
        tracing::info!(
            id = record.id, fault = %record.fault, call = %record.call,
            verdict = verdict.name(), "verdict"
        );
        self.count_verdict(&record);
        self.episodes.verdict(&record, &open.call, seconds);
    }

    fn count_verdict(&mut self, record: &ActionRecord) {
        let key = (record.fault.clone(), record.verdict.name());
        *self.status.verdict_counts.entry(key).or_default() += 1;
        if record.rung == 0 {
            return;
        }
        let key = (record.fault.clone(), record.strategy.clone());
        let counts = self.tally.entry(key).or_default();
        match record.verdict {
            Verdict::Verified => counts[0] += 1,
            Verdict::Failed => counts[1] += 1,
            Verdict::Inconclusive => counts[2] += 1,
            Verdict::Pending => {}
        }
        self.show_strategies();
    }

    fn record(&mut self, id: u64) -> Option<&mut ActionRecord> {
        self.status
            .actions
            .iter_mut()
            .rev()
            .find(|record| record.id == id)
            .map(Arc::make_mut)
    }

    /// Has the rules begin and end episodes.
    fn change_episodes(&mut self, seconds: f64) {
        let (transitions, misshapen) = decision::transitions(&self.engine, &self.asking);
        self.misshapen(misshapen, "changed an episode in a way that is none");
        let mut held: BTreeSet<String> = BTreeSet::new();
        for transition in transitions {
            match transition {
                Transition::Detected {
                    fault,
                    strategy,
                    metrics,
                    reason,
                } => {
                    tracing::warn!(%fault, %strategy, %reason, "detected");
                    let unix = self.status.reading.unix;
                    self.episodes
                        .enter_detected(&fault, &strategy, metrics, reason, seconds, unix);
                }
                Transition::Recovered { fault, reason } => {
                    tracing::info!(%fault, %reason, "recovered");
                    if let Some(closed) = self.episodes.close(&fault, seconds)
                        && closed.verified
                    {
                        self.learn(&fault, &closed, "recovered");
                    }
                }
                Transition::GivenUp { fault, reason } => {
                    tracing::error!(%fault, %reason, "given up");
                    // Of a ladder that had nothing to act on nothing is learned.
                    if let Some(closed) = self.episodes.enter_given_up(&fault, seconds)
                        && closed.tried
                    {
                        self.learn(&fault, &closed, "given-up");
                    }
                }
                Transition::Held { fault, reason } => {
                    if !self.episodes.is_held(&fault) {
                        tracing::info!(%fault, %reason, "held by what stands against it");
                    }
                    let unix = self.status.reading.unix;
                    self.episodes.hold(&fault, reason, seconds, unix);
                    held.insert(fault);
                }
            }
        }
        self.episodes.let_go_all_but(&held);
    }

    fn learn(&mut self, fault: &str, closed: &Closed, how: &str) {
        let learned = decision::learn(
            &self.engine,
            &self.asking,
            fault,
            &closed.strategy,
            how,
            closed.seconds,
        );
        if learned.is_empty() {
            return;
        }
        for (strategy, mean, evidence) in learned {
            self.weights
                .set(&self.spaces.weights, fault, &strategy, mean, evidence);
        }
        if let Err(error) = self.weights.save() {
            tracing::error!(%error, "what was learned could not be saved");
        }
        self.show_strategies();
    }

    /// Records a decision; an order if it is to be carried out.
    fn take_up(&mut self, decision: Decision, seconds: f64, took: Duration) -> Option<Order> {
        let Decision {
            fault,
            call,
            reason,
            verdict_in,
            by,
            proof,
        } = decision;
        let mut because = proof.as_ref().map_or_else(Vec::new, decision::because);
        self.quotes.add_to(&mut because);
        let id = self.next_id;
        self.next_id += 1;
        self.census.count(&because);
        self.show_census();
        let admitted = match &by.permission {
            Permission::Enforce => Action::from_atom(&call)
                .map_err(|error| error.to_string())
                .and_then(|action| {
                    self.envelope
                        .admit(action, seconds)
                        .map_err(|refusal| format!("refused by the envelope: {refusal}"))
                }),
            Permission::Shadow => Err("in shadow mode: recorded, not carried out".to_owned()),
            Permission::RefusedForNow(why) | Permission::RefusedForGood(why) => {
                Err(format!("refused by the rules: {why}"))
            }
        };
        let (outcome, verdict) = match &admitted {
            Ok(_) => (Ok("under way".to_owned()), Verdict::Pending),
            Err(refused) => (Err(refused.clone()), Verdict::Inconclusive),
        };
        let record = ActionRecord {
            id,
            fault,
            call: call.to_string(),
            reason,
            rule: by.rule,
            strategy: by.strategy,
            rung: by.rung,
            permission: by.permission.name(),
            expected: by.expected,
            unix: self.status.reading.unix,
            outcome,
            before: Arc::clone(&self.newest),
            after: None,
            verdict,
            because,
            decided_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        };
        self.episodes.acted(&record, seconds);
        let order = match admitted {
            Ok(admitted) => {
                let effector = effector_of(&call).unwrap_or("");
                let target = decision::target(&self.engine, &record.fault);
                let undo = admitted.action().undo(&self.status.reading.metrics);
                self.episodes
                    .begun(&record, effector, &target, undo, seconds);
                self.open.push(Open {
                    id,
                    fault: record.fault.clone(),
                    call,
                    wait: verdict_in,
                    due: None,
                });
                Some(Order { id, admitted })
            }
            Err(refused) => {
                let (fault, reason, call_text) = (&record.fault, &record.reason, &record.call);
                tracing::warn!(id, %fault, call = %call_text, %reason, %refused, "not acted");
                self.episodes.outcome(&record, &call, seconds);
                if matches!(by.permission, Permission::RefusedForGood(_)) {
                    self.episodes.fail_rung(&record.fault, record.rung);
                }
                None
            }
        };
        let surplus =
            (self.status.actions.len() + 1).saturating_sub(self.status.facts.count("keep-actions"));
        self.status.actions.drain(..surplus);
        self.status.actions.push(Arc::new(record));
        order
    }

    /// An order was carried out, or not.
    pub(super) fn carried_out(&mut self, id: u64, outcome: Outcome, seconds: f64) {
        let Some(index) = self.open.iter().position(|open| open.id == id) else {
            return;
        };
        let worked = outcome.is_ok();
        let Some(record) = self.record(id) else {
            return;
        };
        record.outcome = outcome;
        let record = record.clone();
        let (fault, call, reason) = (&record.fault, &record.call, &record.reason);
        match &record.outcome {
            Ok(done) => tracing::info!(id, %fault, %call, %reason, %done, "acted"),
            Err(error) => tracing::warn!(id, %fault, %call, %reason, %error, "not acted"),
        }
        let call = self.open[index].call.clone();
        self.episodes.outcome(&record, &call, seconds);
        if worked {
            self.open[index].due = Some(seconds + self.open[index].wait);
        } else {
            // What could not be done has not helped.
            let open = self.open.remove(index);
            self.give_verdict(&open, Verdict::Failed, seconds);
        }
        self.show_episodes();
    }

    /// Switches the mode of a rule that has one by name.
    ///
    /// # Errors
    /// If there is no such rule.
    pub(super) fn set_mode(&mut self, set: SetMode) -> Result<Vec<ModeRecord>, String> {
        let SetMode { fault, rule, mode } = set;
        let known = self
            .status
            .modes
            .iter()
            .any(|known| known.fault == fault && known.rule == rule);
        if !known {
            let names: Vec<String> = self
                .status
                .modes
                .iter()
                .map(|known| format!("{}/{}", known.fault, known.rule))
                .collect();
            return Err(format!(
                "no rule {fault}/{rule} has a mode; there are {}",
                names.join(", ")
            ));
        }
        let head = [Atom::symbol(&fault), Atom::symbol(&rule)];
        for atom in self.spaces.modes.atoms() {
            if atom
                .as_expression()
                .is_some_and(|children| children.get(1..3) == Some(&head[..]))
            {
                self.spaces.modes.remove(&atom);
            }
        }
        if let Some(mode) = mode {
            let mode = match mode {
                Mode::Enforce => Atom::symbol("enforce"),
                Mode::Shadow => Atom::symbol("shadow"),
                Mode::Canary(percent) => super::atom("canary", vec![Atom::float(percent)]),
            };
            let [fault, rule] = head;
            self.spaces
                .modes
                .add(super::atom("mode", vec![fault, rule, mode]));
        }
        self.status.modes = decision::modes(&self.engine, &self.spaces.modes);
        Ok(self.status.modes.clone())
    }

    /// Forgets episodes and what is open; the history of actions stays.
    pub(super) fn reset(&mut self) {
        for Open { id, .. } in std::mem::take(&mut self.open) {
            let after = Arc::clone(&self.newest);
            if let Some(record) = self.record(id) {
                record.verdict = Verdict::Inconclusive;
                record.after = Some(after);
            }
        }
        self.episodes.reset();
        self.show_episodes();
    }

    fn show_episodes(&mut self) {
        let reading = &self.status.reading;
        let due = |fault: &str| {
            self.open
                .iter()
                .filter(|open| open.fault == fault)
                .filter_map(|open| open.due)
                .reduce(f64::max)
        };
        self.status.episodes = self.episodes.records(reading.seconds, reading.unix, due);
        self.status.open_faults = self.episodes.faults();
    }

    fn show_strategies(&mut self) {
        let symbol = |atom: &Atom| atom.as_symbol().map(str::to_owned);
        let priors = decision::facts(self.engine.self_space(), "prior", 4);
        self.status.strategies = decision::facts(self.engine.self_space(), "ladder", 2)
            .iter()
            .filter_map(|fact| {
                let (fault, strategy) = (symbol(&fact[0])?, symbol(&fact[1])?);
                let learned = self.weights.get(&fault, &strategy);
                let prior = priors
                    .iter()
                    .find(|prior| prior[0] == fact[0] && prior[1] == fact[1])
                    .and_then(|prior| Some((prior[2].as_f64()?, prior[3].as_f64()?)));
                let (mean, evidence) = learned.or(prior).unwrap_or((0.5, 1.0));
                let key = (fault.clone(), strategy.clone());
                let [verified, failed, inconclusive] =
                    self.tally.get(&key).copied().unwrap_or_default();
                Some(StrategyRecord {
                    fault,
                    strategy,
                    mean,
                    evidence,
                    learned: learned.is_some(),
                    verified,
                    failed,
                    inconclusive,
                })
            })
            .collect();
    }
}
