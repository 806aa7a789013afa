//! What helps those who decide: taking a vote back, stopping in time, asking for the reverse, what it touches, what was decided
//! about the like of it, and before and after in the form they prefer.
use crate::support::{Desk, ORG, Page, Person, REASON, Token, policy, two_approvers};
use serde_json::{Value, json};

const WHY: &str = "계약서의 수량과 다릅니다. 다시 확인하세요.";

async fn asked(token: &Token, fields: Value) -> String {
    let (status, request) = token.fix(fields).await;
    assert_eq!(status, 201, "{request}");
    request["id"].as_str().unwrap().to_owned()
}

async fn under(document: String) -> Desk {
    Desk::with(1, move |config| config.policy.clone_from(&document)).await
}

#[tokio::test]
async fn a_vote_is_taken_back_as_long_as_nothing_followed_from_it() {
    let desk = under(two_approvers()).await;
    let (ops, approver, token) = (desk.token("ops").await, desk.sign_in("approver").await, desk.token("approver").await);
    let id = asked(&ops, json!({"org_id": ORG, "tier": "pro"})).await;
    let (href, mine) = (format!("/requests/{id}"), format!("/api/requests/{id}/votes/mine"));
    let (status, problem) = token.delete(&mine).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("unvote-no-vote")));

    assert_eq!(approver.vote(&id, "approve", "").await.status, 303);
    let page = approver.get(&href).await;
    assert_eq!((page.count("#flash form #undo"), page.count("#unvote"), page.count("#approve")), (1, 1, 0), "{}", page.text());
    assert!(!approver.get("/inbox?tab=mine").await.body.contains(&format!("row-{id}\"")));
    let back = approver.post_from(&page, &format!("{href}/votes/withdraw"), &[]).await;
    assert_eq!(back.status, 303, "{}", back.text());
    let page = approver.get(&href).await;
    page.sees("투표를 취소했습니다. 다시 결정할 수 있습니다.").sees("투표 취소");
    assert_eq!((page.count("#unvote"), page.count("#approve")), (0, 1));
    assert!(approver.get("/inbox?tab=mine").await.body.contains(&format!("row-{id}\"")), "it waits for them again");
    let (_, request) = token.get(&format!("/api/requests/{id}")).await;
    assert_eq!((&request["votes"], &request["waits_for"]), (&json!([]), &json!(["admin", "approver"])));
    assert_eq!(desk.story(&id).await, ["request.submitted", "request.voted", "request.vote_withdrawn"]);
    // one who had read that it waits is told anew, since it has again a place for them
    let admin = desk.token("admin").await;
    let told = || async {
        admin.get("/api/notices?unread=true").await.1["items"].as_array().unwrap().iter().filter(|n| n["request"] == *id).count()
    };
    assert_eq!(told().await, 1);
    let up_to = admin.get("/api/notices").await.1["items"][0]["id"].clone();
    assert_eq!(admin.post("/api/notices/read", &json!({"up_to": up_to})).await.0, 204);
    token.vote(&id, "approve", None).await;
    assert_eq!((told().await, token.delete(&mine).await.0, told().await), (0, 200, 1));

    // through the API, and then for good
    assert_eq!(token.vote(&id, "approve", None).await.1["vote"], "counted");
    assert_eq!(token.delete(&mine).await.0, 200);
    for who in [&token, &desk.token("admin").await] {
        assert_eq!(who.vote(&id, "approve", None).await.0, 200);
    }
    approver.until(&id, "succeeded").await.sees("이미 실행된 요청이라 투표를 취소할 수 없습니다.");
    let (status, problem) = token.delete(&mine).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("unvote-executed")));
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_rejection_stays_and_so_does_every_vote_of_a_decided_request() {
    let desk = under(two_approvers()).await;
    let (ops, token) = (desk.token("ops").await, desk.token("approver").await);
    let id = asked(&ops, json!({"org_id": ORG, "tier": "pro"})).await;
    token.vote(&id, "reject", Some(WHY)).await;
    let (status, problem) = token.delete(&format!("/api/requests/{id}/votes/mine")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("unvote-rejected")));
    desk.sign_in("approver").await.get(&format!("/requests/{id}")).await.sees("반려는 바로 확정되므로 취소할 수 없습니다.");
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    let refused = sqlx::query("delete from vote where request_id = $1").bind(number).execute(&mut desk.owner().await).await.unwrap_err();
    assert!(refused.to_string().contains("the votes on a decided request stay"), "{refused}");
}

