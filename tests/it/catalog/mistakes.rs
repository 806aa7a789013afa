//! What people mistype on the pages of prices: said at its field, in their language, and what they typed is still there.
use super::*;
use crate::support::{Page, Person};

fn is_korean(text: &str) -> bool {
    text.chars().any(|c| ('가'..='힣').contains(&c))
}

/// What is said of a field, in the reader's language.
fn said(page: &Page, selector: &str, lang: &str) -> String {
    let text = page.texts(selector).concat();
    assert!(!text.is_empty() && is_korean(&text) == (lang == "ko"), "{lang} {selector}: {text:?} in {}", page.text());
    text
}

async fn readers(shop: &Shop) -> [(&'static str, Person); 2] {
    let person = shop.desk.sign_in("approver").await;
    ["ko", "en"].map(|lang| (lang, person.at(&person.base).in_language(lang)))
}

#[tokio::test]
async fn prices_that_make_no_sense_are_told_in_the_editor() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, PRO).await;
    let tiers = |tiers: &str| {
        format!("[[charge]]\nkey = \"overage\"\nmetric = \"tokens\"\nmodel = \"graduated\"\nper = 1_000\ntiers = [{tiers}]\n")
    };
    let many = "9".repeat(40);
    for prices in [
        flat(-1),
        format!("[[charge]]\nkey = \"base\"\nmodel = \"flat\"\namount = {many}\n"),
        tiers(&format!("{{ up_to = 10, price = \"{many}\" }}, {{ price = 1.0 }}")),
        // tiers that lead back to where they began, and one that is there twice
        tiers("{ up_to = 30, price = 3.0 }, { up_to = 10, price = 2.0 }, { price = 1.0 }"),
        tiers("{ up_to = 10, price = 3.0 }, { up_to = 10, price = 2.0 }, { price = 1.0 }"),
        tiers("{ price = 3.0 }, { price = 1.0 }"),
        tiers("{ up_to = 10, price = -3.0 }, { price = 1.0 }"),
        "[[charge]\n".to_owned(),
    ] {
        for (lang, person) in readers(&shop).await {
            let form = person.get("/catalog/plans/pro/next").await;
            let typed = [("do", "check"), ("stands", "yes"), ("version", "2"), ("code", "pro"), ("name", "Pro"), ("prices", &*prices)];
            let sent = person.post_from(&form, "/catalog/plans/draft", &typed).await;
            assert_eq!(sent.status, 422, "{prices}");
            said(&sent, "#prices-error", lang);
            let kept = prices.trim().lines().last().unwrap();
            assert!(sent.texts("#field-prices").concat().contains(kept), "{prices}");
        }
    }
}

#[tokio::test]
async fn what_is_there_already_is_not_written_over() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, PRO).await;
    let today = countersign::catalog::today().to_string();
    shop.done("promotion.open", json!({"code": "SPRING", "name": "Spring", "won": 50_000, "on": "base", "starts": today})).await;
    for (lang, person) in readers(&shop).await {
        // a version that is in force is not edited
        let form = person.get("/catalog/plans/pro/next").await;
        let prices = flat(77_777);
        let typed = [("do", "save"), ("stands", "yes"), ("version", "1"), ("code", "pro"), ("name", "Pro"), ("prices", &*prices)];
        let sent = person.post_from(&form, "/catalog/plans/draft", &typed).await;
        assert_eq!(sent.status, 409, "{}", sent.text());
        said(&sent, "#errors li", lang);
        assert!(sent.texts("#field-prices").concat().contains("77777") || sent.text().contains("77777"), "{}", sent.text());
        // a code is given once, however it is spelt
        let path = "/requests/new/promotion.open";
        let form = person.get(path).await;
        let fields = [("code", "spring"), ("name", "봄맞이"), ("won", "1000"), ("on", "base"), ("starts", &*today), ("reason", REASON)];
        let sent = person.check(&form, path, &fields).await;
        assert_eq!((sent.status, sent.find("[name=name]").as_deref()), (422, Some("봄맞이")), "{}", sent.text());
        said(&sent, "#errors li", lang);
        // somebody who is not there
        let form = person.get("/addons/new").await;
        let typed =
            [("do", "check"), ("tenant", "tnt_0000000000"), ("addon", "seats"), ("quantity", "2"), ("from", &*today), ("reason", REASON)];
        let sent = person.post_from(&form, "/addons/new", &typed).await;
        assert_eq!((sent.status, sent.find("[name=tenant]").as_deref()), (422, Some("tnt_0000000000")), "{}", sent.text());
        said(&sent, "#addon-tenant-error", lang);
    }
}
