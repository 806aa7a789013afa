//! `policy show` and `policy simulate`, over the API.
use super::{
    End, Policy,
    client::{Client, problem},
};
use anyhow::Context;
use serde_json::{Value, json};

pub async fn policy(command: Policy, json: bool) -> anyhow::Result<End> {
    let (status, body) = match &command {
        Policy::Show => Client::from_env()?.get("/api/policy").await?,
        Policy::Simulate { file, days } => {
            let document = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Client::from_env()?.post("/api/policy/simulate", &json!({"document": document, "days": days}), None).await?
        }
    };
    if !status.is_success() {
        return problem(status, &body);
    }
    match command {
        _ if json => println!("{}", serde_json::to_string_pretty(&body)?),
        Policy::Show => print!("{}", body["document"].as_str().unwrap_or_default()),
        Policy::Simulate { .. } => report(&body),
    }
    Ok(End::Done)
}

fn report(body: &Value) {
    let row = |name: &str, sums: &Value| {
        let n = |key: &str| sums[key].as_i64().unwrap_or(0);
        let minutes = |key: &str| sums[key].as_i64().map_or("-".to_owned(), |s| format!("{}", (s + 30) / 60));
        println!(
            "{name:<44} {:>8} {:>6} {:>6} {:>6} {:>7} {:>6}  {} -> {}",
            n("requests"),
            n("more"),
            n("fewer"),
            n("others"),
            n("at_once"),
            n("nobody"),
            minutes("waited"),
            minutes("would_wait")
        );
    };
    println!(
        "{:<44} {:>8} {:>6} {:>6} {:>6} {:>7} {:>6}  median minutes (estimate)",
        "", "requests", "more", "fewer", "others", "at once", "nobody"
    );
    row(&format!("last {} days", body["days"]), &body["all"]);
    for line in body["lines"].as_array().into_iter().flatten() {
        let name = format!("{} / {}", line["operation"].as_str().unwrap_or_default(), line["rule"].as_str().unwrap_or_default());
        row(&name, &line["sums"]);
    }
    if body["capped"] == true {
        println!("There were more requests; only the newest were looked at.");
    }
}