#[tokio::test]
async fn while_it_cools_off_the_page_offers_to_stop_it_until_when() {
    let rule = "[[rule]]\nname = 'fixes'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'approvers' }]\ncool_off_minutes = 60";
    let desk = under(policy(rule)).await;
    let (ops, approver, admin) = (desk.sign_in("ops").await, desk.sign_in("approver").await, desk.sign_in("admin").await);
    let id = ops.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    approver.vote(&id, "approve", "").await;
    let page = admin.until(&id, "approved").await;
    page.sees("그 전까지 반려하면 실행되지 않습니다.");
    assert_eq!((page.count("#reject"), page.count("#approve"), page.count("#bar-reject")), (1, 0, 1));
    let asker = ops.get(&format!("/requests/{id}")).await;
    asker.sees("그 전까지 승인 권한자가 반려할 수 있습니다.");
    assert_eq!(asker.count("#reject"), 0, "nobody who may not approve");
    let bare = admin.vote(&id, "reject", "아니오").await;
    assert_eq!((bare.status, bare.count("#decide-error")), (422, 1), "{}", bare.text());
    assert_eq!(admin.vote(&id, "reject", WHY).await.status, 303);
    ops.until(&id, "denied").await.sees(WHY);
    assert_eq!(desk.org(ORG).await.0, "free");
}

#[tokio::test]
async fn what_was_done_is_asked_to_be_undone_and_countersigned_like_everything() {
    let desk = Desk::open().await;
    let (ops, approver) = (desk.sign_in("ops").await, desk.sign_in("approver").await);
    let id = ops.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("credit", "500"), ("reason", REASON)]).await;
    assert_eq!(ops.get(&format!("/requests/{id}")).await.count("#reverse"), 0);
    approver.vote(&id, "approve", "").await;
    let href = ops.until(&id, "succeeded").await.all("#reverse", "href").remove(0);
    assert_eq!(desk.sign_in("sre").await.get(&format!("/requests/{id}")).await.count("#reverse"), 0, "only who may ask");
    let form = ops.get(&href).await;
    form.sees("실행 전 값으로 되돌리는 요청입니다.");
    let value = |page: &Page, name: &str| page.find(&format!("#request-form [name={name}]")).unwrap();
    assert_eq!((value(&form, "org_id"), value(&form, "credit"), value(&form, "reason")), (ORG.into(), "0".into(), String::new()));
    assert_eq!(form.find("#request-form option[selected]").unwrap(), "free");
    let draft = value(&form, "draft");
    let path = "/requests/new/org.tier.fix";
    let fields = [
        ("org_id", ORG),
        ("tier", "free"),
        ("credit", "0"),
        ("reason", "잘못된 조직에 적용해서 되돌립니다."),
        ("again", &id),
        ("reverse", "1"),
        ("draft", &draft),
    ];
    let checked = ops.check(&form, path, &fields).await;
    let confirm = checked.find("[name=confirm]").unwrap();
    let sent = ops.post_from(&checked, path, &[&fields[..], &[("confirm", &confirm)]].concat()).await;
    let back = sent.location.unwrap().rsplit('/').next().unwrap().to_owned();
    ops.get(&format!("/requests/{back}")).await.sees("되돌리는 원본").sees(&id);
    // whoever only says so takes nothing back
    let other = [("org_id", ORG), ("tier", "enterprise"), ("credit", "900000"), ("reason", REASON), ("again", &id), ("reverse", "1")];
    let form = ops.get(path).await;
    let draft = value(&form, "draft");
    let other = [&other[..], &[("draft", &draft)]].concat();
    let confirm = ops.check(&form, path, &other).await.find("[name=confirm]").unwrap();
    let sent = ops.post_from(&form, path, &[&other[..], &[("confirm", &confirm)]].concat()).await;
    let page = ops.get(&sent.location.unwrap()).await;
    assert!(
        page.sees("다시 요청한 원본").sees(&id).text().contains("900,000") && !page.text().contains("되돌리는 원본"),
        "{}",
        page.text()
    );
    assert_eq!(desk.org(ORG).await, ("pro".into(), 500), "it is countersigned like any other");
    approver.vote(&back, "approve", "").await;
    ops.until(&back, "succeeded").await;
    assert_eq!(desk.org(ORG).await, ("free".into(), 0));
}

