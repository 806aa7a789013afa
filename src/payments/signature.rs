//! Standard Webhooks (https://www.standardwebhooks.com), the part that receives: `webhook-signature` has, with blanks between, one or
//! more of `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body. Ours, because it is thirty lines that decide whom we
//! believe; the tests hold it against the library of those who wrote the standard.
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far the sender's clock may be from ours, in both directions.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// Signatures that are looked at: a sender that rotates its secret sends two.
const MOST_SIGNATURES: usize = 8;
/// The longest id that is taken.
pub const LONGEST_ID: usize = 200;

/// The secrets that a sender may sign with; more than one while they are rotated.
#[derive(Clone, Debug)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// From text with blanks or commas between: each is `whsec_` and base64, or base64 alone.
    pub fn read(text: &str) -> Result<Self, String> {
        let all: Vec<&str> = text.split([' ', ',', '\n']).filter(|one| !one.is_empty()).collect();
        if all.is_empty() {
            return Err("there is no secret".into());
        }
        for (n, one) in all.iter().enumerate() {
            match key(one) {
                Some(key) if key.len() >= 16 => {}
                Some(_) => return Err(format!("secret {} has fewer than 16 bytes", n + 1)),
                None => return Err(format!("secret {} is not base64, with or without whsec_ before it", n + 1)),
            }
        }
        Ok(Self(all.into_iter().map(|one| one.to_owned().into()).collect()))
    }
}

fn key(secret: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()
}

/// What a signature vouches for besides the body.
#[derive(Debug, PartialEq)]
pub struct Signed {
    pub id: String,
    pub sent_at: DateTime<Utc>,
}

/// Whether one of the secrets signed this body, and lately. Otherwise why not, for the log and for whoever sets it up.
pub fn verify(secrets: &Secrets, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Signed, &'static str> {
    let id = the_only(headers, "webhook-id").ok_or("webhook-id is missing or comes twice")?;
    let timestamp = the_only(headers, "webhook-timestamp").ok_or("webhook-timestamp is missing or comes twice")?;
    let signatures = the_only(headers, "webhook-signature").ok_or("webhook-signature is missing or comes twice")?;
    if id.is_empty() || id.len() > LONGEST_ID || id.contains('.') {
        return Err("webhook-id is empty, too long, or has a dot");
    }
    let plain = !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
    let sent_at = timestamp.parse().ok().filter(|_| plain).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let sent_at = sent_at.ok_or("webhook-timestamp is no time")?;
    let known = Hashed::of(secrets, id, timestamp, body);
    let given = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,")).filter_map(|text| BASE64_STANDARD.decode(text).ok());
    // each is compared with each, in constant time: nothing is told by which one fits
    let fits = given.take(MOST_SIGNATURES).fold(false, |fits, one| known.contain(&one) | fits);
    if !fits {
        return Err("no signature fits");
    }
    // after the signature: whoever does not know the secret is not told how our clock stands
    let age = now - sent_at;
    if age > TOLERANCE {
        return Err("webhook-timestamp is too old");
    }
    if age < -TOLERANCE {
        return Err("webhook-timestamp is in the future");
    }
    Ok(Signed { id: id.to_owned(), sent_at })
}

fn the_only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

/// The message under each secret.
struct Hashed(Vec<Hmac<Sha256>>);

