//! What happens when two things happen at once: real clients at two replicas, in many rounds. Whatever wins, one thing wins, and
//! the loser is told what won.
use crate::{
    log::{sealed, verify},
    process::{Process, Product},
    support::{Desk, ORG, REASON, Token, answer, two_approvers},
};
use countersign::operations::Guarantee;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ROUNDS: usize = 12;

struct Ring {
    desk: Desk,
    ops: Token,
    admin: Token,
    approver: Token,
    orgs: Vec<String>,
}

impl Ring {
    async fn open() -> Self {
        Self::at(Desk::with(2, |_| {}).await).await
    }

    async fn at(desk: Desk) -> Self {
        let (ops, admin, approver) = (desk.token("ops").await, desk.token_at(1, "admin", &[]).await, desk.token("approver").await);
        let orgs = sqlx::query_scalar("select id from admin_orgs order by id").fetch_all(&mut desk.owner().await).await.unwrap();
        Self { desk, ops, admin, approver, orgs }
    }

    async fn ask(&self, round: usize) -> (String, Value) {
        let (status, request) = self.ops.fix(json!({"org_id": self.orgs[round], "credit": 777_000 + round})).await;
        assert_eq!(status, 201, "{request}");
        (request["id"].as_str().unwrap().to_owned(), request["binding"].clone())
    }

    async fn vote(&self, who: &Token, id: &str, decision: &str, binding: &Value) -> (u16, Value) {
        let body = json!({"decision": decision, "binding": binding, "reason": "충분히 검토하고 결정한 의견입니다."});
        who.post(&format!("/api/requests/{id}/votes"), &body).await
    }

    async fn settled(&self, id: &str) -> Value {
        let (_, request) = self.ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
        request
    }

    async fn holds(&self) {
        assert_eq!(self.desk.broken_invariants().await, Vec::<String>::new());
        sealed(&self.desk).await;
        let (whole, said) = verify(&self.desk).await;
        assert!(whole, "{said}");
    }
}

