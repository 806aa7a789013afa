//! Where the payments module will answer: what a provider says of an order.
use crate::error::Error;
use sqlx::PgConnection;

/// What a provider says of an order, asked by us.
pub(super) struct Paid {
    /// Whole won.
    pub amount: i64,
    /// Whether the money is there and was not taken back.
    pub settled: bool,
}

/// The payment of this order of this tenant, if payments come in by themselves. Nobody answers yet: what people hand in stands alone,
/// and pages say so.
pub(super) async fn look(_: &mut PgConnection, _tenant: &str, _order_id: &str) -> Result<Option<Paid>, Error> {
    Ok(None)
}
