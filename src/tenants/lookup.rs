//! Looking a tenant up in front of the form that needs one, without a script: whoever is found leads to the form again, with the tenant
//! in it.
use super::Called;
use crate::page::{Link, query};

pub struct Lookup {
    /// Where the form is.
    pub href: String,
    pub q: String,
    pub found: Vec<Link>,
    /// What is said if nobody is found.
    pub none: String,
}

impl Lookup {
    /// `part` is the part of the page that has the form: `#redeem`, or nothing.
    pub fn new(page: &str, part: &str, q: &str, found: Vec<Called>, none: String) -> Self {
        let link = |t: Called| Link { href: format!("{page}{}{part}", query(&[("tenant", &t.id)])), label: t.label() };
        Self { href: format!("{page}{part}"), q: q.to_owned(), found: found.into_iter().map(link).collect(), none }
    }
}
