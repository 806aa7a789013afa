//! What it would cost: the calculator on a product's page and beside its next version. All of it stands in the address.
use crate::{
    catalog::{
        Currency,
        charges::{Charge, Kind},
        estimate::{Question, estimate},
        pricing::{Invoice, Rounding},
        words,
    },
    error::{Error, Problem},
    i18n::{Lang, msg},
    operations::form::number,
    page::Opt,
};
use chrono::NaiveDate;
use sqlx::PgConnection;
use std::collections::HashSet;

/// The calculator as it is shown.
pub(super) struct Calculator {
    pub inputs: Vec<Input>,
    pub roundings: Vec<Opt>,
    pub bill: Option<Bill>,
    pub errors: Vec<String>,
}

pub(super) struct Input {
    pub name: String,
    pub label: String,
    pub value: String,
    pub wrong: bool,
    /// It takes a number.
    pub counts: bool,
}

/// An invoice in words.
pub(super) struct Bill {
    pub lines: Vec<BillLine>,
    pub supply: String,
    pub vat: String,
    pub total: String,
}

pub(super) struct BillLine {
    /// Names it on the page: an add-on may be called like a charge.
    pub id: String,
    pub label: String,
    pub kind: String,
    pub amount: String,
    pub discount: String,
    pub supply: String,
    pub vat: String,
    pub total: String,
    pub steps: Vec<String>,
}

impl Bill {
    pub fn new(l: Lang, currency: Currency, invoice: &Invoice) -> Self {
        let won = |minor: i64| words::amount(currency, minor);
        let line = |line: &crate::catalog::pricing::Line| BillLine {
            id: if line.kind == Kind::Addon { format!("addon-{}", line.key) } else { line.key.clone() },
            label: line.key.clone(),
            kind: words::kind(l, line.kind),
            amount: won(line.amount),
            discount: won(-line.discount),
            supply: won(line.supply),
            vat: won(line.vat),
            total: won(line.total),
            steps: line.steps.iter().map(|step| words::step(l, currency, step)).collect(),
        };
        Self {
            lines: invoice.lines.iter().map(line).collect(),
            supply: won(invoice.supply),
            vat: won(invoice.vat),
            total: won(invoice.total),
        }
    }
}

/// What is asked of the calculator, by the names of its fields.
pub(super) struct Typed<'a> {
    pub l: Lang,
    pub currency: Currency,
    pub charges: &'a [Charge],
    /// The code of the plan, if it has one yet.
    pub plan: Option<&'a str>,
    /// Add-ons that can be had besides, with their names.
    pub addons: &'a [(String, String)],
    pub on: NaiveDate,
}

impl Typed<'_> {
    /// `given` finds what was typed into a field; without `asked` there is a form and no invoice yet.
    pub async fn calculate<'t>(
        &self,
        conn: &mut PgConnection,
        given: impl Fn(&str) -> Option<&'t str>,
        asked: bool,
    ) -> Result<Calculator, Error> {
        let l = self.l;
        let mut question = Question::default();
        let mut problems = Vec::new();
        let mut inputs = Vec::new();
        let mut read = |name: String, label: String| {
            let value = given(&name).unwrap_or_default().trim().to_owned();
            let read = if value.is_empty() { Some(0) } else { number(&value).and_then(|n| u64::try_from(n).ok()) };
            if read.is_none() {
                problems.push(Problem::new(&name, msg::estimate_not_a_number(&label)));
            }
            inputs.push(Input { name, label, value, wrong: read.is_none(), counts: true });
            read.unwrap_or(0)
        };
        let mut metrics: Vec<&str> = self.charges.iter().filter_map(|charge| charge.metric.as_deref()).collect();
        let mut seen = HashSet::new();
        metrics.retain(|metric| seen.insert(*metric));
        for metric in metrics {
            let used = read(format!("use-{metric}"), words::metric(l, metric));
            question.usage.insert(metric.to_owned(), used);
        }
        for (code, name) in self.addons {
            let quantity = read(format!("addon-{code}"), l.estimate_addon(name));
            question.addons.insert(code.clone(), u32::try_from(quantity).unwrap_or(u32::MAX));
        }
        let days = read("days".into(), l.estimate_days());
        let of = read("of".into(), l.estimate_of());
        if (days > 0) != (of > 0) {
            problems.push(Problem::new("days", msg::estimate_days_wrong()));
        } else if days > 0 {
            question.days = Some((u32::try_from(days).unwrap_or(u32::MAX), u32::try_from(of).unwrap_or(u32::MAX)));
        }
        let codes = given("promotions").unwrap_or_default().trim().to_owned();
        question.promotions = codes.split([',', ' ']).filter(|code| !code.is_empty()).map(str::to_owned).collect();
        question.plan = self.plan.map(str::to_owned);
        inputs.push(Input { name: "promotions".into(), label: l.estimate_promotions(), value: codes, wrong: false, counts: false });
        let rounding = given("rounding").unwrap_or("floor");
        question.vat.rounding = match rounding {
            "half_up" => Rounding::HalfUp,
            "ceil" => Rounding::Ceil,
            _ => Rounding::Floor,
        };
        let named = [("floor", l.estimate_vat_floor()), ("half_up", l.estimate_vat_half_up()), ("ceil", l.estimate_vat_ceil())];
        let roundings = named.map(|(value, label)| Opt { value: value.into(), label, selected: value == rounding });
        let mut bill = None;
        if asked && problems.is_empty() {
            match estimate(conn, self.charges, self.currency, &question, self.on).await {
                Ok(invoice) => bill = Some(Bill::new(l, self.currency, &invoice)),
                Err(Error::Invalid(found)) => problems = found,
                Err(other) => return Err(other),
            }
        }
        Ok(Calculator { inputs, roundings: roundings.into(), bill, errors: problems.iter().map(|p| l.say(&p.text)).collect() })
    }
}
