//! `Idempotency-Key`: what makes it safe to ask again after an answer was lost.
use crate::{app::App, error::Error};
use axum::{extract::FromRequestParts, http::request::Parts};

/// A key that somebody sent. Scoped by operator, and only `POST /api/requests` takes one.
pub struct Key(pub String);

const MISSING: &str = "Idempotency-Key is missing. Send one of your own for each thing you ask for, such as a new UUID, \
    and the same one when you try again: then nothing is asked for twice.";

impl FromRequestParts<App> for Key {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let mut given = parts.headers.get_all("idempotency-key").iter();
        let value = given.next().ok_or_else(|| Error::Malformed(MISSING.into()))?;
        if given.next().is_some() {
            return Err(Error::Malformed("Idempotency-Key is there more than once; send one".into()));
        }
        // dropped silently, a retry would ask twice
        let text = value.to_str().ok().and_then(|text| read(text.trim()));
        text.map(Self)
            .ok_or_else(|| Error::Malformed("Idempotency-Key must be 1 to 255 characters of ASCII, with or without quotes".into()))
    }
}

/// A structured-field string (RFC 9651), or the bare value that many clients send.
fn read(text: &str) -> Option<String> {
    let key = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(quoted) => {
            let (mut key, mut rest) = (String::new(), quoted.strip_suffix('"')?.chars());
            while let Some(c) = rest.next() {
                key.push(match c {
                    '\\' => rest.next().filter(|c| matches!(c, '"' | '\\'))?,
                    '"' => return None,
                    other => other,
                });
            }
            key
        }
    };
    let fits = (1..=255).contains(&key.len()) && key.chars().all(|c| (' '..='~').contains(&c));
    fits.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn keys_are_read_with_and_without_quotes() {
        for (text, key) in [("7f6c", "7f6c"), ("\"7f6c\"", "7f6c"), (r#""a\"b\\c""#, r#"a"b\c"#)] {
            assert_eq!(read(text).as_deref(), Some(key));
        }
        for text in ["", "\"\"", "\"", "\"a", "\"a\"b\"", "\"a\\n\"", "키", &"x".repeat(256)] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
