//! What is measured. Counters and histograms say what this replica did and are summed over replicas; gauges that are read from
//! the database are the same at each.
pub mod store;

use prometheus::{Gauge, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use std::{sync::Arc, time::Duration};

/// Something a transaction did, counted if and when it commits.
#[derive(Clone, Debug)]
pub enum Fact {
    Voted { approves: bool },
    Became(Became),
}

/// A request is in a new state.
#[derive(Clone, Debug)]
pub struct Became {
    pub operation: String,
    pub state: &'static str,
    /// Since it was asked for.
    pub after: Duration,
    /// Whether people had to decide.
    pub by_people: bool,
}

/// From seconds, for a change that cannot wait, to the days after which requests expire.
const DECISIONS: [f64; 12] = [5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0];
const LATENCIES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// One replica's counters. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    votes: IntCounterVec,
    transitions: IntCounterVec,
    decisions: HistogramVec,
    attempts: IntCounterVec,
    outcomes: IntCounterVec,
    http: HistogramVec,
    payment_events: IntCounterVec,
    payment_looks: IntCounterVec,
    payment_answers: HistogramVec,
}

impl Metrics {
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| -> prometheus::Result<HistogramVec> {
            let histogram = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let inner = Inner {
            votes: counter("countersign_votes_total", "Votes that were counted.", &["decision"])?,
            transitions: counter("countersign_request_transitions_total", "Requests that came into a state.", &["operation", "state"])?,
            decisions: histogram(
                "countersign_decision_seconds",
                "From asking to the decision, of requests that people decide.",
                &["decision"],
                &DECISIONS,
            )?,
            attempts: counter("countersign_execution_attempts_total", "Executions that were begun.", &["operation"])?,
            outcomes: counter("countersign_execution_outcomes_total", "How executions ended.", &["operation", "outcome"])?,
            http: histogram(
                "countersign_http_request_seconds",
                "From an HTTP request to the head of its answer.",
                &["method", "route", "status"],
                &LATENCIES,
            )?,
            payment_events: counter(
                "countersign_payment_events_total",
                "Events that payment providers posted, and those that only said so.",
                &["provider", "outcome"],
            )?,
            payment_looks: counter(
                "countersign_payment_looks_total",
                "Questions to payment providers, by what came of them.",
                &["provider", "outcome"],
            )?,
            payment_answers: histogram(
                "countersign_payment_look_seconds",
                "From a question to a payment provider to its answer, or to giving up.",
                &["provider"],
                &LATENCIES,
            )?,
            registry,
        };
        // there from the beginning: a rate over what is not there yet is no rate
        for decision in ["approve", "reject"] {
            inner.votes.with_label_values(&[decision]);
            inner.decisions.with_label_values(&[decision]);
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The series of these operations, all at nothing.
    pub fn expect<'a>(&self, operations: impl Iterator<Item = &'a str>) {
        for operation in operations {
            self.0.attempts.with_label_values(&[operation]);
            for outcome in ["succeeded", "failed", "partial", "unknown"] {
                self.0.outcomes.with_label_values(&[operation, outcome]);
            }
        }
    }

    /// The series of these payment providers, all at nothing.
    pub fn expect_payments<'a>(&self, providers: impl Iterator<Item = &'a str>, looks: &[&str]) {
        for provider in providers {
            for outcome in ["taken", "noted", "known", "unsigned", "malformed", "oversize", "unsound", "failed"] {
                self.0.payment_events.with_label_values(&[provider, outcome]);
            }
            looks.iter().for_each(|outcome| _ = self.0.payment_looks.with_label_values(&[provider, outcome]));
            self.0.payment_answers.with_label_values(&[provider]);
        }
    }

    /// An event of a payment provider came in, and this became of it.
    pub fn payment_event(&self, provider: &str, outcome: &str) {
        self.0.payment_events.with_label_values(&[provider, outcome]).inc();
    }

    /// A payment provider was asked.
    pub fn payment_look(&self, provider: &str, outcome: &str, took: Duration) {
        self.0.payment_looks.with_label_values(&[provider, outcome]).inc();
        self.0.payment_answers.with_label_values(&[provider]).observe(took.as_secs_f64());
    }

    /// Of a transaction that has committed.
    pub fn count(&self, fact: &Fact) {
        match fact {
            Fact::Voted { approves } => self.0.votes.with_label_values(&[if *approves { "approve" } else { "reject" }]).inc(),
            Fact::Became(became) => self.became(became),
        }
    }

    fn became(&self, Became { operation, state, after, by_people }: &Became) {
        self.0.transitions.with_label_values(&[operation.as_str(), state]).inc();
        match *state {
            "approved" if *by_people => self.0.decisions.with_label_values(&["approve"]).observe(after.as_secs_f64()),
            "denied" => self.0.decisions.with_label_values(&["reject"]).observe(after.as_secs_f64()),
            "executing" => self.0.attempts.with_label_values(&[operation]).inc(),
            "succeeded" | "failed" | "partial" | "unknown" => self.0.outcomes.with_label_values(&[operation.as_str(), state]).inc(),
            _ => {}
        }
    }

    /// `route` is the template, never the path: what somebody sends must not make series.
    pub fn answered(&self, method: &str, route: &str, status: &str, took: Duration) {
        self.0.http.with_label_values(&[method, route, status]).observe(took.as_secs_f64());
    }

    /// All of it, with these gauges, in the text format of Prometheus.
    pub fn text(&self, gauges: Gauges) -> prometheus::Result<String> {
        let mut families = self.0.registry.gather();
        families.extend(gauges.0.gather());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        prometheus::TextEncoder::new().encode_to_string(&families)
    }
}

/// How things stand at one scrape; made anew for each, so that two scrapes do not mix.
pub struct Gauges(Registry);

impl Gauges {
    pub fn new() -> Self {
        Self(Registry::new())
    }

    pub fn one(&self, name: &str, help: &str, value: f64) -> prometheus::Result<()> {
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        self.0.register(Box::new(gauge))
    }

    /// A series for each pair of label values and value.
    pub fn many<'a, const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = ([&'a str; N], f64)>,
    ) -> prometheus::Result<()> {
        let gauge = prometheus::GaugeVec::new(Opts::new(name, help), &labels)?;
        values.into_iter().for_each(|(labels, value)| gauge.with_label_values(&labels).set(value));
        self.0.register(Box::new(gauge))
    }
}

impl Default for Gauges {
    fn default() -> Self {
        Self::new()
    }
}
