//! What the forms of onboardings share: what was typed, with a file or without, and who can be chosen.
use crate::{
    app::App,
    auth::{Csrf, CsrfUpload, OnboardingWork, Scope, Submitted, roles_with},
    error::Error,
    policy,
};
use axum::{
    extract::{FromRequest, Request},
    http::header,
};
use sqlx::PgConnection;

/// A file that is sent along, in memory.
pub(super) struct Sent {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A form whose token was right: its pairs, and the file, if there is one.
pub(super) struct Form {
    pub typed: Submitted,
    pub file: Option<Sent>,
}

impl FromRequest<App> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        if !kind.is_some_and(|v| v.as_bytes().starts_with(b"multipart/form-data")) {
            let Csrf(typed) = Csrf::<Submitted>::from_request(request, app).await?;
            return Ok(Self { typed, file: None });
        }
        let CsrfUpload(mut form) = CsrfUpload::from_request(request, app).await?;
        let mut all = Self { typed: Submitted::default(), file: None };
        let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
            axum::http::StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge("2 MiB"),
            _ => Error::Malformed(error.body_text()),
        };
        while let Some(field) = form.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            match field.file_name().map(str::to_owned) {
                Some(file) => {
                    let bytes = field.bytes().await.map_err(broken)?.to_vec();
                    // other clients may send a path, of which only the name is anybody's business
                    let name: String = file.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(200).collect();
                    if !name.is_empty() {
                        all.file = Some(Sent { name, bytes });
                    }
                }
                None => {
                    let text = field.text().await.map_err(broken)?;
                    all.typed.0.push((name, text.replace('\0', "")));
                }
            }
        }
        Ok(all)
    }
}

/// Who can own a step, by id and name.
pub(super) async fn workers(conn: &mut PgConnection) -> Result<Vec<(String, String)>, Error> {
    let roles = roles_with(OnboardingWork::NAME);
    let able = |p: &policy::Human| p.roles.iter().any(|r| roles.contains(&r.as_str()));
    Ok(policy::people(conn).await?.into_iter().filter(able).map(|p| (p.id.to_string(), p.name)).collect())
}
