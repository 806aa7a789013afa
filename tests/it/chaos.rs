//! Two hundred replicas are killed while people ask and approve, here and in another system. Whatever was acknowledged is there,
//! every effect happened once, and everything that must hold, holds.
use crate::{
    process::{Process, Product, USER},
    support::{Desk, REASON, Token},
};
use countersign::operations::Guarantee;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::RwLock;

const KILLS: usize = 200;

type Bases = Arc<[RwLock<String>; 2]>;

/// Tries at either replica until one answers, as a client behind a load balancer does.
async fn insist(bases: &Bases, token: &Token, path: &str, key: &str, body: &Value) -> (u16, Value) {
    for n in 0.. {
        let base = bases[n % 2].read().await.clone();
        let request = token.http.post(format!("{base}{path}")).bearer_auth(&token.secret).header("idempotency-key", key).json(body);
        if let Ok(response) = request.timeout(Duration::from_secs(5)).send().await {
            let status = response.status().as_u16();
            if status != 503
                && let Ok(body) = response.json().await
            {
                return (status, body);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!("it tries for ever")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_under_load_lose_nothing_and_do_nothing_twice() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut desk = Desk::with(1, |_| {}).await;
    let (ops, approver) = (Arc::new(desk.token("ops").await), Arc::new(desk.token("approver").await));
    desk.stop_all().await;
    let product = Product::start(&desk);
    let mut environment = product.environment(Guarantee::Keyed);
    environment.push(("COUNTERSIGN_ADMIN_API_OPERATIONS", "user.plan.grant".into()));
    let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let mut replicas = [Process::start(&desk, &[], &environment).await, Process::start(&desk, &[], &environment).await];
    let bases: Bases = Arc::new([RwLock::new(replicas[0].base.clone()), RwLock::new(replicas[1].base.clone())]);
    let orgs: Vec<String> = sqlx::query_scalar("select id from admin_orgs order by id").fetch_all(&mut desk.owner().await).await.unwrap();

    // what clients were told, kept on their side
    let journal: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4usize)
        .map(|who| {
            let (bases, ops, approver, orgs) = (bases.clone(), ops.clone(), approver.clone(), orgs.clone());
            let (journal, over) = (journal.clone(), over.clone());
            tokio::spawn(async move {
                for turn in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let key = format!("\"client-{who}-{turn}\"");
                    let ask = if who == 0 {
                        let plan = if turn % 2 == 0 { "pro" } else { "free" };
                        json!({"operation": "user.plan.grant", "fields": {"user_id": USER, "plan": plan}, "reason": REASON})
                    } else {
                        let org = &orgs[(turn * 4 + who) % orgs.len()];
                        json!({"operation": "org.tier.fix", "fields": {"org_id": org, "credit": 1_000_000 + turn * 4 + who}, "reason": REASON})
                    };
                    let (status, request) = insist(&bases, &ops, "/api/requests", &key, &ask).await;
                    if status != 201 {
                        // the plan is that already, because the change before it was stale
                        assert_eq!(status, 422, "{request}");
                        continue;
                    }
                    let id = request["id"].as_str().unwrap().to_owned();
                    journal.lock().unwrap().insert(id.clone(), ask["fields"].clone());
                    let vote = json!({"decision": "approve", "binding": request["binding"]});
                    let (status, voted) = insist(&bases, &approver, &format!("/api/requests/{id}/votes"), &key, &vote).await;
                    assert_eq!(status, 200, "{voted}");
                    tokio::time::sleep(Duration::from_millis(if who == 0 { 400 } else { 60 })).await;
                }
            })
        })
        .collect();

    for n in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..120))).await;
        let victim = n % 2;
        let fresh = Process::start(&desk, &[], &environment).await;
        *bases[victim].write().await = fresh.base.clone();
        std::mem::replace(&mut replicas[victim], fresh).kill().await;
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }

    let mut owner = desk.owner().await;
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let open: i64 = sqlx::query_scalar("select count(*) from request where state in ('approved', 'executing') and id > (select max(request_id) from attempt where replica = 'demo')")
            .fetch_one(&mut owner)
            .await
            .unwrap();
        if open == 0 {
            break;
        }
        assert!(Instant::now() < end, "seed {seed}: {open} requests were left behind");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new(), "seed {seed}");
    crate::log::sealed(&desk).await;
    let (whole, said) = crate::log::verify(&desk).await;
    assert!(whole, "seed {seed}: {said}");
    let journal = journal.lock().unwrap().clone();
    assert!(journal.len() > KILLS / 2, "seed {seed}: there was hardly any load: {}", journal.len());
    let (mut done, mut failed): (HashSet<String>, HashSet<String>) = (HashSet::new(), HashSet::new());
    for (id, fields) in &journal {
        let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
        let (state, stored): (String, Value) =
            sqlx::query_as("select state, fields from request where id = $1").bind(number).fetch_one(&mut owner).await.unwrap();
        assert_eq!(&stored, fields, "seed {seed}: {id}");
        // failed: under this load the other system may not be reached in time, and then nothing may have happened there
        assert!(["succeeded", "stale", "unknown", "failed"].contains(&state.as_str()), "seed {seed}: {id} is {state}");
        if state == "failed" {
            failed.insert(format!("cs-{number}"));
        }
        if state == "succeeded" && fields["user_id"] == USER {
            done.insert(format!("cs-{number}-1"));
        }
    }
    let effects: Vec<String> = product.effects().await.iter().map(|e| e["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(effects.len(), effects.iter().collect::<HashSet<_>>().len(), "seed {seed}: an effect came twice");
    for key in &failed {
        assert!(
            !effects.iter().any(|effect| effect == key || effect.starts_with(&format!("{key}-"))),
            "seed {seed}: {key} failed and was done"
        );
    }
    assert!(done.iter().all(|key| effects.contains(key)), "seed {seed}: said to be done and was not");
    println!("{} requests acknowledged, {} effects in the product, {KILLS} kills", journal.len(), effects.len());
}
