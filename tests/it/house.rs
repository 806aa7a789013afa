//! The rules of the house, read from the code and the database, so that they stay true.
use crate::support::{Desk, Person};
use countersign::{auth::Role, help};
use sqlx::Row;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, ending, found)
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path)
            }
        }
    }
    let (root, mut found) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), Vec::new());
    walk(&root, ending, &mut found);
    found.sort();
    found
}

/// Path below the repository, and text.
fn sources(folder: &str, ending: &str) -> Vec<(String, String)> {
    files(folder, ending)
        .into_iter()
        .map(|path| {
            let short = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy().into_owned();
            (short, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// Slices know the kernel and the request spine; neither knows a slice. These few know everyone.
const SLICES: [&str; 8] = ["customers", "dashboard", "insights", "onboarding", "search", "help", "style", "tools"];
/// Business that several slices need: they may know it; it knows no slice, and the kernel does not know it. In this order: each may know
/// those before it.
const SHARED: [&str; 7] = ["tenants", "catalog", "payments", "permissions", "redemptions", "subscriptions", "addons"];
const KNOW_EVERYONE: [&str; 6] = ["src/app.rs", "src/config.rs", "src/lib.rs", "src/operations/registry.rs", "src/doors/", "src/demo/"];

#[test]
fn dependencies_point_from_slices_to_the_kernel() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src", ".rs") {
        let own = path.split('/').nth(1).unwrap_or_default();
        for slice in SLICES.iter().chain(&SHARED) {
            let uses = text.contains(&format!("crate::{slice}::"))
                || text
                    .lines()
                    .any(|l| l.trim_start().starts_with(&format!("{slice}::")) || l.trim_start().starts_with(&format!("{slice},")));
            let place = |name: &str| SHARED.iter().position(|shared| *shared == name);
            let shares = place(slice).is_some_and(|of| SLICES.contains(&own) || place(own).is_some_and(|own| of < own));
            if uses && own != *slice && !shares && !KNOW_EVERYONE.iter().any(|known| path.starts_with(known)) {
                wrong.push(format!("{path} uses {slice}"));
            }
        }
    }
    // requests ask the policy; the policy knows no more of them than how they are called
    for (path, text) in sources("src/policy", ".rs") {
        for used in text.split("requests::").skip(1) {
            let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !["hex", "short_id"].contains(&name.as_str()) {
                wrong.push(format!("{path} uses requests::{name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rules_know_no_http_and_sql_stands_in_stores() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src", ".rs") {
        let name = path.rsplit('/').next().unwrap();
        let may_sql =
            name == "store.rs" || path.starts_with("src/db/") || ["src/demo/load.rs", "src/cli/doctor.rs"].contains(&path.as_str());
        if !may_sql && text.contains("sqlx::query") {
            wrong.push(format!("{path} has SQL"));
        }
        if name == "store.rs" && text.contains("use axum") {
            wrong.push(format!("{path} knows HTTP"));
        }
        if name == "mod.rs"
            && !path.contains("/web/")
            && SLICES.iter().chain(&SHARED).chain(&["requests", "ledger", "jobs", "policy"]).any(|s| path.starts_with(&format!("src/{s}/")))
            && text.contains("use axum")
        {
            wrong.push(format!("{path} knows HTTP"));
        }
        if text.lines().count() > 400 {
            wrong.push(format!("{path} has more than 400 lines"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn templates_have_nothing_inline() {
    let mut wrong = Vec::new();
    for (path, text) in sources("templates", ".html") {
        for forbidden in [" style=", " onclick=", " onsubmit=", " onchange=", " oninput=", "<style", "hx-on", "js:", "javascript:"] {
            if text.contains(forbidden) {
                wrong.push(format!("{path}: {forbidden}"));
            }
        }
        for tag in text.split("<script").skip(1) {
            if !tag.starts_with(" src=") {
                wrong.push(format!("{path}: a script without a source"));
            }
        }
        for form in text.split("method=\"post\"").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if !form.contains("name=\"csrf\"") {
                wrong.push(format!("{path}: a form without its token"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The sprite has every icon that is drawn, and no other: it is sent to everybody.
#[test]
fn the_sprite_has_the_icons_that_are_used() {
    let sprite = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("static/icons.svg")).unwrap();
    let has: BTreeSet<&str> = sprite.split("<symbol id=\"").skip(1).filter_map(|s| Some(s.split_once('"')?.0)).collect();
    let all: Vec<(String, String)> = [sources("src", ".rs"), sources("templates", ".html"), sources("static/js", ".js")].concat();
    let named = |icon: &str| all.iter().any(|(_, text)| text.contains(&format!("\"{icon}\"")) || text.contains(&format!("#{icon}\"")));
    let unused: Vec<_> = has.iter().filter(|icon| !named(icon)).collect();
    assert!(unused.is_empty(), "nothing draws {unused:?}");
    let mut missing = Vec::new();
    for (path, text) in &all {
        for begin in ["icon(\"", "blank(\"", "unavailable(\"", "icon: \"", "ICON: &'static str = \""] {
            for icon in text.split(begin).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)) {
                if !has.contains(icon) {
                    missing.push(format!("{path}: {icon}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "not in static/icons.svg: {missing:#?}");
}

/// Where personal data leaves its mask (`src/personal.rs`): the file, what is exposed there, and why.
const EXPOSED: [(&str, &str, &str); 28] = [
    ("src/auth/limits.rs", "email", "hashed, for counting"),
    ("src/auth/store.rs", "email", "looked up in the database"),
    ("src/auth/web.rs", "from", "kept with a refused sign-in: whoever looks into an attack asks where it came from"),
    ("templates/login.html", "email", "what one typed oneself stands in the form again"),
    ("src/db/plumbing.rs", "address", "counted in the database"),
    ("src/customers/api.rs", "user.name", "people work with names"),
    ("src/customers/api.rs", "user.email", "the one person who was asked for"),
    ("src/customers/grant_plan.rs", "user.name", "who it is about"),
    ("src/customers/web/find.rs", "user.name", "people work with names"),
    ("src/customers/web/lists.rs", "u.name", "people work with names"),
    ("src/customers/web/mod.rs", "user.name", "the person's own page"),
    ("src/customers/web/mod.rs", "user.email", "the person's own page"),
    ("src/payments/mod.rs", "self.payer", "whether there is a name at all"),
    ("src/payments/store.rs", "seen.payer", "kept in the database"),
    ("src/payments/web/mod.rs", "p.payer", "who paid is held against the contract, on the payment's own page"),
    ("src/payments/api.rs", "payment.payer", "the one payment that was asked for"),
    ("src/onboarding/content.rs", "onboarding.contact_name", "hashed: another contact is another content"),
    ("src/onboarding/content.rs", "onboarding.contact_email", "hashed: another contact is another content"),
    ("src/onboarding/json.rs", "o.contact_name", "the one onboarding that was asked for"),
    ("src/onboarding/json.rs", "o.contact_email", "the one onboarding that was asked for"),
    ("src/onboarding/store.rs", "s.contact_name", "written into the database"),
    ("src/onboarding/store.rs", "s.contact_email", "written into the database"),
    ("src/onboarding/web/new.rs", "o.contact_name", "what is amended stands in its form"),
    ("src/onboarding/web/new.rs", "o.contact_email", "what is amended stands in its form"),
    ("src/onboarding/web/show.rs", "o.contact_name", "the onboarding's own page: somebody has to call"),
    ("src/onboarding/web/show.rs", "o.contact_email", "the onboarding's own page: somebody has to write"),
    ("src/doors/api/onboarding.rs", "was.contact_name", "carried into the next revision"),
    ("src/doors/api/onboarding.rs", "was.contact_email", "carried into the next revision"),
];

#[test]
fn personal_data_leaves_its_mask_only_where_that_was_reviewed() {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    let all = [sources("src", ".rs"), sources("templates", ".html")].concat();
    for (path, text) in all.iter().filter(|(path, _)| path != "src/personal.rs") {
        for (n, line) in text.lines().enumerate() {
            for (at, _) in line.match_indices("exposed()").chain(line.match_indices("::exposed")) {
                let before = line[..at].trim_end_matches('.');
                let from = before.rfind(|c: char| !c.is_alphanumeric() && !"_.".contains(c)).map_or(0, |i| i + 1);
                match EXPOSED.iter().find(|(file, what, _)| file == path && *what == &before[from..]) {
                    Some(known) => _ = used.insert(known),
                    None => wrong.push(format!("{path}:{}: {}", n + 1, line.trim())),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "if it is meant, name it in EXPOSED with its reason: {wrong:#?}");
    let unused: Vec<_> = EXPOSED.iter().filter(|known| !used.contains(known)).collect();
    assert!(unused.is_empty(), "nobody exposes {unused:#?}");
}

/// What may stand in a template as it is: the product's name, the languages' own names, names of keys and of formats.
const UNTRANSLATED: [&str; 13] =
    ["verify.py", "Countersign", "English", "한국어", "openapi.json", "JSON", "Ctrl", "Shift", "Enter", "Esc", "Ctrl K", "CSV", "KST"];

#[test]
fn templates_say_nothing_themselves() {
    let mut wrong = Vec::new();
    for (path, text) in sources("templates", ".html") {
        let text = without(&without(&without(&text, "{#", "#}"), "{%", "%}"), "{{", "}}");
        let said = text_of(&text).into_iter().chain(spoken_attributes(&text));
        for piece in said {
            let rest = UNTRANSLATED.iter().fold(piece.clone(), |rest, word| rest.replace(word, ""));
            // single letters are keys of the keyboard
            if rest.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() > 1) {
                wrong.push(format!("{path}: {}", piece.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "text in templates belongs into message files: {wrong:#?}");
}

/// The text with everything from `begin` to `end` taken out.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut parts = text.split(begin);
    let mut rest = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| rest.push_str(part.split_once(end).map_or("", |(_, after)| after)));
    rest
}

/// What stands between tags.
fn text_of(html: &str) -> Vec<String> {
    html.split('<').filter_map(|part| Some(part.split_once('>')?.1.replace("&nbsp;", " "))).collect()
}

/// The values of attributes that people see or hear.
fn spoken_attributes(html: &str) -> Vec<String> {
    let named = |name: &str| -> Vec<String> {
        html.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
    };
    ["title", "aria-label", "placeholder", "alt", "label"].into_iter().flat_map(named).collect()
}

/// Level of each heading, and each link, of a help text.
fn outline(text: &str) -> (Vec<usize>, Vec<String>) {
    let headings = text.lines().filter(|l| l.starts_with('#')).map(|l| l.chars().take_while(|c| *c == '#').count()).collect();
    let links = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().split('#').next().unwrap().to_owned()).collect();
    (headings, links)
}

#[tokio::test]
async fn every_help_topic_is_in_both_languages_with_the_same_headings_and_its_links_lead_somewhere() {
    let desk = Desk::open().await;
    let (_, lines) = desk.app().surface();
    let admin = desk.sign_in("admin").await;
    let texts = sources("docs/help", ".md");
    assert_eq!(texts.len(), help::TOPICS.len() * 2);
    for topic in help::TOPICS {
        let [(ko, ko_links), (en, en_links)] = ["ko", "en"]
            .map(|lang| outline(&texts.iter().find(|(path, _)| *path == format!("docs/help/{}.{lang}.md", topic.name)).unwrap().1));
        assert_eq!(ko, en, "{}: the languages differ in their headings", topic.name);
        for link in ko_links.iter().chain(&en_links) {
            let known = link
                .strip_prefix("/help/")
                .map_or_else(|| lines.iter().any(|l| l.method == "GET" && l.path == link), |name| help::Topic::named(name).is_some());
            assert!(known, "{}: {link} leads nowhere", topic.name);
        }
        for lang in ["ko", "en"] {
            let page = admin.at(&admin.base).in_language(lang).get(&topic.href()).await;
            assert_eq!((page.status, page.count("article.help[lang] h2[id]"), page.count("h1")), (200, ko.len() - 1, 1), "{}", topic.name);
            assert!(!page.body.contains(" style="), "{}", topic.name);
        }
    }
    let index = admin.get("/help").await;
    assert!(help::TOPICS.iter().all(|topic| index.body.contains(topic.ko.title) && !topic.ko.lead.is_empty() && !topic.en.lead.is_empty()));
    assert_eq!(admin.get("/help/no-such-topic").await.status, 404);
}

/// Tables that are not privileged: nothing in them is a decision, a right or a customer's.
const PLUMBING: [&str; 11] = [
    "session",
    "request_words",
    "saved_view",
    "notice",
    "watch",
    "request_seen",
    "login_failure",
    "idempotency_key",
    "outbox",
    "job",
    "_sqlx_migrations",
];

#[tokio::test]
async fn every_privileged_table_asks_for_an_event() {
    let desk = Desk::open().await;
    let guarded: BTreeSet<String> = sqlx::query("select distinct tgrelid::regclass::text as t from pg_trigger where tgname = 'is_recorded' and tgenabled = 'O' and tgdeferrable and tginitdeferred")
        .fetch_all(&mut desk.owner().await).await.unwrap().iter().map(|r| r.get("t")).collect();
    let all: BTreeSet<String> = sqlx::query("select tablename::text as t from pg_tables where schemaname = 'public'")
        .fetch_all(&mut desk.owner().await)
        .await
        .unwrap()
        .iter()
        .map(|r| r.get("t"))
        .collect();
    let unguarded: Vec<_> = all.difference(&guarded).filter(|t| !PLUMBING.contains(&t.as_str())).collect();
    assert!(unguarded.is_empty(), "tables without `call ledger.guard(…)`: {unguarded:?}");
}

#[tokio::test]
async fn the_list_of_routes_and_their_gates_is_the_one_that_was_reviewed() {
    let desk = Desk::open().await;
    let (_, lines) = desk.app().surface();
    let now: String = lines.iter().map(|l| format!("{:<6} {:<36} {}\n", l.method, l.path, l.gate)).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/routes.txt");
    if std::env::var_os("ACCEPT_ROUTES").is_some() {
        fs::write(&path, &now).unwrap();
    }
    assert_eq!(now, fs::read_to_string(path).unwrap(), "if the change is meant, run with ACCEPT_ROUTES=1 and have the difference reviewed");
}

#[tokio::test]
async fn every_route_refuses_strangers_and_every_role_without_its_scope() {
    let desk = Desk::open().await;
    let (_, lines) = desk.app().surface();
    let people = [
        ("admin", vec![Role::Admin]),
        ("approver", vec![Role::Approver, Role::Billing]),
        ("ops", vec![Role::Ops]),
        ("sre", vec![Role::Sre]),
        ("cs", vec![Role::Cs]),
        ("security", vec![Role::Security]),
        ("auditor", vec![Role::Auditor]),
    ];
    let stranger = Person::new(desk.base(0));
    for line in lines.iter().filter(|l| l.gate != "public") {
        let path = concrete(line.path);
        let page = match line.method {
            "GET" => stranger.get(&path).await,
            "DELETE" => stranger.send(stranger.http.delete(format!("{}{path}", stranger.base))).await,
            _ => stranger.post(&path, &[]).await,
        };
        assert!(
            page.status == 401 || (page.status == 303 && page.location.as_deref().is_some_and(|l| l.starts_with("/login"))),
            "{line:?} lets strangers in: {}",
            page.status
        );
    }
    for (who, roles) in people {
        let person = desk.sign_in(who).await;
        let csrf = person.get("/").await.find("input[name=csrf]").unwrap();
        for line in lines.iter().filter(|l| l.gate != "public" && l.path != "/logout" && l.path != "/events") {
            let path = concrete(line.path);
            let page = if line.method == "GET" {
                person.get(&path).await
            } else if line.method == "DELETE" {
                person.send(person.http.delete(format!("{}{path}", person.base))).await
            } else if line.path.starts_with("/api/") {
                person.send(person.http.post(format!("{}{path}", person.base)).json(&serde_json::json!({}))).await
            } else {
                person.post(&path, &[("csrf", &csrf)]).await
            };
            let holds = roles.iter().any(|r| r.holds(line.gate));
            let refused = page.status == 403 && page.body.contains(line.gate);
            assert_eq!(refused, !holds, "{who} at {line:?}: {} {}", page.status, page.text());
            assert!(page.status < 500, "{who} at {line:?}: {}", page.status);
        }
    }
}

/// A path with ids that lead nowhere.
fn concrete(path: &str) -> String {
    path.replace("{operation}", "no.such.operation")
        .replace("{name}", "no.such.name")
        .replace("{event}", "00000000-0000-7000-8000-000000000000")
        .replace("{provider}", "nobody")
        .replace("{id}", "CR-999999999")
}

#[tokio::test]
async fn the_openapi_document_has_every_route_of_the_api_and_no_other() {
    let desk = Desk::open().await;
    let (_, lines) = desk.app().surface();
    let mounted: BTreeSet<String> =
        lines.iter().filter(|l| l.path.starts_with("/api/")).map(|l| format!("{} {}", l.method, l.path)).collect();
    let (_, document) = desk.token("auditor").await.get("/api/openapi.json").await;
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |m| format!("{} {path}", m.to_uppercase())))
        .collect();
    assert_eq!(mounted, described);
    for operation in ["org.tier.fix", "user.plan.grant"] {
        assert!(document["components"]["schemas"][format!("fields.{operation}")].is_object());
    }
}