async fn in_form(person: &Person, path: &str, form: &str) -> Page {
    let page = person.get(path).await;
    let changed = person.post_from(&page, "/preferences", &[("back", path), ("diff", form)]).await;
    assert_eq!((changed.status, changed.location.as_deref()), (303, Some(path)));
    person.get(path).await
}

#[tokio::test]
async fn before_and_after_take_the_form_that_the_reader_prefers() {
    let desk = Desk::open().await;
    let (ops, admin) = (desk.token("ops").await, desk.sign_in("admin").await);
    let id = asked(&ops, json!({"org_id": ORG, "tier": "pro", "credit": 500})).await;
    let path = format!("/requests/{id}");
    let page = admin.get(&path).await;
    assert_eq!((page.count("table.diff tr.changed"), page.count(".diff-form [aria-pressed=true]")), (2, 1));
    let page = in_form(&admin, &path, "unified").await;
    assert_eq!((page.count("table.diff"), page.texts(".lines del").len(), page.texts(".lines ins").len()), (0, 2, 2));
    assert_eq!(page.find("#diff-unified[aria-pressed=true]").unwrap(), "unified");
    let page = in_form(&admin, &path, "json").await;
    assert_eq!(page.texts(".lines del"), ["\"credit\": 0,", "\"tier\": \"free\""]);
    assert_eq!(page.texts(".lines ins"), ["\"credit\": 500,", "\"tier\": \"pro\""]);
    assert!(page.texts(".lines mark").contains(&"500,".to_owned()), "{:?}", page.texts(".lines mark"));
    // it holds for the ledger's pages too, and nothing but the three is taken
    let event: String = sqlx::query_scalar("select event_id::text from ledger.event where request_id = $1 and kind = 'request.submitted'")
        .bind(id.trim_start_matches("CR-").parse::<i64>().unwrap())
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(admin.get(&format!("/ledger/{event}")).await.texts(".lines del").len(), 2);
    assert_eq!(in_form(&admin, &path, "nonsense").await.texts(".lines del").len(), 2);
}

#[tokio::test]
async fn a_long_document_is_compared_line_by_line_with_the_rest_folded_away() {
    let desk = Desk::open().await;
    let (admin, ops) = (desk.sign_in("admin").await, desk.token("ops").await);
    asked(&ops, json!({"org_id": ORG, "tier": "pro"})).await;
    let document = countersign::policy::BUILT_IN
        .replace("needs = [{ group = \"approvers\", count = 1 }]", "needs = [{ group = \"approvers\", count = 2 }]");
    assert_ne!(document, countersign::policy::BUILT_IN);
    let id = admin.ask("policy.replace", &[("document", &document), ("reason", REASON)]).await;
    let path = format!("/requests/{id}");
    for form in ["side", "unified"] {
        let page = in_form(&admin, &path, form).await;
        assert_eq!(page.texts(".lines-box del mark").len(), page.texts(".lines-box ins mark").len(), "{form}");
        assert!(page.texts(".lines-box ins mark").iter().all(|mark| mark.contains('2')), "{form}: {:?}", page.texts(".lines-box ins mark"));
        assert!(page.count("details.fold:not([open])") > 0, "{form}: what is far from the change is folded away");
    }
    // 10 of the demo and the one above wait, and all of them would need one more
    admin.get(&path).await.sees("가운데 11건은 새 정책의 승인 조건도 채워야 합니다.");
}

