//! The static files, bundled, hashed and compressed by the build (`build.rs`), served from memory for ever.
use crate::{error::Error, surface::Surface};
use axum::{
    extract::Path,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

/// One file under its hashed name.
pub struct Asset {
    pub url: &'static str,
    mime: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

pub fn routes(surface: Surface) -> Surface {
    surface.public_show("/static/{name}", serve)
}

async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let asset = ALL.iter().find(|a| a.url.strip_prefix("/static/") == Some(&name)).ok_or(Error::NotFound)?;
    let takes_brotli = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("br"));
    let common = [
        (header::CONTENT_TYPE, asset.mime),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    Ok(match asset.brotli.filter(|_| takes_brotli) {
        Some(packed) => (common, [(header::CONTENT_ENCODING, "br")], packed).into_response(),
        None => (common, asset.plain).into_response(),
    })
}
