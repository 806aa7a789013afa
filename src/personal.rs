//! What belongs to a person shows itself masked wherever it goes: in logs, on pages, in JSON, in files and in the ledger. One
//! way leads out, [`Personal::exposed`], and `tests/it/house.rs` knows every place that takes it.
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, marker::PhantomData, net::IpAddr};

/// As many, whatever they stand for.
const DOTS: &str = "•••";

/// Text about a person. It comes in as it is, from the database, a form or another system, and goes out as its mask.
pub struct Personal<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

/// An e-mail address: `k•••@customer.example`.
pub type Email = Personal<Mailbox>;
/// What a person is called: `김••`.
pub type PersonName = Personal<Called>;
/// Where a connection comes from: `203.•••`.
pub type ClientAddress = Personal<Network>;

/// How a kind of text is masked. What is too short or not of this kind shows nothing.
pub trait Kind {
    fn mask(text: &str) -> Option<String>;
}

pub enum Mailbox {}
pub enum Called {}
pub enum Network {}

impl Kind for Mailbox {
    fn mask(text: &str) -> Option<String> {
        let (local, domain) = text.rsplit_once('@')?;
        let first = local.chars().next().filter(|c| c.is_alphanumeric())?;
        let is_domain = domain.contains('.') && domain.chars().all(|c| c.is_alphanumeric() || ".-".contains(c));
        // somebody's own domain may say what the dots hide
        let hides = local.chars().count() > 2 && !local.contains('@') && !domain.to_lowercase().contains(&local.to_lowercase());
        (is_domain && hides).then(|| format!("{first}{DOTS}@{domain}"))
    }
}

impl Kind for Called {
    fn mask(text: &str) -> Option<String> {
        let first = text.chars().next().filter(|c| c.is_alphabetic())?;
        // where there is no name, an address may stand for it
        (text.chars().count() > 1 && !text.contains('@')).then(|| format!("{first}••"))
    }
}

impl Kind for Network {
    fn mask(text: &str) -> Option<String> {
        Some(match text.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(ip) => format!("{}.{DOTS}", ip.octets()[0]),
            IpAddr::V6(ip) => format!("{:x}:{DOTS}", ip.segments()[0]),
        })
    }
}

impl<K> Personal<K> {
    /// The whole text, unmasked. Only where somebody needs it to act; never for a log, a list or a leaf.
    pub fn exposed(&self) -> &str {
        &self.text
    }
}

impl<K> From<String> for Personal<K> {
    fn from(text: String) -> Self {
        Self { text, kind: PhantomData }
    }
}
impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        address.to_string().into()
    }
}
impl<K> Clone for Personal<K> {
    fn clone(&self) -> Self {
        self.text.clone().into()
    }
}
impl<K> Default for Personal<K> {
    fn default() -> Self {
        String::new().into()
    }
}
impl<'de, K> Deserialize<'de> for Personal<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

impl<K: Kind> fmt::Display for Personal<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&K::mask(&self.text).unwrap_or_else(|| DOTS.into()))
    }
}
impl<K: Kind> fmt::Debug for Personal<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: Kind> Serialize for Personal<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// The compiler refuses whatever would let it out unnoticed: as a fact of a leaf ([`crate::ledger::Entry::with`] takes what
/// turns into a JSON value), as a string, or borrowed as one. With such an implementation `escapes` would be ambiguous.
const _: () = {
    trait Way<A> {
        fn escapes() {}
    }
    impl<T> Way<()> for T {}
    impl<T: Into<serde_json::Value>> Way<u8> for T {}
    impl<T: Into<String>> Way<u16> for T {}
    impl<T: AsRef<str>> Way<u32> for T {}
    impl<T: std::ops::Deref> Way<u64> for T {}
    let _ = (<Email as Way<_>>::escapes, <PersonName as Way<_>>::escapes, <ClientAddress as Way<_>>::escapes);
};

