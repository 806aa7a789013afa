//! Templates of roles: published by request, never changed, compared, and applied to a tenant's people together with its activation or not
//! at all.
use crate::support::{Desk, Page, REASON, Token};
use countersign::{permissions::SCOPES, tenants::registration};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

const FIRST: &str = "name = \"병원\"\n\n[roles.owner]\nname = \"원장\"\nscopes = [\"members:manage\", \"audit:view\"]\n\n[roles.nurse]\nname = \"간호사\"\nscopes = [\"knowledge:read\"]\n";
const SECOND: &str = "name = \"병원\"\n\n[roles.owner]\nname = \"원장\"\nscopes = [\"members:manage\", \"agents:run\"]\n\n[roles.doctor]\nname = \"의사\"\nscopes = [\"knowledge:read\", \"knowledge:write\"]\n";

struct Office {
    desk: Desk,
    /// Who writes templates, and who approves them.
    security: Token,
    admin: Token,
    cs: Token,
}

impl Office {
    async fn open() -> Self {
        let desk = Desk::open().await;
        crate::onboarding::sells(&desk).await;
        let (security, admin, cs) = (desk.token("security").await, desk.token("admin").await, desk.token("cs").await);
        Self { desk, security, admin, cs }
    }

    async fn ask(&self, code: &str, document: &str) -> (u16, Value) {
        let fields = json!({"code": code, "document": document});
        self.security.post("/api/requests", &json!({"operation": "permissions.publish", "fields": fields, "reason": REASON})).await
    }

    async fn publish(&self, code: &str, document: &str) -> String {
        let (status, request) = self.ask(code, document).await;
        assert_eq!(status, 201, "{request}");
        let id = request["id"].as_str().unwrap().to_owned();
        assert_eq!(self.done(&id).await["state"], "succeeded");
        id
    }

    /// Approved, and over.
    async fn done(&self, id: &str) -> Value {
        let (status, vote) = self.admin.vote(id, "approve", None).await;
        assert_eq!(status, 200, "{vote}");
        self.admin.get(&format!("/api/requests/{id}/wait?timeout=15")).await.1
    }

    /// An onboarding up to its third step; answers it and its tenant.
    async fn begun(&self, slug: &str, nine: u32) -> (String, String) {
        let sold = json!({
            "biz_reg_no": registration::completed(nine), "company": format!("시험고객{nine}"), "slug": slug, "plan": "pro-v3", "ai_services": ["kms"],
            "contract_number": "HB-2026-0001", "expected_amount": 1_650_000, "contact_name": "김하늘", "contact_email": "sky@customer.example",
        });
        let (status, begun) = self.cs.post("/api/onboarding", &sold).await;
        assert_eq!(status, 201, "{begun}");
        let (id, tenant) = (begun["id"].as_str().unwrap().to_owned(), begun["tenant"]["id"].as_str().unwrap().to_owned());
        let file = format!("{:064x}", uuid::Uuid::now_v7().as_u128());
        self.pass(&id, "contract", json!({"contract_number": "HB-2026-0001", "sha256": file})).await;
        self.pass(&id, "payment", json!({"order_id": format!("ord-{slug}"), "amount": 1_650_000})).await;
        (id, tenant)
    }

    async fn hand_in(&self, id: &str, kind: &str, evidence: Value) -> Value {
        let (status, now) = self.cs.post(&format!("/api/onboarding/{id}/{kind}/evidence"), &evidence).await;
        assert_eq!(status, 200, "{now}");
        now["tasks"].as_array().unwrap().iter().find(|t| t["kind"] == kind).unwrap().clone()
    }

    async fn pass(&self, id: &str, kind: &str, evidence: Value) -> Value {
        let step = self.hand_in(id, kind, evidence).await;
        let (status, now) = self.decide(id, kind, &step, "pass", "").await;
        assert_eq!(status, 200, "{now}");
        step
    }

