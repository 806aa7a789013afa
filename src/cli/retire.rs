//! Retention: a month goes from the database to a file, as the owner of the tables.
use super::{End, server::owner_url};
use crate::{
    auth::{LedgerRetire, Service},
    db::Db,
    error::{self, Error},
    i18n::Lang,
    ledger::retire::{self, Month},
    live::Live,
};
use std::path::Path;

pub async fn run(month: &str, export: &Path, json: bool) -> anyhow::Result<End> {
    let Some(month) = Month::parse(month) else {
        eprintln!("countersign: {month:?} is not a month such as 2025-01");
        return Ok(End::Usage);
    };
    let db = Db::connect(&owner_url()?, Live::new().0).await?;
    let retired = retire::retire(&db, &Service::Console.operator::<LedgerRetire>(), month, export).await;
    db.close().await;
    match retired {
        Ok(done) if json => {
            let told = serde_json::json!({"month": month.to_string(), "events": done.events, "file": export, "bytes": done.bytes,
                "sha256": done.sha256, "event": done.event});
            println!("{told}");
            Ok(End::Done)
        }
        Ok(done) => {
            println!("Retired {month}: {} events in {}, {} bytes.", done.events, export.display(), done.bytes);
            println!("sha256 {}, vouched for by event {}.", done.sha256, done.event);
            Ok(End::Done)
        }
        Err(Error::Internal(cause)) => Err(cause),
        Err(refused) => {
            eprintln!("countersign: {}", error::sentence(&refused, Lang::En));
            Ok(End::Refused)
        }
    }
}
