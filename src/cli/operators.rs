//! Break-glass and bootstrap: operators and tokens, as the owner of the database, each written to the ledger.
use super::{End, Operators, Tokens, server::owner_url};
use crate::{
    auth::{self, OperatorsManage, Role, Service, scope_named},
    db::Db,
    error::Error,
    i18n::Lang,
    live::Live,
};
use anyhow::{Context, bail};
use std::io::{BufRead, IsTerminal};

async fn database() -> anyhow::Result<Db> {
    Ok(Db::connect(&owner_url()?, Live::new().0).await?)
}

pub async fn operators(command: Operators) -> anyhow::Result<End> {
    let (db, console) = (database().await?, Service::Console.operator::<OperatorsManage>());
    match command {
        Operators::Add { email, name, roles } => {
            let roles = parse_roles(&roles)?;
            let id = told(auth::operators::add(&db, &console, &email, &name, &roles, password()?).await)?;
            println!("Added {email} ({id}).");
        }
        Operators::Disable { email } => {
            told(auth::operators::disable(&db, &console, &email).await)?;
            println!("Disabled {email}; sessions and tokens no longer work.");
        }
        Operators::Enable { email } => {
            told(auth::operators::enable(&db, &console, &email).await)?;
            println!("Enabled {email} again.");
        }
        Operators::Roles { email, roles } => {
            told(auth::operators::set_roles(&db, &console, &email, &parse_roles(&roles)?).await)?;
            println!("{email} now has: {}.", roles.join(", "));
        }
        Operators::ResetPassword { email } => {
            told(auth::operators::reset_password(&db, &console, &email, password()?).await)?;
            println!("Set a new password for {email}; open sessions have ended.");
        }
    }
    db.close().await;
    Ok(End::Done)
}

pub async fn tokens(command: Tokens, json: bool) -> anyhow::Result<End> {
    let (db, console) = (database().await?, Service::Console.operator::<OperatorsManage>());
    match command {
        Tokens::Create { email, name, scopes, days } => {
            if let Some(unknown) = scopes.iter().find(|s| scope_named(s).is_none()) {
                bail!("there is no scope {unknown:?}; `/access` lists them");
            }
            let (id, secret) = told(auth::tokens::create(&db, &console, &email, &name, &scopes, days).await)?;
            if json {
                println!("{}", serde_json::json!({"id": id, "token": secret}));
            } else {
                println!("{secret}");
                eprintln!("Token {id}. It is shown only now; keep it like a password.");
            }
        }
        Tokens::Revoke { id } => {
            told(auth::tokens::revoke(&db, &console, id).await)?;
            println!("Revoked {id}.");
        }
        Tokens::List { email } => {
            let tokens = told(auth::tokens::list(&db, &email).await)?;
            if json {
                println!("{}", serde_json::to_string(&tokens)?);
            }
            for t in tokens.iter().filter(|_| !json) {
                let state = if t.revoked_at.is_some() {
                    "revoked"
                } else if t.expires_at < chrono::Utc::now() {
                    "expired"
                } else {
                    "valid"
                };
                println!("{}  {:<8} until {}  {}  [{}]", t.id, state, t.expires_at.format("%Y-%m-%d"), t.name, t.scopes.join(" "));
            }
        }
    }
    db.close().await;
    Ok(End::Done)
}

fn parse_roles(names: &[String]) -> anyhow::Result<Vec<Role>> {
    names
        .iter()
        .map(|name| {
            Role::for_person(name).with_context(|| {
                let known: Vec<_> = Role::PEOPLE.iter().map(|r| r.name()).collect();
                format!("there is no role {name:?}; there are: {}", known.join(", "))
            })
        })
        .collect()
}

fn password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        eprintln!("Type the password and press Enter (it is shown; or pipe it in):");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Refusals in words, as the pages say them.
fn told<T>(result: Result<T, Error>) -> anyhow::Result<T> {
    result.map_err(|error| match error {
        Error::Internal(cause) => cause,
        other => anyhow::anyhow!(crate::error::sentence(&other, Lang::En)),
    })
}
