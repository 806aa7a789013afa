//! Where the upload form of the style page sends its files. They are read, hashed and forgotten: only the hashes of the last few
//! are remembered, so that the same file is recognised when it comes again.
use crate::{
    app::App,
    auth::{CsrfUpload, Operator, PortalUse},
    error::Error,
    page::Visit,
    requests::hex,
};
use axum::{
    Json,
    extract::{State, multipart::Field},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Of a whole form; what is beyond it is refused while it arrives.
pub const LIMIT: usize = 5 * 1024 * 1024;
pub const LIMIT_TEXT: &str = "5 MiB";
const REMEMBERED: usize = 100;

/// The hashes of the last files.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<VecDeque<String>>>);

impl Seen {
    /// Whether this one was here before; from now on it was.
    fn before(&self, hash: &str) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.iter().any(|h| h == hash);
        if !known {
            seen.push_back(hash.to_owned());
            if seen.len() > REMEMBERED {
                seen.pop_front();
            }
        }
        known
    }
}

/// What is known of a file that was sent.
#[derive(Serialize)]
struct Sent {
    name: String,
    size: usize,
    sha256: String,
    duplicate: bool,
}

/// A script sends each file by itself and is told about it; a form sends them all and comes back to its page.
pub async fn upload(
    _: Operator<PortalUse>,
    visit: Visit,
    State(app): State<App>,
    headers: HeaderMap,
    seen: Seen,
    form: Result<CsrfUpload, Error>,
) -> Result<Response, Error> {
    if !app.demo {
        return Err(Error::NotFound);
    }
    let CsrfUpload(mut form) = form?;
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| too_large_or_malformed(&error))? {
        // a form without a file still has a field for one, without a name
        if field.name() == Some("file") && field.file_name().is_some_and(|name| !name.is_empty()) {
            files.push(read(field, &seen).await?);
        }
    }
    let json = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    let Some(last) = files.last() else {
        if json {
            return Err(Error::Malformed("there is no field named `file`".into()));
        }
        visit.say("error", visit.l.style_upload_none()).await?;
        return Ok(Redirect::to("/style#upload").into_response());
    };
    if json {
        return Ok(Json(last).into_response());
    }
    let told = files.iter().map(|f| format!("{} (SHA-256 {}…)", f.name, &f.sha256[..12])).collect::<Vec<_>>().join(", ");
    visit.say("success", visit.l.style_upload_done(files.len(), told)).await?;
    Ok(Redirect::to("/style#upload").into_response())
}

/// Hashes a file as it arrives; no more of it than one chunk is in memory.
async fn read(mut field: Field<'_>, seen: &Seen) -> Result<Sent, Error> {
    // browsers send a name; other clients may send a path, of which only the name is anybody's business
    let name: String = field.file_name().and_then(|name| name.rsplit(['/', '\\']).next()).unwrap_or_default().chars().take(200).collect();
    let (mut size, mut hash) = (0, Sha256::new());
    while let Some(chunk) = field.chunk().await.map_err(|error| too_large_or_malformed(&error))? {
        size += chunk.len();
        hash.update(&chunk);
    }
    let sha256 = hex(&hash.finalize());
    Ok(Sent { name, size, duplicate: seen.before(&sha256), sha256 })
}

fn too_large_or_malformed(error: &axum::extract::multipart::MultipartError) -> Error {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        Error::TooLarge(LIMIT_TEXT)
    } else {
        Error::Malformed(error.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_recognised_and_in_the_end_forgotten() {
        let seen = Seen::default();
        assert!(!seen.before("a"));
        assert!(seen.before("a"));
        (0..REMEMBERED).for_each(|i| assert!(!seen.before(&i.to_string())));
        assert!(!seen.before("a"));
    }
}
