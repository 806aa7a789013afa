//! The two languages of the portal. The build writes one function for each Fluent message (`build.rs`):
//! `msg::inbox_title()` makes a [`Text`] that is said later, `l.inbox_title()` says it at once.
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use serde_json::{Map, Value};
use std::{borrow::Cow, sync::LazyLock};

/// A language of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    #[default]
    Ko,
    En,
}

/// A message with its arguments, in no language yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    id: &'static str,
    args: Vec<(&'static str, Arg)>,
}

/// An argument of a message. Numbers choose plural forms; text is inserted as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    Text(String),
    Number(i64),
}

impl Text {
    fn new(id: &'static str, args: Vec<(&'static str, Arg)>) -> Self {
        Self { id, args }
    }

    /// The Fluent id: stable, so it doubles as the machine-readable code of a refusal.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// What it is said with, as it can be kept beside the id: [`Lang::recall`] says it again, in whichever language.
    pub fn args(&self) -> Map<String, Value> {
        let value = |arg: &Arg| match arg {
            Arg::Text(text) => Value::from(text.as_str()),
            Arg::Number(number) => Value::from(*number),
        };
        self.args.iter().map(|(name, arg)| ((*name).to_owned(), value(arg))).collect()
    }
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::Ko, Lang::En];

    /// The BCP 47 code: `ko` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Lang::Ko => "ko",
            Lang::En => "en",
        }
    }

    /// From a stored or requested code; anything but Korean and English is `None`.
    pub fn from_code(code: &str) -> Option<Self> {
        match code.get(..2)?.to_ascii_lowercase().as_str() {
            "ko" => Some(Lang::Ko),
            "en" => Some(Lang::En),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` header that we speak. Quality values are ignored: browsers sort.
    pub fn from_accept(header: &str) -> Option<Self> {
        header.split(',').find_map(|part| Self::from_code(part.trim()))
    }

    pub fn is_ko(self) -> bool {
        self == Lang::Ko
    }

    /// The text in this language.
    pub fn say(self, text: &Text) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &text.args {
            match value {
                Arg::Text(text) => args.set(*name, text.as_str()),
                Arg::Number(number) => args.set(*name, *number as f64),
            }
        }
        self.format(text.id, &args).unwrap_or_else(|| text.id.to_owned())
    }

    /// A message whose id is put together at run time, such as the label of an operation's field.
    pub fn find(self, id: &str) -> Option<String> {
        self.format(id, &FluentArgs::new())
    }

    /// A message that was kept as its id and what it is said with. `None` if nothing has that id, or if it takes more than was kept.
    pub fn recall(self, id: &str, kept: &Value) -> Option<String> {
        let mut args = FluentArgs::new();
        for (name, value) in kept.as_object().into_iter().flatten() {
            match (value.as_str(), value.as_f64()) {
                (Some(text), _) => args.set(name.as_str(), text),
                (None, Some(number)) => args.set(name.as_str(), number),
                (None, None) => {}
            }
        }
        let (text, complete) = self.formatted(id, &args)?;
        complete.then_some(text)
    }

    fn format(self, id: &str, args: &FluentArgs) -> Option<String> {
        self.formatted(id, args).map(|(text, _)| text)
    }

    /// The text, and whether it had all that it takes.
    fn formatted(self, id: &str, args: &FluentArgs) -> Option<(String, bool)> {
        let bundle = match self {
            Lang::Ko => &*KO,
            Lang::En => &*EN,
        };
        let (pattern, mut errors) = (bundle.get_message(id)?.value()?, Vec::new());
        let text = bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        Some((text, errors.is_empty()))
    }
}

type Bundle = FluentBundle<FluentResource>;
static KO: LazyLock<Bundle> = LazyLock::new(|| bundle("ko", include_str!(concat!(env!("OUT_DIR"), "/ko.ftl"))));
static EN: LazyLock<Bundle> = LazyLock::new(|| bundle("en", include_str!(concat!(env!("OUT_DIR"), "/en.ftl"))));

fn bundle(code: &str, source: &str) -> Bundle {
    let resource = FluentResource::try_new(source.to_owned()).expect("the build has parsed it");
    let mut bundle = Bundle::new_concurrent(vec![code.parse().expect("a valid language code")]);
    // isolation marks would show up in copied text and in e-mail
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).expect("the build has refused duplicates");
    bundle
        .add_function("JOSA", |args, _| match args {
            [word, FluentValue::String(pair)] => josa(&as_text(word), pair).into(),
            _ => FluentValue::Error,
        })
        .expect("one function of this name");
    bundle
}

fn as_text<'a>(value: &'a FluentValue<'a>) -> Cow<'a, str> {
    match value {
        FluentValue::String(text) => Cow::Borrowed(text),
        FluentValue::Number(number) => number.as_string(),
        _ => Cow::Borrowed(""),
    }
}

/// The word with the particle its last sound asks for: `josa("한빛소프트", "을/를")` is "한빛소프트를". Digits and Latin
/// letters count as they are read in Korean; anything else gets both forms.
fn josa(word: &str, pair: &str) -> String {
    let (closed, open) = pair.split_once('/').unwrap_or((pair, pair));
    // brackets and quotation marks are not read out
    let particle = match word.chars().rev().find(|c| c.is_alphanumeric()).and_then(final_sound) {
        Some(Final::None) => open,
        // 으로/로 alone treats a final ㄹ as open
        Some(Final::Rieul) if closed == "으로" => open,
        Some(_) => closed,
        None => return format!("{word}{closed}({open})"),
    };
    format!("{word}{particle}")
}

enum Final {
    None,
    Rieul,
    Other,
}

fn final_sound(last: char) -> Option<Final> {
    Some(match last {
        '가'..='힣' => match (last as u32 - '가' as u32) % 28 {
            0 => Final::None,
            8 => Final::Rieul,
            _ => Final::Other,
        },
        // 영 일 이 삼 사 오 육 칠 팔 구
        '1' | '7' | '8' => Final::Rieul,
        '0' | '3' | '6' => Final::Other,
        '2' | '4' | '5' | '9' => Final::None,
        // 엘 알; 엠 엔; every other letter's name ends in a vowel
        'l' | 'r' | 'L' | 'R' => Final::Rieul,
        'm' | 'n' | 'M' | 'N' => Final::Other,
        'a'..='z' | 'A'..='Z' => Final::None,
        _ => return None,
    })
}

/// What can be put into a message: text and whole numbers, by value or by reference.
pub trait IntoArg {
    fn arg(&self) -> Arg;
}

impl<T: IntoArg + ?Sized> IntoArg for &T {
    fn arg(&self) -> Arg {
        (**self).arg()
    }
}
impl IntoArg for str {
    fn arg(&self) -> Arg {
        Arg::Text(self.to_owned())
    }
}
impl IntoArg for String {
    fn arg(&self) -> Arg {
        Arg::Text(self.clone())
    }
}
macro_rules! numbers { ($($ty:ty),*) => { $(
    impl IntoArg for $ty { fn arg(&self) -> Arg { Arg::Number(*self as i64) } }
)* } }
numbers!(i64, i32, u8, u16, u32, u64, usize);

/// One function for each message, made by the build.
pub mod msg {
    use super::{IntoArg, Lang, Text};
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_said_again_and_what_is_incomplete_is_not() {
        let text = msg::catalog_subscribed_to(3);
        for l in Lang::ALL {
            assert_eq!(l.recall(text.id(), &text.args().into()), Some(l.say(&text)));
            assert_eq!(l.recall(text.id(), &Value::Null), None);
            assert_eq!(l.recall("nothing-is-called-so", &Value::Null), None);
        }
    }

    #[test]
    fn particles_follow_the_last_sound() {
        for (word, pair, expected) in [
            ("한빛소프트", "을/를", "한빛소프트를"),
            ("미래물산", "을/를", "미래물산을"),
            ("CR-2048", "을/를", "CR-2048을"),
            ("서울", "으로/로", "서울로"),
            ("Pro", "으로/로", "Pro로"),
            ("87,000 (-177,000)", "이/가", "87,000 (-177,000)이"),
            ("…", "은/는", "…은(는)"),
        ] {
            assert_eq!(josa(word, pair), expected);
        }
    }
}