    async fn decide(&self, id: &str, kind: &str, step: &Value, decision: &str, reason: &str) -> (u16, Value) {
        let body = json!({"decision": decision, "seen": step["seen"], "reason": reason});
        self.cs.post(&format!("/api/onboarding/{id}/{kind}/decision"), &body).await
    }

    async fn finish(&self, id: &str) {
        let sets = json!({"datasets": [{"name": "문서", "source_rows": 1, "target_rows": 1, "source_checksum": "9f3a", "target_checksum": "9f3a"}]});
        self.pass(id, "migration", sets).await;
    }

    async fn ask_approval(&self, id: &str) -> (u16, Value) {
        let (_, now) = self.cs.get(&format!("/api/onboarding/{id}")).await;
        self.cs.post(&format!("/api/onboarding/{id}/approve"), &json!({"content": now["content"], "reason": REASON})).await
    }

    async fn roles(&self, tenant: &str) -> Value {
        self.cs.get(&format!("/api/tenants/{tenant}/roles")).await.1
    }
}

fn checks(step: &Value) -> Vec<(&str, bool)> {
    step["checks"].as_array().unwrap().iter().map(|c| (c["code"].as_str().unwrap(), c["ok"].as_bool().unwrap())).collect()
}

fn refused(done: sqlx::Result<sqlx::postgres::PgQueryResult>) -> String {
    done.unwrap_err().as_database_error().unwrap().code().unwrap().into_owned()
}

#[tokio::test]
async fn a_template_is_published_by_request_and_never_changed() {
    let office = Office::open().await;
    let id = office.publish("clinic", FIRST).await;
    let told = office.desk.story(&id).await;
    assert_eq!(
        told,
        ["request.submitted", "request.voted", "request.approved", "request.started", "permissions.published", "request.succeeded"]
    );
    office.publish("clinic", SECOND).await;
    let (_, shown) = office.cs.get("/api/permissions/clinic").await;
    assert_eq!((&shown["version"], shown["versions"].as_array().unwrap().len()), (&json!(2), 2));
    assert_eq!(shown["roles"][1], json!({"key": "doctor", "name": "의사", "scopes": ["knowledge:read", "knowledge:write"]}));
    let (_, first) = office.cs.get("/api/permissions/clinic/versions/1").await;
    assert_eq!(first["document"], FIRST);
    assert_eq!(office.cs.get("/api/permissions/clinic/versions/3").await.0, 404);
    assert_eq!(office.cs.get("/api/permissions/nothing").await.0, 404);
    let (_, list) = office.cs.get("/api/permissions?q=병원").await;
    assert_eq!(list["items"][0]["code"], "clinic");

    let insert = |set: &str| {
        format!(
            "insert into permission_template_version (code, version, name, document, hash, request_id, published_at)
             select code, {set}, (select min(id) from request), now() from permission_template_version where code = 'clinic' and version = 1"
        )
    };
    let mut owner = office.desk.owner().await;
    for sql in [
        "update permission_template_version set document = 'x'".to_owned(),
        "update permission_template_version set published_at = now()".to_owned(),
        "delete from permission_template_version".to_owned(),
        // a hash of something else, and a number that does not follow
        insert("3, name, document || ' ', hash"),
        insert("7, name, document, hash"),
    ] {
        assert_eq!(refused(sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut owner).await), "23514", "{sql}");
    }
    // without an event nothing commits
    assert!(sqlx::query(AssertSqlSafe(insert("3, name, document, hash"))).execute(&mut owner).await.is_err());
    let mut app = PgConnection::connect(&office.desk.app_url().await).await.unwrap();
    for sql in [
        "update permission_template_version set document = 'x'",
        "delete from permission_template_version",
        "update tenant_role set scopes = '{audit:view}'",
        "truncate tenant_role",
    ] {
        assert_eq!(refused(sqlx::query(AssertSqlSafe(sql)).execute(&mut app).await), "42501", "{sql}");
    }
    assert_eq!(office.desk.broken_invariants().await, [""; 0]);
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_told_at_its_field_with_its_line() {
    let office = Office::open().await;
    let with = |scopes: &str| format!("name = 'x'\n[roles.a]\nname = 'A'\nscopes = {scopes}\n");
    for (code, document, field, text) in [
        ("Clinic", FIRST.to_owned(), "code", "소문자"),
        ("new", FIRST.to_owned(), "code", "소문자"),
        ("clinic", with("['root']"), "document", "4행"),
        ("clinic", with("[]"), "document", "4행"),
        ("clinic", with("['audit:view', 'audit:view']"), "document", "두 번"),
        ("clinic", with("['audit:view']"), "document", "members:manage"),
        ("clinic", "name = 'x'\n[roles]\n".into(), "document", "2행"),
        ("clinic", "name = ''".into(), "document", "1행"),
        ("clinic", "[[".into(), "document", "1행"),
        ("clinic", format!("{}\n#{}", with("['members:manage']"), "x".repeat(20_000)), "document", "20"),
    ] {
        let (status, problem) = office.ask(code, &document).await;
        assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some(field)), "{problem}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(text), "{problem}");
    }
    office.publish("clinic", FIRST).await;
    let (status, problem) = office.ask("clinic", &format!("{FIRST}\r\n\r\n")).await;
    assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some("permission-unchanged")), "{problem}");
    // one that came in between makes an approval stale
    let (_, late) = office.ask("clinic", &FIRST.replace("간호사", "간호 인력")).await;
    office.publish("clinic", SECOND).await;
    assert_eq!(office.done(late["id"].as_str().unwrap()).await["state"], "stale");
    // who may not write them may read them
    let ops = office.desk.token("ops").await;
    let fields = json!({"code": "x", "document": FIRST});
    assert_eq!(ops.post("/api/requests", &json!({"operation": "permissions.publish", "fields": fields, "reason": REASON})).await.0, 403);
    assert_eq!(ops.get("/api/permissions").await.0, 200);
}