#[tokio::test]
async fn what_it_touches_is_told_to_those_who_ask_and_to_those_who_decide() {
    let desk = Desk::open().await;
    let (ops, approver) = (desk.sign_in("ops").await, desk.sign_in("approver").await);
    let members: i64 = sqlx::query_scalar("select count(*) from admin_user_orgs where org_id = $1")
        .bind(ORG)
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    let told = format!("이 조직의 구성원 {members}명에게 적용됩니다.");
    let path = "/requests/new/org.tier.fix";
    let form = ops.get(path).await;
    ops.check(&form, path, &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await.sees(&told);
    let id = ops.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    approver.get(&format!("/requests/{id}")).await.sees(&told);
    approver.vote(&id, "approve", "").await;
    assert_eq!(approver.until(&id, "succeeded").await.count(".impact"), 0, "what is done is no prospect");
}

#[tokio::test]
async fn decisions_on_the_like_of_it_are_summed_up_with_the_closest_first() {
    let desk = Desk::open().await;
    let (ops, admin, approver) = (desk.token("ops").await, desk.token("admin").await, desk.token("approver").await);
    let orgs: Vec<String> = sqlx::query_scalar("select id from admin_orgs where tier <> 'pro' order by id limit 3")
        .fetch_all(&mut desk.owner().await)
        .await
        .unwrap();
    let rejected = asked(&ops, json!({"org_id": orgs[0], "credit": 777_123})).await;
    approver.vote(&rejected, "reject", Some(WHY)).await;
    let approved = asked(&admin, json!({"org_id": orgs[1], "credit": 555_123})).await;
    approver.vote(&approved, "approve", None).await;
    ops.get(&format!("/api/requests/{approved}/wait?timeout=10")).await;
    let id = asked(&ops, json!({"org_id": orgs[2], "credit": 999_123})).await;
    let page = desk.sign_in("approver").await.get(&format!("/requests/{id}")).await;
    let cases = page.texts("#similar li");
    assert_eq!(cases.len(), 5);
    assert!(cases[0].contains(&rejected) && cases[0].contains("이서연") && cases[0].contains("반려됨"), "{cases:?}");
    let (all, won): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where state <> 'denied') from request where operation = 'org.tier.fix' and decided_at is not null
           and created_at > now() - interval '90 days'",
    )
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap();
    page.sees(&format!("지난 90일 동안 같은 작업 {all}건 가운데 {won}건이 승인되었습니다."));
}

#[tokio::test]
async fn a_silent_neighbour_is_not_called_a_database() {
    let mut desk = Desk::closed().await;
    let nowhere = |config: &mut countersign::config::Config| {
        config.admin_api = Some(countersign::connectors::admin_api::Settings {
            url: "http://127.0.0.1:1".parse().unwrap(),
            token: "nobody".to_owned().into(),
            guarantee: countersign::operations::Guarantee::Keyed,
            operations: None,
        });
    };
    desk.start_replica(&nowhere).await;
    let ops = desk.sign_in("ops").await;
    let path = "/requests/new/org.tier.fix";
    let form = ops.get(path).await;
    let fields = [("org_id", ORG), ("tier", "pro"), ("reason", REASON)];
    let page = ops.post_from(&form, path, &fields).await;
    assert_eq!((page.status, page.headers["retry-after"].to_str().unwrap()), (503, "2"));
    page.sees("대상 시스템이 응답하지 않아 지금은 처리할 수 없습니다.").sees("포털과 데이터베이스는 정상이지만").sees(REASON);
    assert!(!page.text().contains("데이터베이스에 연결하지 못했습니다"));
    let english = ops.at(&ops.base).in_language("en").post_from(&form, path, &fields).await;
    english.sees("The other system does not answer").sees("Try again in a moment.");
    let (status, problem) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("other-system-unavailable")), "{problem}");
}
