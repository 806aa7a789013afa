//! Payments as a list.
use crate::{
    error::Error,
    i18n::Lang,
    page::{
        Badge, Cell, Column, Detail, Place, Reader, When,
        list::{Asked, Filter, Listing, Slice},
        money,
    },
    payments::{
        Name, Payment, State, number, short_id,
        store::{self, Filter as Wanted},
    },
};
use sqlx::PgConnection;

pub(super) struct Payments;

pub(super) fn place(payment: &Payment) -> Place {
    Place { id: payment.short_id(), href: format!("/payments/{}", payment.short_id()), beside: None, current: false }
}

/// A state as a sign and a word. The signs are those of requests: what is good looks the same everywhere.
pub(super) fn badge(l: Lang, state: State) -> Badge {
    let (key, icon) = match state {
        State::Heard | State::Ready => ("pending", "clock"),
        State::AwaitingDeposit => ("pending", "inbox"),
        State::Pending => ("executing", "loader"),
        State::Paid => ("succeeded", "circle-check"),
        State::PartlyCancelled => ("partial", "diff"),
        State::Cancelled => ("withdrawn", "undo-2"),
        State::Failed => ("failed", "octagon-x"),
        State::Expired => ("expired", "clock-alert"),
        State::Unknown => ("unknown", "circle-help"),
    };
    Badge { key, icon, label: called(l, "state", state.name()) }
}

/// A word of ours, such as `payment-state-paid`.
pub(super) fn called(l: Lang, kind: &str, name: &str) -> String {
    l.find(&format!("payment-{kind}-{}", name.replace('_', "-"))).unwrap_or_else(|| name.to_owned())
}

impl Listing for Payments {
    type Row = Payment;
    const NAME: &'static str = "payments";
    const ORDERS: &'static [&'static str] = &["-created", "amount"];
    const ICON: &'static str = "receipt";

    fn caption(r: &Reader) -> String {
        r.l.payments_title()
    }

    fn columns() -> Vec<Column<Payment>> {
        type Of = Column<Payment>;
        let title = |_: &Reader, p: &Payment| Cell::Title {
            text: p.order_id.clone().unwrap_or_else(|| p.short_id()),
            below: vec![Detail::code(p.short_id())],
        };
        let trouble = |r: &Reader, p: &Payment| match &p.trouble {
            Some(why) => Cell::Outcome { key: "failure".into(), label: called(r.l, "outcome", why) },
            None => Cell::None,
        };
        vec![
            Of::new("order", Lang::payment_order, title, |p| p.order_id.clone().unwrap_or_default()),
            Of::new("id", Lang::payment_id, |_, p| Cell::Code(p.short_id()), Payment::short_id).hidden().in_files(),
            Of::new("provider", Lang::payment_provider, |_, p| Cell::Tag(p.provider.called().into()), |p| p.provider.name().into()),
            Of::new("state", Lang::payment_state, |r, p| Cell::State(badge(r.l, p.state)), |p| p.state.name().into()),
            Of::new("amount", Lang::payment_amount, |_, p| amount(p.amount), |p| digits(p.amount)).end().sorts(),
            Of::new("balance", Lang::payment_balance, |_, p| amount(p.balance), |p| digits(p.balance)).end(),
            Of::new("payer", Lang::payment_payer, |_, p| payer(p), payer_text),
            Of::new("trouble", Lang::payment_trouble, trouble, |p| p.trouble.clone().unwrap_or_default()),
            Of::new("created", Lang::payment_heard, |r, p| Cell::Date(When::new(r.l, p.heard_at)), |p| When::iso(p.heard_at)).end().sorts(),
            Of::new(
                "paid",
                Lang::payment_paid_at,
                |r, p| p.paid_at.map_or(Cell::None, |at| Cell::Date(When::new(r.l, at))),
                |p| p.paid_at.map(When::iso).unwrap_or_default(),
            )
            .end()
            .hidden(),
            Of::new(
                "key",
                Lang::payment_provider_id,
                |_, p| p.provider_id.clone().map_or(Cell::None, Cell::Code),
                |p| p.provider_id.clone().unwrap_or_default(),
            )
            .hidden(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let states = State::ALL.into_iter().map(|s| (s.name().to_owned(), called(r.l, "state", s.name()))).collect();
        let providers = Name::ALL.into_iter().map(|p| (p.name().to_owned(), p.called().to_owned())).collect();
        let trouble = vec![("yes".to_owned(), r.l.payment_with_trouble()), ("no".to_owned(), r.l.payment_without_trouble())];
        vec![
            Filter::search(asked, r.l.payments_search(), r.l.payments_search_hint()),
            Filter::choice(asked, "state", r.l.payment_state(), r.l.payment_any_state(), states),
            Filter::choice(asked, "provider", r.l.payment_provider(), r.l.payment_any_provider(), providers),
            Filter::choice(asked, "trouble", r.l.payment_trouble(), r.l.payment_any_trouble(), trouble),
        ]
    }

    fn place(_: &Asked, row: &Payment) -> Place {
        place(row)
    }

    fn mark(row: &Payment, key: &str) -> (String, String) {
        (if key == "amount" { digits(row.amount) } else { String::new() }, row.id.to_string())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Payment>, Error> {
        let trouble = asked.some("trouble").map(|wanted| wanted == "yes");
        let q = asked.some("q");
        let filter =
            Wanted { number: q.as_deref().and_then(number), q, state: asked.some("state"), provider: asked.some("provider"), trouble };
        Ok(store::list(conn, &filter, slice).await?)
    }
}

fn amount(won: Option<i64>) -> Cell {
    won.map_or(Cell::None, |won| Cell::Number(money::full(won)))
}

fn digits(won: Option<i64>) -> String {
    won.map(|won| won.to_string()).unwrap_or_default()
}

/// Masked: whole on the payment's own page alone.
fn payer(payment: &Payment) -> Cell {
    Cell::text(Some(payer_text(payment)).filter(|name| !name.is_empty()))
}

fn payer_text(payment: &Payment) -> String {
    if payment.names_somebody() { payment.payer.to_string() } else { String::new() }
}

/// `PAY-12`, or an order as a whole.
pub(super) async fn found(conn: &mut PgConnection, q: &str) -> Result<Vec<Payment>, Error> {
    if let Some(id) = number(q) {
        return Ok(store::find(conn, id).await?.into_iter().collect());
    }
    let filter = Wanted { q: Some(q.to_owned()), ..Wanted::default() };
    Ok(store::list(conn, &filter, Slice::newest(crate::page::FEW)).await?)
}

/// Where a payment is.
pub(super) fn href(id: i64) -> String {
    format!("/payments/{}", short_id(id))
}