/// The state of one cell of a matrix: what it says, and what changes.
fn cell(page: &Page, table: &str, row: usize, column: usize) -> (String, Option<String>) {
    let at = format!("{table} table.matrix tbody tr:nth-child({row}) > :nth-child({column})");
    (page.find(&at).unwrap_or_default(), page.all(&at, "data-change").pop())
}

#[tokio::test]
async fn versions_are_compared_as_a_matrix_and_against_what_a_tenant_has() {
    let office = Office::open().await;
    office.publish("clinic", FIRST).await;
    office.publish("clinic", SECOND).await;
    let cs = office.desk.sign_in("cs").await;
    cs.get("/permissions").await.sees("병원").sees("v2").sees("원장, 의사").sees("표준 3");
    let page = cs.get("/permissions/clinic").await;
    page.sees("지식 읽기").sees("v1에서 v2로 바뀐 것").sees("의사").sees("없어지는 역할");
    let place = |scope: &str| SCOPES.iter().position(|s| *s == scope).unwrap() + 1;
    // owner stands first, then doctor who comes, and nurse who goes
    assert_eq!(page.count("#compare thead th"), 4);
    let (text, change) = cell(&page, "#compare", place("agents:run"), 2);
    assert!(text.contains('✓') && text.contains("허용") && change.as_deref() == Some("gained"), "{text} {change:?}");
    let (text, change) = cell(&page, "#compare", place("audit:view"), 2);
    assert!(text.contains('—') && text.contains("제거") && change.as_deref() == Some("lost"), "{text} {change:?}");
    assert_eq!(cell(&page, "#compare", place("members:manage"), 2).1, None);
    assert_eq!(page.count("table.matrix th[scope=row]"), 2 * SCOPES.len());
    assert_eq!(page.count("[role=region][tabindex='0'][aria-label] table.matrix caption"), 2);
    cs.get("/permissions/clinic?from=2&to=2").await.sees("바뀌는 것이 없습니다.");
    cs.get("/permissions/clinic?version=1").await.sees("간호사");
    for address in ["/permissions/clinic?version=9", "/permissions/clinic?from=x", "/permissions/none"] {
        assert_eq!(cs.get(address).await.status, 404, "{address}");
    }
    let english = cs.at(&cs.base).in_language("en").get("/permissions/clinic?tenant=nobody").await;
    english.sees("Read knowledge").sees("There is no tenant nobody.");
    assert_eq!(english.all("#tenant-name", "value"), ["nobody"]);
    let (_, tenant) = office.begun("clinic-one", 123_830_001).await;
    let page = cs.get(&format!("/permissions/clinic?tenant={tenant}")).await;
    page.sees("현재: 역할 없음");
    assert_eq!(cell(&page, "#tenant", place("members:manage"), 2).1.as_deref(), Some("gained"));
    assert!(cs.get("/permissions.csv?q=clinic").await.body.contains("clinic"));
    assert_eq!(cs.get("/permissions/new").await.status, 403);
}