fn state(request: &Value) -> &str {
    request["state"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn two_who_are_both_needed_approve_at_once() {
    let ring = Ring::open().await;
    ring.desk.replace_policy(&two_approvers()).await;
    for round in 0..ROUNDS {
        let (id, binding) = ring.ask(round).await;
        let both = [ring.vote(&ring.admin, &id, "approve", &binding), ring.vote(&ring.approver, &id, "approve", &binding)];
        assert_eq!(futures::future::join_all(both).await.into_iter().map(|(status, _)| status).collect::<Vec<_>>(), [200, 200]);
        assert_eq!(state(&ring.settled(&id).await), "succeeded");
    }
    ring.holds().await;
}

#[tokio::test]
async fn approve_against_withdraw() {
    let ring = Ring::open().await;
    for round in 0..ROUNDS {
        let (id, binding) = ring.ask(round).await;
        let path = format!("/api/requests/{id}/withdraw");
        let nothing = json!({});
        let (voted, withdrawn) = tokio::join!(ring.vote(&ring.approver, &id, "approve", &binding), ring.ops.post(&path, &nothing));
        let request = ring.settled(&id).await;
        match state(&request) {
            // it was taken back before it began, or before the vote
            "withdrawn" => assert!(withdrawn.0 == 200 && [200, 409].contains(&voted.0), "{voted:?} {withdrawn:?}"),
            "succeeded" => assert!(voted.0 == 200 && withdrawn.0 == 409, "{voted:?} {withdrawn:?}"),
            other => panic!("{other}: {voted:?} {withdrawn:?}"),
        }
    }
    ring.holds().await;
}

#[tokio::test]
async fn taking_a_vote_back_against_the_vote_that_completes_the_quorum() {
    let desk = Desk::with(2, |config| config.policy = two_approvers()).await;
    let ring = Ring::at(desk).await;
    let mut ends = [0, 0];
    for round in 0..ROUNDS {
        let (id, binding) = ring.ask(round).await;
        assert_eq!(ring.vote(&ring.approver, &id, "approve", &binding).await.0, 200);
        let mine = format!("/api/requests/{id}/votes/mine");
        // neither always comes first
        let late = |yes: bool| tokio::time::sleep(Duration::from_millis(if yes { round as u64 / 2 } else { 0 }));
        let (back, last) = tokio::join!(
            async {
                late(round % 2 == 0).await;
                ring.approver.delete(&mine).await
            },
            async {
                late(round % 2 == 1).await;
                ring.vote(&ring.admin, &id, "approve", &binding).await
            }
        );
        assert_eq!(last.0, 200, "{last:?}");
        if back.0 == 200 {
            ends[0] += 1;
            let (_, request) = ring.ops.get(&format!("/api/requests/{id}")).await;
            assert_eq!((state(&request), request["votes"].as_array().unwrap().len()), ("pending", 1), "{request}");
            assert_eq!(ring.vote(&ring.approver, &id, "approve", &binding).await.0, 200, "they may think again");
        } else {
            ends[1] += 1;
            assert_eq!(back.0, 409, "{back:?}");
        }
        assert_eq!(state(&ring.settled(&id).await), "succeeded");
    }
    println!("taken back {} times, too late {} times", ends[0], ends[1]);
    ring.holds().await;
}

#[tokio::test]
async fn approve_against_reject() {
    let ring = Ring::open().await;
    for round in 0..ROUNDS {
        let (id, binding) = ring.ask(round).await;
        let (yes, no) = tokio::join!(ring.vote(&ring.approver, &id, "approve", &binding), ring.vote(&ring.admin, &id, "reject", &binding));
        let request = ring.settled(&id).await;
        match state(&request) {
            // the rejection came first, or stopped what had not begun
            "denied" => assert!(no.0 == 200 && [200, 409].contains(&yes.0), "{yes:?} {no:?}"),
            "succeeded" => assert!(yes.0 == 200 && no.0 == 409, "{yes:?} {no:?}"),
            other => panic!("{other}: {yes:?} {no:?}"),
        }
        let effects = ring.desk.story(&id).await.iter().filter(|kind| *kind == "org.tier.fixed").count();
        assert_eq!(effects, usize::from(state(&request) == "succeeded"));
    }
    ring.holds().await;
}

#[tokio::test]
async fn approve_against_expiry() {
    let ring = Ring::open().await;
    for round in 0..ROUNDS {
        let (id, binding) = ring.ask(round).await;
        let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
        // its last 80 ms, with the binding that belongs to them
        sqlx::query("alter table request disable trigger is_recorded").execute(&mut ring.desk.owner().await).await.unwrap();
        sqlx::query("update request set expires_at = clock_timestamp() + interval '80 ms' where id = $1")
            .bind(number)
            .execute(&mut ring.desk.owner().await)
            .await
            .unwrap();
        sqlx::query("alter table request enable trigger is_recorded").execute(&mut ring.desk.owner().await).await.unwrap();
        let votes = (0..4).map(|n| {
            let (ring, id, binding) = (&ring, &id, &binding);
            async move {
                tokio::time::sleep(Duration::from_millis(25 * n)).await;
                ring.vote(if n % 2 == 0 { &ring.approver } else { &ring.admin }, id, "approve", binding).await
            }
        });
        let answers = futures::future::join_all(votes).await;
        let request = ring.settled(&id).await;
        let voted = ring.desk.story(&id).await.iter().filter(|kind| *kind == "request.voted").count();
        match state(&request) {
            "expired" => {
                assert_eq!(voted, 0, "{answers:?}");
                assert!(answers.iter().all(|(status, body)| *status == 409 && body["code"] == "request-expired"), "{answers:?}");
            }
            // approved in time; it never runs, because what is stored is no longer what was bound
            "stale" => assert_eq!((voted, request["outcome"]["code"].as_str()), (1, Some("binding_broken")), "{answers:?}"),
            other => panic!("{other}: {answers:?}"),
        }
    }
}

#[tokio::test]
async fn the_same_person_through_two_doors_is_one_human() {
    let ring = Ring::open().await;
    let at_the_page = ring.desk.sign_in("approver").await.at(ring.desk.base(1));
    for round in 0..ROUNDS {
        let (id, binding) = ring.ask(round).await;
        let (page, api) = tokio::join!(at_the_page.vote(&id, "approve", ""), ring.vote(&ring.approver, &id, "approve", &binding));
        assert!(page.status == 303 || page.status == 422 || page.status == 200 || page.status == 409, "{}: {}", page.status, page.text());
        assert_eq!(api.0, 200, "{api:?}");
        assert_eq!(state(&ring.settled(&id).await), "succeeded");
        let votes: i64 = sqlx::query_scalar("select count(*) from vote where request_id = $1")
            .bind(id.trim_start_matches("CR-").parse::<i64>().unwrap())
            .fetch_one(&mut ring.desk.owner().await)
            .await
            .unwrap();
        assert_eq!(votes, 1);
    }
    ring.holds().await;
}

#[tokio::test]
async fn an_approver_who_is_disabled_meanwhile_does_not_count() {
    let ring = Ring::open().await;
    let db = countersign::db::Db::connect(&ring.desk.owner_url().await, countersign::live::Live::new().0).await.unwrap();
    let console = countersign::auth::Service::Console.operator();
    for round in 0..4 {
        let (id, binding) = ring.ask(round).await;
        let (voted, disabled) = tokio::join!(
            ring.vote(&ring.approver, &id, "approve", &binding),
            countersign::auth::operators::disable(&db, &console, "approver@hanbit.example")
        );
        disabled.unwrap();
        // a vote that was refused leaves it pending for good
        let request = if voted.0 == 200 { ring.settled(&id).await } else { ring.ops.get(&format!("/api/requests/{id}")).await.1 };
        match state(&request) {
            "succeeded" => assert_eq!(voted.0, 200, "it ran while they were still there"),
            "stale" => assert_eq!(request["outcome"]["code"], "quorum_lost"),
            "pending" => assert!([401, 403].contains(&voted.0), "{voted:?}"),
            other => panic!("{other}: {voted:?}"),
        }
        countersign::auth::operators::enable(&db, &console, "approver@hanbit.example").await.unwrap();
    }
    db.close().await;
}

#[tokio::test]
async fn two_requests_for_one_target_run_one_after_the_other_and_the_second_is_stale() {
    let ring = Ring::open().await;
    for round in 0..ROUNDS {
        let ask = async |credit: usize| ring.ops.fix(json!({"org_id": ring.orgs[round], "credit": credit})).await.1;
        let (one, two) = (ask(500_001).await, ask(500_002).await);
        let id = |request: &Value| request["id"].as_str().unwrap().to_owned();
        let (first, second) = (id(&one), id(&two));
        tokio::join!(
            ring.vote(&ring.approver, &first, "approve", &one["binding"]),
            ring.vote(&ring.admin, &second, "approve", &two["binding"])
        );
        let mut states = [state(&ring.settled(&first).await).to_owned(), state(&ring.settled(&second).await).to_owned()];
        states.sort();
        assert_eq!(states, ["stale", "succeeded"]);
    }
    ring.holds().await;
}

#[tokio::test]
async fn a_replica_that_slept_through_its_lease_changes_nothing_when_it_wakes() {
    let mut desk = Desk::with(1, |_| {}).await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    desk.stop_all().await;
    let product = Product::start(&desk);
    product.mode("slow").await;
    let environment = product.environment(Guarantee::Keyed);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let sleeper = Process::start(&desk, &["--worker-only"], &environment).await;
    let door = Process::start(&desk, &["--no-worker"], &environment).await;
    let at = |token: &Token| Token { base: door.base.clone(), id: token.id, secret: token.secret.clone(), http: token.http.clone() };
    let (_, request) = at(&ops).fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let id = request["id"].as_str().unwrap().to_owned();
    at(&approver).vote(&id, "approve", None).await;
    let end = Instant::now() + Duration::from_secs(10);
    while !desk.story(&id).await.iter().any(|kind| kind == "request.dispatched") {
        assert!(Instant::now() < end, "it was never dispatched");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sleeper.signal("STOP").await;
    product.mode("ok").await;
    let other = Process::start(&desk, &["--worker-only"], &environment).await;
    let (_, done) = at(&ops).get(&format!("/api/requests/{id}/wait?timeout=15")).await;
    assert_eq!(state(&done), "succeeded", "{done}");
    assert_eq!(done["attempts"].as_array().unwrap().len(), 2);
    sleeper.signal("CONT").await;
    let end = Instant::now() + Duration::from_secs(10);
    while !desk.story(&id).await.iter().any(|kind| kind == "request.orphaned") {
        assert!(Instant::now() < end, "what the sleeper brought back was not written down");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(at(&ops).get(&format!("/api/requests/{id}")).await.1["state"], "succeeded");
    assert_eq!(product.effects().await.len(), 1);
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
    drop((sleeper, other));
}

#[tokio::test]
async fn one_key_fifty_times_at_two_replicas_is_one_request() {
    let ring = Ring::open().await;
    let body = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "starter"}, "reason": REASON});
    let asks = (0..50).map(|n| {
        let request = ring.ops.http.post(format!("{}/api/requests", ring.desk.base(n % 2))).bearer_auth(&ring.ops.secret);
        answer(request.header("idempotency-key", "\"fifty\"").json(&body))
    });
    let answers = futures::future::join_all(asks).await;
    assert!(answers.iter().all(|(status, request)| *status == 201 && request["id"] == answers[0].1["id"]), "{answers:?}");
    let mut other = body.clone();
    other["fields"]["tier"] = json!("pro");
    let request = ring.ops.http.post(format!("{}/api/requests", ring.desk.base(1))).bearer_auth(&ring.ops.secret);
    let (status, problem) = answer(request.header("idempotency-key", "\"fifty\"").json(&other)).await;
    assert_eq!(status, 422, "{problem}");
    let count: i64 = sqlx::query_scalar("select count(*) from idempotency_key where key = 'fifty'")
        .fetch_one(&mut ring.desk.owner().await)
        .await
        .unwrap();
    assert_eq!(count, 1);
}