impl Hashed {
    fn of(secrets: &Secrets, id: &str, timestamp: &str, body: &[u8]) -> Self {
        let under = |secret: &SecretString| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret.expose_secret())?).ok()?;
            [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].iter().for_each(|part| mac.update(part));
            Some(mac)
        };
        Self(secrets.0.iter().filter_map(under).collect())
    }

    fn contain(&self, signature: &[u8]) -> bool {
        self.0.iter().fold(false, |found, mac| mac.clone().verify_slice(signature).is_ok() | found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    const SECRET: &str = "whsec_Y291bnRlcnNpZ24tdGVzdC1zZWNyZXQtMjRi";
    const ID: &str = "msg_cs_0001";
    const BODY: &str = r#"{"type":"invoice.issued","timestamp":"2026-09-21T13:33:20Z","data":{"id":"inv_1","total":3158546}}"#;
    const SIGNATURE: &str = "v1,hZWD7dukmC/byAU4DQIJBEyzOmGG+Uw3g+v5ZU5yzs0=";
    const AT: i64 = 1_790_000_000;

    fn headers(id: &str, at: &str, signature: &str) -> HeaderMap {
        let all = [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)];
        all.into_iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn try_it(signature: &str, body: &str, now: i64) -> Result<Signed, &'static str> {
        verify(&Secrets::read(SECRET).unwrap(), &headers(ID, &AT.to_string(), signature), body.as_bytes(), at(now))
    }

    #[test]
    fn the_known_vector_is_taken_and_nothing_near_it() {
        assert_eq!(try_it(SIGNATURE, BODY, AT).unwrap(), Signed { id: ID.into(), sent_at: at(AT) });
        assert_eq!(try_it(SIGNATURE, &BODY.replace("3158546", "3158547"), AT), Err("no signature fits"));
        for broken in ["", "v1,", "v1", "v1a,hZWD7dukmC/byAU4DQIJBEyzOmGG+Uw3g+v5ZU5yzs0=", &SIGNATURE[..20], &SIGNATURE.replace('+', "-")]
        {
            assert_eq!(try_it(broken, BODY, AT), Err("no signature fits"), "{broken}");
        }
        for (now, expected) in [
            (AT + 300, Ok(())),
            (AT - 300, Ok(())),
            (AT + 301, Err("webhook-timestamp is too old")),
            (AT - 301, Err("webhook-timestamp is in the future")),
        ] {
            assert_eq!(try_it(SIGNATURE, BODY, now).map(|_| ()), expected, "{now}");
        }
    }

    #[test]
    fn headers_are_there_once_and_say_what_they_should() {
        let secrets = Secrets::read(SECRET).unwrap();
        let good = headers(ID, &AT.to_string(), SIGNATURE);
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut without = good.clone();
            without.remove(name);
            assert!(verify(&secrets, &without, BODY.as_bytes(), at(AT)).is_err(), "{name}");
            let mut twice = good.clone();
            twice.append(name, good[name].clone());
            assert!(verify(&secrets, &twice, BODY.as_bytes(), at(AT)).is_err(), "{name}");
        }
        for time in ["", "now", "-1790000000", "+1790000000", " 1790000000", "1790000000.0", "99999999999999999999"] {
            assert_eq!(
                verify(&secrets, &headers(ID, time, SIGNATURE), BODY.as_bytes(), at(AT)),
                Err("webhook-timestamp is no time"),
                "{time}"
            );
        }
        // with a dot in it, `a.1` at 2 would be signed like `a` at 1.2
        assert!(verify(&secrets, &headers("msg.1", &AT.to_string(), SIGNATURE), BODY.as_bytes(), at(AT)).is_err());
    }

    #[test]
    fn while_secrets_are_rotated_either_side_may_have_both() {
        let other = "whsec_bm90LXRoZS1zYW1lLXNlY3JldC1hdC1hbGw=";
        let foreign = Webhook::new(other).unwrap().sign(ID, AT, BODY.as_bytes()).unwrap();
        assert!(try_it(&format!("{foreign} v1a,xyz {SIGNATURE}"), BODY, AT).is_ok(), "they send both, we know one");
        assert_eq!(try_it(&foreign, BODY, AT), Err("no signature fits"));
        let both = Secrets::read(&format!("{other} {SECRET}")).unwrap();
        for signature in [SIGNATURE, &foreign] {
            assert!(verify(&both, &headers(ID, &AT.to_string(), signature), BODY.as_bytes(), at(AT)).is_ok());
        }
        let many = format!("{}{SIGNATURE}", format!("{foreign} ").repeat(MOST_SIGNATURES));
        assert!(try_it(&many, BODY, AT).is_err(), "nobody needs so many");
    }

    #[test]
    fn secrets_that_are_none_are_told_without_showing_them() {
        for text in ["", "  ", "whsec_", "whsec_hunter2!", "aHVudGVyMg==", &format!("{SECRET} hunter2!")] {
            let said = Secrets::read(text).unwrap_err();
            assert!(!said.contains("hunter2") && !said.contains("aHVu"), "{said}");
        }
        assert!(Secrets::read(SECRET.trim_start_matches("whsec_")).is_ok());
        assert!(!format!("{:?}", Secrets::read(SECRET).unwrap()).contains("Y291"));
    }

    proptest! {
        /// What the library of the standard signs we take, and what we take the library takes.
        #[test]
        fn we_agree_with_the_library_of_the_standard(
            key in proptest::collection::vec(any::<u8>(), 24..64), id in "[a-zA-Z0-9_-]{1,60}",
            body in "(?s).{0,200}", flip in any::<prop::sample::Index>(),
        ) {
            let now = Utc::now().timestamp();
            let secret = BASE64_STANDARD.encode(&key);
            let library = Webhook::new(&secret).unwrap();
            let body = body.as_bytes();
            let signature = library.sign(&id, now, body).unwrap();
            let secrets = Secrets::read(&format!("whsec_{secret}")).unwrap();
            let good = headers(&id, &now.to_string(), &signature);
            prop_assert!(verify(&secrets, &good, body, at(now)).is_ok());
            prop_assert!(library.verify(body, &good).is_ok());
            let mut text = signature.into_bytes();
            let place = flip.index(text.len());
            text[place] = if text[place] == b'A' { b'B' } else { b'A' };
            let other = headers(&id, &now.to_string(), &String::from_utf8(text).unwrap());
            prop_assert_eq!(verify(&secrets, &other, body, at(now)).is_ok(), library.verify(body, &other).is_ok());
        }
    }
}