#[tokio::test]
async fn the_editor_previews_what_is_typed_and_keeps_it() {
    let office = Office::open().await;
    let security = office.desk.sign_in("security").await;
    let form = security.get("/permissions/new").await;
    form.sees("구성원");
    let wrong = security.post_from(&form, "/permissions/draft", &[("code", "Bad Code"), ("document", "name = 'mine'\nroles = 1")]).await;
    assert_eq!((wrong.status, wrong.all("#field-code", "value")), (422, vec!["Bad Code".to_owned()]));
    wrong.sees("name = 'mine'").sees("2행");
    assert_eq!(wrong.all("#errors a", "href"), ["#field-code", "#field-document"]);
    let fine = security.post_from(&form, "/permissions/draft", &[("code", "clinic"), ("document", FIRST), ("reason", "왜냐하면")]).await;
    assert_eq!(fine.status, 200, "{}", fine.text());
    fine.sees("게시할 수 있는 템플릿입니다. 역할은 2개입니다.").sees("왜냐하면");
    assert_eq!(fine.count("#preview table.matrix"), 1);
    let id = security.ask("permissions.publish", &[("code", "clinic"), ("document", FIRST), ("reason", REASON)]).await;
    office.done(&id).await;
    let next = security.get("/permissions/clinic/next").await;
    next.sees("clinic v2");
    assert_eq!(next.all("#field-code", "readonly").len(), 1);
    let fields = [("stands", "yes"), ("code", "clinic"), ("document", SECOND)];
    security.post_from(&next, "/permissions/draft", &fields).await.sees("없어지는 역할").sees("새 역할");
}

