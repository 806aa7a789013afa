//! Who calls: people at a browser, and programs with a token.
use super::REASON;
use scraper::{Html, Selector};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Somebody at a browser: cookies, and forms that are filled in and sent.
#[derive(Clone)]
pub struct Person {
    pub base: String,
    pub http: reqwest::Client,
    lang: &'static str,
}

#[derive(Clone)]
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Page {
    /// What a reader sees, without markup.
    pub fn text(&self) -> String {
        let html = Html::parse_document(&self.body);
        html.root_element().text().map(str::trim).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The value or text of the first match.
    pub fn find(&self, selector: &str) -> Option<String> {
        let html = Html::parse_document(&self.body);
        let element = html.select(&Selector::parse(selector).unwrap()).next()?;
        Some(element.value().attr("value").map_or_else(|| element.text().collect::<String>().trim().to_owned(), str::to_owned))
    }

    /// This attribute of every element that has it.
    pub fn all(&self, selector: &str, attribute: &str) -> Vec<String> {
        let (html, selector) = (Html::parse_document(&self.body), Selector::parse(selector).unwrap());
        html.select(&selector).filter_map(|e| e.value().attr(attribute)).map(str::to_owned).collect()
    }

    /// The text of every element, trimmed.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let (html, selector) = (Html::parse_document(&self.body), Selector::parse(selector).unwrap());
        html.select(&selector).map(|e| e.text().collect::<String>().trim().to_owned()).collect()
    }

    pub fn count(&self, selector: &str) -> usize {
        Html::parse_document(&self.body).select(&Selector::parse(selector).unwrap()).count()
    }

    #[track_caller]
    pub fn sees(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "{text:?} is not on the page ({}): {}", self.status, self.text());
        self
    }

    fn csrf(&self) -> String {
        self.find("input[name=csrf]").expect("a form with a token")
    }
}

impl Person {
    pub fn new(base: &str) -> Self {
        // the first client of a test may be made before anything else
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { base: base.to_owned(), http, lang: "ko" }
    }

    pub fn in_language(mut self, lang: &'static str) -> Self {
        self.lang = lang;
        self
    }

    /// The same cookies at another replica.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), http: self.http.clone(), lang: self.lang }
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    /// As a page that follows changes fetches itself.
    pub async fn refreshed(&self, path: &str) -> Page {
        self.send(self.http.get(format!("{}{path}", self.base)).header("hx-request", "true")).await
    }

    /// Sends a form with the token of the page it was on.
    pub async fn post_from(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = page.csrf();
        self.post(path, &fields.iter().copied().chain([("csrf", csrf.as_str())]).collect::<Vec<_>>()).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(self.http.post(format!("{}{path}", self.base)).form(fields)).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let response = request.header("accept-language", self.lang).send().await.unwrap();
        let location = response.headers().get("location").map(|v| v.to_str().unwrap().to_owned());
        Page { status: response.status().as_u16(), location, headers: response.headers().clone(), body: response.text().await.unwrap() }
    }

    /// Fills the form of an operation in, checks it, and sends it; answers the request's id.
    pub async fn ask(&self, operation: &str, fields: &[(&str, &str)]) -> String {
        let path = format!("/requests/new/{operation}");
        let form = self.get(&path).await;
        let draft = form.find("input[name=draft]").unwrap();
        let checked = self.check(&form, &path, &[fields, &[("draft", &draft)]].concat()).await;
        assert_eq!(checked.status, 200, "{}", checked.text());
        let confirm = checked.find("[name=confirm]").expect("the check offers to send");
        let sent = self.post_from(&checked, &path, &[fields, &[("draft", &draft), ("confirm", &confirm)]].concat()).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        sent.location.unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// Sends a filled-in form and goes where it leads: to the check, unless something is wrong with it.
    pub async fn check(&self, form: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.post_from(form, path, fields).await;
        match &answer.location {
            Some(location) if answer.status == 303 => self.get(location).await,
            _ => answer,
        }
    }

    /// Opens a request and votes on what it shows.
    pub async fn vote(&self, id: &str, decision: &str, reason: &str) -> Page {
        let page = self.get(&format!("/requests/{id}")).await;
        let binding = page.find("#decide-form input[name=binding]").unwrap_or_default();
        self.post_from(&page, &format!("/requests/{id}/votes"), &[("decision", decision), ("binding", &binding), ("reason", reason)]).await
    }

    /// Waits until the request page says this state.
    pub async fn until(&self, id: &str, state: &str) -> Page {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let page = self.get(&format!("/requests/{id}")).await;
            if page.count(&format!(".request-head [data-state={state}]")) > 0 {
                return page;
            }
            assert!(Instant::now() < end, "{id} never became {state}: {}", page.text());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// A client of the API.
pub struct Token {
    pub base: String,
    pub id: uuid::Uuid,
    pub secret: String,
    pub http: reqwest::Client,
}

impl Token {
    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.secret).header("accept-language", "ko")).await
    }

    /// With a new idempotency key, which asking requires and nothing else minds.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let key = uuid::Uuid::now_v7().to_string();
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.secret).header("idempotency-key", key);
        answer(request.header("accept-language", "ko").json(body)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.http.delete(format!("{}{path}", self.base)).bearer_auth(&self.secret).header("accept-language", "ko")).await
    }

    pub async fn fix(&self, fields: Value) -> (u16, Value) {
        self.post("/api/requests", &serde_json::json!({"operation": "org.tier.fix", "fields": fields, "reason": REASON})).await
    }

    /// Votes on what the API shows.
    pub async fn vote(&self, id: &str, decision: &str, reason: Option<&str>) -> (u16, Value) {
        let (_, request) = self.get(&format!("/api/requests/{id}")).await;
        self.post(
            &format!("/api/requests/{id}/votes"),
            &serde_json::json!({"decision": decision, "binding": request["binding"], "reason": reason}),
        )
        .await
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
