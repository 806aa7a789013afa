//! Many tenants from a table.
use super::*;
use crate::support::answer;

#[tokio::test]
async fn tenants_are_imported_row_by_row_after_a_look() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, page) = (desk.token("cs").await, desk.sign_in("cs").await);
    begun(&cs, "there-already", 200_810_012).await;
    let good = |n: u32| registration::completed(210_810_000 + n);
    let head = "사업자등록번호,상호,주소 이름,요금제,계약번호,결제금액,담당자,이메일";
    let csv = format!(
        "{head}\r\n{},뷁나라,import-one,pro-v3,HB-1,\"1,650,000\",김하늘,a@b.example\r\n124-81-00997,틀린번호,import-two,pro-v3,HB-2,100,김하늘,a@b.example\r\n\
         {},같은주소,import-one,pro-v3,HB-3,100,김하늘,a@b.example\r\n{},있는주소,there-already,pro-v3,HB-4,100,김하늘,a@b.example\r\n\
         {},'=수식회사,import-five,pro-v3,HB-5,-5,김하늘,나쁜메일\r\n",
        good(1),
        good(2),
        good(3),
        good(4),
    );
    let (status, trial) = cs.post("/api/onboarding/import", &json!({"csv": csv, "dry_run": true})).await;
    let accepted: Vec<_> =
        trial["rows"].as_array().unwrap().iter().map(|r| (r["line"].as_i64().unwrap(), r["accepted"].as_bool().unwrap())).collect();
    assert_eq!((status, accepted), (200, vec![(2, true), (3, false), (4, false), (5, false), (6, false)]), "{trial}");
    let codes: Vec<_> = trial["rows"].as_array().unwrap().iter().map(|r| r["errors"][0]["code"].as_str().unwrap_or_default()).collect();
    assert_eq!(codes, ["", "biz-reg-no-wrong", "import-slug-twice", "tenant-slug-taken", "onboarding-amount-malformed"]);
    let there = async || -> i64 {
        sqlx::query_scalar("select count(*) from tenant where slug like 'import-%'").fetch_one(&mut desk.owner().await).await.unwrap()
    };
    assert_eq!(there().await, 0, "a look changes nothing");

    // a file as Korean Excel writes it, on the page: first a look, then for good
    let (cp949, _, lossy) = encoding_rs::EUC_KR.encode(&csv);
    assert!(!lossy);
    let form = page.get("/onboarding/import").await;
    let csrf = form.find("input[name=csrf]").unwrap();
    let upload = |part: reqwest::multipart::Form| page.send(page.http.post(format!("{}/onboarding/import", page.base)).multipart(part));
    let file = reqwest::multipart::Part::bytes(cp949.into_owned()).file_name("tenants.csv");
    let looked = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).part("file", file)).await;
    assert_eq!(looked.status, 200, "{}", looked.text());
    looked.sees("1건 등록 가능, 4건 거부").sees("EUC-KR").sees("뷁나라").sees("2번째 줄에 같은 주소 이름이 있습니다.");
    assert_eq!((looked.all("tr[data-ok=false]", "data-line"), there().await), (vec!["3".into(), "4".into(), "5".into(), "6".into()], 0));
    let text = looked.find("#import-run-form input[name=text]").unwrap();
    let done = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).text("text", text.clone())).await;
    assert_eq!(done.status, 200, "{}", done.text());
    done.sees("1건을 초안으로 등록했고 4건을 거부했습니다.");
    assert_eq!(there().await, 1);
    let twice = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).text("text", text)).await;
    twice.sees("0건을 초안으로 등록했고 5건을 거부했습니다.");
    let half: i64 =
        sqlx::query_scalar("select count(*) from company where name in ('틀린번호', '같은주소', '있는주소', '수식회사', '=수식회사')")
            .fetch_one(&mut desk.owner().await)
            .await
            .unwrap();
    assert_eq!(half, 0, "of a row that is refused nothing is kept");
    for (name, body, said) in
        [("none.csv", Vec::new(), "필요한 열이 없습니다"), ("junk.csv", vec![0xff, 0x00, 0xff], "파일을 읽을 수 없습니다.")]
    {
        let file = reqwest::multipart::Part::bytes(body).file_name(name);
        let refused = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).part("file", file)).await;
        assert_eq!(refused.status, 422, "{name}");
        refused.sees(said);
    }
    let large = reqwest::multipart::Part::bytes(vec![b'a'; 700_000]).file_name("large.csv");
    let refused = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).part("file", large)).await;
    assert!([413, 422].contains(&refused.status), "{}", refused.text());
    let forged = reqwest::multipart::Part::bytes(csv.into_bytes()).file_name("tenants.csv");
    assert_eq!(upload(reqwest::multipart::Form::new().text("csrf", "no").part("file", forged)).await.status, 403);
    let template = page.get("/onboarding/import/template.csv").await;
    assert!(template.body.starts_with('\u{feff}') && template.body.contains("사업자등록번호"));
    let request = cs.http.post(format!("{}/api/onboarding/import", cs.base)).bearer_auth(&cs.secret).json(&json!({"csv": "x"}));
    let (status, problem) = answer(request).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("import-columns-missing")));
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}