#[tokio::test]
async fn the_third_step_takes_the_newest_version_and_an_approval_gives_its_roles() {
    let office = Office::open().await;
    office.publish("clinic", FIRST).await;
    office.publish("clinic", SECOND).await;
    let (id, tenant) = office.begun("clinic-two", 123_830_002).await;
    let step = office.hand_in(&id, "permission", json!({"template": "nothing", "version": 1})).await;
    assert_eq!(checks(&step), [("permission-exists", false)]);
    assert_eq!(office.decide(&id, "permission", &step, "pass", "").await.0, 409);
    let step = office.hand_in(&id, "permission", json!({"template": "clinic", "version": 1})).await;
    assert_eq!(checks(&step), [("permission-exists", true), ("permission-newest", false), ("permission-hash", true)]);
    assert_eq!(office.decide(&id, "permission", &step, "pass", "").await.0, 409);

    // on the page it is a choice, and shows what the tenant's people get
    let cs = office.desk.sign_in("cs").await;
    let href = format!("/onboarding/{id}");
    let page = cs.get(&href).await;
    page.sees("병원 · clinic v2").sees("병원 · clinic v1 (최신 아님)");
    assert_eq!(page.all("#permission-template option[selected]", "value"), ["clinic@1"]);
    let empty = cs.post_from(&page, &format!("{href}/permission/evidence"), &[("template", "")]).await;
    assert_eq!((empty.status, empty.all("#errors a", "href")), (422, vec!["#permission-template".to_owned()]));
    assert_eq!(cs.post_from(&page, &format!("{href}/permission/evidence"), &[("template", "clinic@2")]).await.status, 303);
    let page = cs.get(&href).await;
    page.sees("테넌트 구성원이 받게 될 권한").sees("의사").sees("게시된 내용과 같음");
    assert!(page.count("#permission td[data-change=gained]") == 4, "{}", page.text());
    let (_, now) = office.cs.get(&format!("/api/onboarding/{id}")).await;
    let step = now["tasks"][2].clone();
    let (_, second) = office.cs.get("/api/permissions/clinic").await;
    assert_eq!(step["evidence"]["hash"], second["hash"], "the evidence, and so its hash, covers the template's");
    assert_eq!(office.decide(&id, "permission", &step, "pass", "").await.0, 200);
    office.finish(&id).await;

    let (status, asked) = office.ask_approval(&id).await;
    assert_eq!(status, 201, "{asked}");
    let request = asked["request"].as_str().unwrap();
    let (_, shown) = office.admin.get(&format!("/api/requests/{request}")).await;
    assert_eq!((&shown["preview"]["before"]["template"], &shown["preview"]["after"]["template"]), (&json!(null), &json!("clinic v2")));
    assert_eq!(shown["preview"]["after"]["roles"], "owner: agents:run, members:manage\ndoctor: knowledge:read, knowledge:write");
    let admin = office.desk.sign_in("admin").await;
    let page = admin.get(&format!("/requests/{request}")).await;
    page.sees("역할과 권한").sees("doctor: knowledge:read, knowledge:write");
    let whole = admin.get(&page.all("#asked-at", "href").remove(0)).await;
    assert_eq!(whole.count("#permission td[data-change=gained]"), 4, "whoever approves sees the matrix");
    assert_eq!(office.roles(&tenant).await["roles"], json!([]), "not before it is approved");
    assert_eq!(office.done(request).await["state"], "succeeded");
    let had = office.roles(&tenant).await;
    assert_eq!((&had["template"], &had["version"]), (&json!("clinic"), &json!(2)));
    assert_eq!(had["roles"], second["roles"]);
    let story = office.desk.story(request).await;
    let place = |kind: &str| story.iter().position(|k| k == kind).unwrap();
    assert!(place("tenant.activated") < place("permissions.applied") && place("permissions.applied") < place("onboarding.approved"));
    // a version that comes later changes nothing for who has this one
    office.publish("clinic", FIRST).await;
    assert_eq!(office.roles(&tenant).await, had);
    let page = admin.get(&format!("/permissions/clinic?tenant={tenant}")).await;
    page.sees("현재: clinic v2").sees("없어지는 역할");
    assert_eq!(office.desk.broken_invariants().await, [""; 0]);
}

/// A template that is something else than what was handed in stops the approval, and everything that belongs to it.
#[tokio::test]
async fn an_activation_gives_all_roles_or_changes_nothing() {
    let office = Office::open().await;
    office.publish("clinic", FIRST).await;
    let (id, tenant) = office.begun("clinic-three", 123_830_003).await;
    office.pass(&id, "permission", json!({"template": "clinic", "version": 1})).await;
    office.finish(&id).await;
    let (_, asked) = office.ask_approval(&id).await;
    let request = asked["request"].as_str().unwrap().to_owned();
    // somebody with the owner's rights changes what the version says, hash and all
    let mut owner = office.desk.owner().await;
    for sql in [
        "alter table permission_template_version disable trigger user",
        "update permission_template_version set document = replace(document, 'audit:view', 'settings:manage'),
           hash = sha256(convert_to(replace(document, 'audit:view', 'settings:manage'), 'UTF8')) where code = 'clinic'",
        "alter table permission_template_version enable trigger user",
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
    }
    let over = office.done(&request).await;
    assert!(["stale", "failed"].contains(&over["state"].as_str().unwrap()), "{over}");
    assert_eq!(office.roles(&tenant).await["roles"], json!([]));
    let (_, now) = office.cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!((&now["state"], &now["tenant"]["status"]), (&json!("open"), &json!("provisioning")));
    assert_eq!(office.desk.count("permissions.applied").await, 0);
    // and it is told why nobody can ask again until the step is done again
    let (status, problem) = office.ask_approval(&id).await;
    assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some("onboarding-template-moved")), "{problem}");
    let step = office.hand_in(&id, "permission", json!({"template": "clinic", "version": 1})).await;
    assert_eq!(office.decide(&id, "permission", &step, "pass", "").await.0, 200);
    let (status, asked) = office.ask_approval(&id).await;
    assert_eq!(status, 201, "{asked}");
    assert_eq!(office.done(asked["request"].as_str().unwrap()).await["state"], "succeeded");
    assert_eq!(office.roles(&tenant).await["roles"][0]["scopes"], json!(["members:manage", "settings:manage"]));
}

