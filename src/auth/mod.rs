//! Who is calling, and what they may do. Only this module can make an [`Operator`], and everything that writes asks for one.
mod csrf;
mod gate;
pub mod limits;
mod oidc;
pub mod operators;
mod passwords;
mod scopes;
pub mod sessions;
mod store;
pub mod tokens;
pub mod web;

pub use csrf::{Csrf, CsrfUpload, Submitted, cross_origin};
pub use gate::{Tokens, door_of};
pub use oidc::Provider;
pub use passwords::hash as password_hash;
pub use scopes::*;

use crate::error::Error;
use std::{marker::PhantomData, sync::Arc};
use uuid::Uuid;

/// The way somebody came in. Written into every ledger event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Web,
    Api,
    Worker,
    Console,
}

impl Door {
    pub fn name(self) -> &'static str {
        match self {
            Door::Web => "web",
            Door::Api => "api",
            Door::Worker => "worker",
            Door::Console => "console",
        }
    }
}

/// Somebody who proved who they are, before any question of what they may do.
#[derive(Debug)]
pub struct Caller {
    pub id: Uuid,
    pub name: String,
    pub email: String,
    pub roles: Vec<Role>,
    pub door: Door,
    credential: Credential,
}

#[derive(Debug)]
enum Credential {
    /// SHA-256 of the session id.
    Session(Vec<u8>),
    /// A token never allows more than the scopes it was made for.
    Token {
        id: Uuid,
        scopes: Vec<String>,
    },
    Service,
}

impl Caller {
    /// Whether both a role and the credential allow it.
    pub fn may(&self, scope: &str) -> bool {
        let allowed = match &self.credential {
            Credential::Token { scopes, .. } => scopes.iter().any(|s| s == scope),
            Credential::Session(_) | Credential::Service => true,
        };
        allowed && self.roles.iter().any(|role| role.holds(scope))
    }

    pub(crate) fn session(&self) -> Option<&[u8]> {
        match &self.credential {
            Credential::Session(hash) => Some(hash),
            _ => None,
        }
    }

    pub(crate) fn token(&self) -> Option<Uuid> {
        match &self.credential {
            Credential::Token { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// A caller who holds scope `S`. Nothing outside `auth` can make one, so a function that takes it has been permitted.
pub struct Operator<S: Scope> {
    caller: Arc<Caller>,
    scope: PhantomData<fn() -> S>,
}

impl<S: Scope> Operator<S> {
    fn of(caller: Arc<Caller>) -> Result<Self, Error> {
        if caller.may(S::NAME) { Ok(Self { caller, scope: PhantomData }) } else { Err(Error::Forbidden(S::NAME)) }
    }

    pub fn id(&self) -> Uuid {
        self.caller.id
    }

    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }
}

/// Countersign's own services, as migrations founded them, 0002 where no other is named.
#[derive(Clone, Copy)]
pub enum Service {
    /// Runs approved requests and expires the others.
    Executor = 1,
    /// Keeps operators in step with the identity provider, and writes sign-ins down.
    Identity = 2,
    /// The command line on the owner's database.
    Console = 3,
    /// Writes down what payment providers tell; migration 0024 founded it.
    Payments = 4,
}

impl Service {
    fn caller(self) -> Caller {
        let (name, door) = match self {
            Service::Executor => ("executor", Door::Worker),
            Service::Identity => ("identity", Door::Web),
            Service::Console => ("console", Door::Console),
            Service::Payments => ("payments", Door::Api),
        };
        Caller {
            id: self.id(),
            name: format!("Countersign {name}"),
            email: format!("{name}@countersign.internal"),
            roles: vec![Role::Service],
            door,
            credential: Credential::Service,
        }
    }

    pub fn id(self) -> Uuid {
        Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 + self as u128)
    }

    /// The service with one of its scopes; each transaction checks its grant like anybody's.
    pub fn operator<S: Scope>(self) -> Operator<S> {
        Operator { caller: Arc::new(self.caller()), scope: PhantomData }
    }
}
