//! Everybody on one version of a plan goes to another: seen before it is asked for, countersigned, tenant by tenant, and finished whoever
//! dies on the way, or stopped.
mod asking;
mod stopping;
mod turns;

use crate::{
    subscriptions::{Office, flat},
    support::Desk,
};
use chrono::{Days, NaiveDate};
use countersign::catalog::today;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::time::{Duration, Instant};

fn tomorrow() -> NaiveDate {
    today() + Days::new(1)
}

fn wish(from: NaiveDate) -> Value {
    json!({"plan": "pro-v3", "from_version": 1, "to_version": 2, "from": from})
}

fn counts(pending: i64, moved: i64, skipped: i64) -> Value {
    json!({"pending": pending, "moved": moved, "skipped": skipped})
}

/// A migration whose first twenty have moved: the job waits within the second twenty, for the 22nd, whom somebody holds.
struct Stuck {
    id: String,
    holds: PgConnection,
    /// A superuser, who sees what others wait for, and may end it.
    watcher: PgConnection,
}

impl Stuck {
    /// Backends that wait for a lock with a statement such as this.
    fn waiting(statement: &str) -> String {
        format!("from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%{statement}%'")
    }

    async fn until_one_waits(&mut self, statement: &str) {
        let waits = format!("select exists (select {})", Self::waiting(statement));
        let end = Instant::now() + Duration::from_secs(20);
        while !sqlx::query_scalar::<_, bool>(AssertSqlSafe(waits.clone())).fetch_one(&mut self.watcher).await.unwrap() {
            assert!(Instant::now() < end, "nobody waits with {statement}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The database goes away under the job.
    async fn cut_off(&mut self) {
        let ends = format!("select pg_terminate_backend(pid) {}", Self::waiting("update tenant_subscription"));
        let ended: Vec<bool> = sqlx::query_scalar(AssertSqlSafe(ends)).fetch_all(&mut self.watcher).await.unwrap();
        assert_eq!(ended, [true]);
    }

    async fn let_go(&mut self) {
        self.holds.execute("rollback").await.unwrap();
    }
}

impl Office {
    /// Another version of `pro-v3` is in force from tomorrow on, at ₩1,200,000.
    async fn with_next() -> Self {
        let office = Self::at(Desk::with(2, |_| {}).await).await;
        office.publish("pro-v3", &tomorrow().to_string(), &flat(1_200_000)).await;
        office
    }

    async fn stuck(&self, tenants: i32) -> Stuck {
        many(&self.desk, tenants).await;
        let id = self.asked("subscription.migrate", wish(tomorrow())).await;
        let (mut holds, watcher) = (self.desk.owner().await, PgConnection::connect(&self.desk.url_as("postgres").await).await.unwrap());
        holds.execute("begin; select from tenant_subscription where tenant_id = 'tnt_m000000022' for no key update").await.unwrap();
        assert_eq!(self.approved(&id).await["state"], "succeeded");
        let mut stuck = Stuck { id, holds, watcher };
        stuck.until_one_waits("update tenant_subscription").await;
        stuck
    }

    async fn migration(&self, request: &str) -> Value {
        let (status, told) = self.cs.get(&format!("/api/subscriptions/migrations/{request}")).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    /// The migration once every tenant had its turn.
    async fn finished(&self, request: &str) -> Value {
        // a job that waited for a lock in vain comes again after half a minute at most
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let told = self.migration(request).await;
            if told["state"] == "finished" {
                return told;
            }
            assert!(Instant::now() < end, "it never finished: {told}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_as_told(&self) {
        assert_eq!((besides_many(self.overwritten().await), self.desk.broken_invariants().await), (Vec::new(), Vec::new()));
    }

    /// Whoever writes past the portal what became of somebody is found: each of these alone.
    async fn finds(&self, request: &str, edits: &[&str]) {
        self.is_as_told().await;
        let mut owner = self.desk.owner().await;
        for edit in edits {
            let mut tx = owner.begin().await.unwrap();
            let past = format!(
                "alter table subscription_migration disable trigger user; alter table subscription_migration_row disable trigger user; {edit}"
            );
            sqlx::raw_sql(AssertSqlSafe(past)).execute(&mut *tx).await.unwrap();
            let registry = countersign::operations::registry::Registry::new();
            let found = countersign::requests::invariants::overwritten(&mut tx, &registry).await.unwrap();
            assert_eq!(besides_many(found.requests), [request], "{edit}");
            tx.rollback().await.unwrap();
        }
    }
}

/// So many tenants on `pro-v3` v1, since January, written as the owner of the tables.
async fn many(desk: &Desk, n: i32) {
    let sql = format!(
        "alter table tenant disable trigger user; alter table tenant_subscription disable trigger user;
         insert into tenant (id, company_id, slug, region, time_zone, status, created_at, activated_at)
           select 'tnt_m' || lpad(n::text, 9, '0'), (select min(id) from company), 'many-' || n, 'kr', 'Asia/Seoul', 'active', now(), now()
           from generate_series(1, {n}) n;
         insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at)
           select 'tnt_m' || lpad(n::text, 9, '0'), 'pro-v3', 1, '[2026-01-01,)', (select min(id) from request), now() from generate_series(1, {n}) n;
         alter table tenant enable trigger user; alter table tenant_subscription enable trigger user"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut desk.owner().await).await.unwrap();
}

/// No event tells of those whom [`many`] wrote for the first request.
fn besides_many(found: Vec<String>) -> Vec<String> {
    found.into_iter().filter(|request| request != "CR-1").collect()
}