/// A database that refuses the last role leaves no tenant that is active without it.
#[tokio::test]
async fn a_role_that_the_database_refuses_undoes_the_activation() {
    let office = Office::open().await;
    office.publish("clinic", FIRST).await;
    let (id, tenant) = office.begun("clinic-four", 123_830_004).await;
    office.pass(&id, "permission", json!({"template": "clinic", "version": 1})).await;
    office.finish(&id).await;
    let (_, asked) = office.ask_approval(&id).await;
    let active = office.desk.count("tenant.activated").await;
    let mut owner = office.desk.owner().await;
    sqlx::query("alter table tenant_role add constraint no_nurses check (role <> 'nurse')").execute(&mut owner).await.unwrap();
    let over = office.done(asked["request"].as_str().unwrap()).await;
    assert_eq!(over["state"], "failed", "{over}");
    assert_eq!(office.roles(&tenant).await["roles"], json!([]));
    let (_, now) = office.cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!((&now["state"], &now["tenant"]["status"]), (&json!("open"), &json!("provisioning")));
    assert_eq!((office.desk.count("tenant.activated").await, office.desk.count("permissions.applied").await), (active, 0));
}

#[tokio::test]
async fn another_revision_carries_the_template_and_a_waived_step_gives_nobody_a_role() {
    let office = Office::open().await;
    office.publish("clinic", FIRST).await;
    let (id, tenant) = office.begun("clinic-five", 123_830_005).await;
    let step = office.pass(&id, "permission", json!({"template": "clinic", "version": 1})).await;
    office.finish(&id).await;
    let (_, asked) = office.ask_approval(&id).await;
    office.admin.vote(asked["request"].as_str().unwrap(), "reject", Some("입금 확인서를 첨부한 뒤 다시 요청해 주세요.")).await;
    let (status, again) = office.cs.post(&format!("/api/onboarding/{id}/again"), &json!({})).await;
    assert_eq!(status, 201, "{again}");
    let carried = &again["tasks"][2];
    assert_eq!((&carried["carried"], &carried["evidence_hash"]), (&json!(true), &step["evidence_hash"]));
    let (status, asked) = office.ask_approval(again["id"].as_str().unwrap()).await;
    assert_eq!(status, 201, "{asked}");
    assert_eq!(office.done(asked["request"].as_str().unwrap()).await["state"], "succeeded");
    assert_eq!(office.roles(&tenant).await["template"], "clinic");

    let (id, tenant) = office.begun("clinic-six", 123_830_006).await;
    let (_, now) = office.cs.get(&format!("/api/onboarding/{id}")).await;
    let (status, now) = office.decide(&id, "permission", &now["tasks"][2], "waive", "고객사가 역할을 쓰지 않기로 했습니다.").await;
    assert_eq!(status, 200, "{now}");
    office.finish(&id).await;
    let (_, asked) = office.ask_approval(&id).await;
    assert_eq!(office.done(asked["request"].as_str().unwrap()).await["state"], "succeeded");
    assert_eq!(office.roles(&tenant).await["roles"], json!([]));
}