/// Text that others wrote, with every e-mail address in it masked: for lines of the log and what other systems answered.
pub fn without_addresses(text: &str) -> String {
    let belongs = |c: char| c.is_alphanumeric() || "@.!#$%&*+-_=^`{|}~•".contains(c);
    let masked = |piece: &str| {
        let word = piece.trim_end_matches(|c| c == '.' || !belongs(c));
        let after = &piece[word.len()..];
        if word.contains('@') { format!("{}{after}", Email::from(word.to_owned())) } else { piece.to_owned() }
    };
    text.replace("%40", "@").split_inclusive(|c| !belongs(c)).map(masked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// All the ways to look at it, which agree.
    fn seen<K: Kind>(text: &str) -> String {
        #[derive(askama::Template)]
        #[template(source = "{{ it }}", ext = "txt")]
        struct Page<'a, K: Kind> {
            it: &'a Personal<K>,
        }
        let it = Personal::<K>::from(text.to_owned());
        let shown = it.to_string();
        assert_eq!((format!("{it:?}"), json!(it), it.exposed()), (shown.clone(), json!(shown), text));
        assert_eq!(askama::Template::render(&Page { it: &it }).unwrap(), shown);
        shown
    }

    #[test]
    fn a_letter_is_shown_where_that_tells_little_and_else_nothing() {
        for (text, shown) in [
            ("kim.haneul@hanbit.example", "k•••@hanbit.example"),
            ("k•••@hanbit.example", "k•••@hanbit.example"),
            ("김하늘@한빛.example", "김•••@한빛.example"),
            ("ab@hanbit.example", DOTS),
            ("kim@kim.example", DOTS),
            ("@hanbit.example", DOTS),
            ("kim.haneul@", DOTS),
            ("kim.haneul", DOTS),
            ("kim@haneul@hanbit.example", DOTS),
            ("<script>@hanbit.example", DOTS),
            ("kim.haneul@hanbit example.com", DOTS),
            ("", DOTS),
        ] {
            assert_eq!(seen::<Mailbox>(text), shown, "{text}");
        }
        for (text, shown) in [
            ("김하늘", "김••"),
            ("남궁하늘", "남••"),
            ("Kim Haneul", "K••"),
            ("김", DOTS),
            ("", DOTS),
            ("1", DOTS),
            ("kim@x.example", DOTS),
        ] {
            assert_eq!(seen::<Called>(text), shown, "{text}");
        }
        for (text, shown) in [("203.0.113.9", "203.•••"), ("2001:db8::1", "2001:•••"), ("::ffff:203.0.113.9", "203.•••"), ("host", DOTS)]
        {
            assert_eq!(seen::<Network>(text), shown, "{text}");
        }
    }

    #[test]
    fn addresses_in_what_others_wrote_are_masked_and_the_rest_stays() {
        for (text, shown) in [
            ("/users/kim.haneul%40hanbit.example", "/users/k•••@hanbit.example"),
            ("no <kim.haneul@hanbit.example>, ok.", "no <k•••@hanbit.example>, ok."),
            ("Ask kim.haneul@hanbit.example.", "Ask k•••@hanbit.example."),
            ("{\"email\":\"kim@x\"}", "{\"email\":\"•••\"}"),
            ("/requests/CR-12 · 50% 김", "/requests/CR-12 · 50% 김"),
            ("", ""),
        ] {
            assert_eq!(without_addresses(text), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_of_an_address_but_one_letter_and_its_domain(local in "[a-z가-힣][a-z가-힣0-9._+-]{2,40}", domain in "[a-z]{3,12}\\.example") {
            let shown = seen::<Mailbox>(&format!("{local}@{domain}"));
            prop_assert!(!shown.contains(&local));
            // nothing depends on the rest, so not on its length either
            let expected = if domain.contains(&local) { DOTS.to_owned() } else { format!("{}•••@{domain}", local.chars().next().unwrap()) };
            prop_assert_eq!(&shown, &expected);
            prop_assert_eq!(&seen::<Mailbox>(&shown), &shown);
            let told = without_addresses(&format!("saw {local}@{domain}, twice"));
            prop_assert_eq!(told, format!("saw {shown}, twice"));
        }

        #[test]
        fn nothing_of_a_name_but_its_first_letter(name in "[A-Za-z가-힣][A-Za-z가-힣 .'-]{1,40}") {
            let shown = seen::<Called>(&name);
            prop_assert_eq!(shown, format!("{}••", name.chars().next().unwrap()));
        }

        #[test]
        fn whatever_it_is_it_is_masked(text in "\\PC{0,60}") {
            for shown in [seen::<Mailbox>(&text), seen::<Called>(&text), seen::<Network>(&text)] {
                prop_assert!(shown.contains("••") && (text.contains("••") || !shown.contains(&text) || text.chars().count() < 2));
            }
        }
    }
}
