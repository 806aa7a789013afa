//! Sign-in at the company's identity provider: discovery, authorization code with PKCE (S256), state and nonce, and an ID
//! token whose roles claim says what the person is here.
use super::Role;
use crate::{config::Oidc, error::Error, i18n::msg};
use openidconnect::{core::*, *};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// All other claims of the ID token; the configuration names the one that lists roles.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OtherClaims(#[serde(default)] HashMap<String, serde_json::Value>);
impl AdditionalClaims for OtherClaims {}

type Tokens = StandardTokenResponse<
    IdTokenFields<OtherClaims, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>,
    CoreTokenType,
>;
type OidcClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Kept in the session between leaving for the provider and coming back.
#[derive(Serialize, Deserialize)]
pub struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    /// Where the person wanted to go.
    pub next: String,
}

/// What the provider adds to the callback address.
#[derive(Debug, Deserialize)]
pub struct Callback {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Who came back.
pub struct Arrived {
    pub subject: String,
    pub email: String,
    pub email_verified: bool,
    pub name: String,
    pub roles: Vec<Role>,
}

/// How long the provider's metadata and keys are used before they are fetched again.
const KEEP: Duration = Duration::from_secs(300);

/// The configured identity provider. Its metadata and keys are fetched at sign-in and kept for a few minutes: Countersign
/// starts, and break-glass sign-in works, while the provider is down, and rotated keys are noticed.
pub struct Provider {
    config: Oidc,
    redirect: String,
    http: reqwest::Client,
    client: Mutex<Option<(Instant, Arc<OidcClient>)>>,
}

impl Provider {
    /// `redirect` is the address of `/auth/callback` as the browser sees it.
    pub fn new(config: Oidc, redirect: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(10)).build()?;
        Ok(Self { config, redirect, http, client: Mutex::default() })
    }

    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    async fn client(&self) -> anyhow::Result<Arc<OidcClient>> {
        let kept = self.client.lock().expect("no panic while held").clone();
        if let Some((since, client)) = &kept
            && since.elapsed() < KEEP
        {
            return Ok(client.clone());
        }
        match (self.discover().await, kept) {
            (Ok(client), _) => {
                let client = Arc::new(client);
                *self.client.lock().expect("no panic while held") = Some((Instant::now(), client.clone()));
                Ok(client)
            }
            // what we know is better than nothing: it may still be right
            (Err(error), Some((_, client))) => {
                tracing::warn!(error = format!("{error:#}"), "the identity provider's metadata could not be refreshed");
                Ok(client)
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn discover(&self) -> anyhow::Result<OidcClient> {
        let send = |request| send(self.http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(IssuerUrl::new(self.config.issuer.clone())?, &send).await?;
        let secret = ClientSecret::new(self.config.client_secret.expose_secret().to_owned());
        Ok(Client::from_provider_metadata(metadata, ClientId::new(self.config.client_id.clone()), Some(secret))
            .set_redirect_uri(RedirectUrl::new(self.redirect.clone())?))
    }

    /// Fetches the provider's metadata, to say whether it can be reached.
    pub async fn check(&self) -> anyhow::Result<()> {
        self.client().await.map(|_| ())
    }

    /// Where to send the browser, and what to remember until it returns.
    pub async fn depart(&self, next: String, again: bool) -> Result<(url::Url, Pending), Error> {
        let client = self.client().await.map_err(unreachable_provider)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(AuthenticationFlow::<CoreResponseType>::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.config.scopes.split_whitespace().map(|s| Scope::new(s.to_owned())))
            .set_pkce_challenge(challenge);
        if again {
            // a session at the provider is no proof that somebody is there
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        let (url, state, nonce) = request.url();
        Ok((url, Pending { state, nonce, verifier, next }))
    }

    /// Exchanges the code and checks the ID token: signature, issuer, audience, expiry, nonce, and the access token's hash.
    pub async fn arrive(&self, pending: Pending, callback: Callback) -> Result<Arrived, Error> {
        let refused = |why: &str| {
            tracing::warn!(why, "sign-in at the identity provider was refused");
            Error::Refused(msg::login_sso_refused())
        };
        if let Some(error) = &callback.error {
            return Err(refused(error));
        }
        if callback.state.as_deref() != Some(pending.state.secret()) {
            return Err(refused("the state does not match"));
        }
        // RFC 9207: an answer that names another issuer was mixed up
        if callback.iss.as_ref().is_some_and(|iss| *iss != self.config.issuer) {
            return Err(refused("the answer names another issuer"));
        }
        let code = callback.code.ok_or_else(|| refused("there is no code"))?;
        let client = self.client().await.map_err(unreachable_provider)?;
        let exchange = client.exchange_code(AuthorizationCode::new(code)).map_err(|e| refused(&e.to_string()))?;
        let send = |request| send(self.http.clone(), request);
        let tokens = exchange.set_pkce_verifier(pending.verifier).request_async(&send).await.map_err(|e| refused(&format!("{e:?}")))?;
        let id_token = tokens.extra_fields().id_token().ok_or_else(|| refused("there is no ID token"))?;
        // only these, whatever the provider offers: neither `none` nor a shared secret
        let verifier = client.id_token_verifier().set_allowed_algs([
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            CoreJwsSigningAlgorithm::EdDsa,
        ]);
        let claims = id_token.claims(&verifier, &pending.nonce).map_err(|e| refused(&e.to_string()))?;
        if let Some(expected) = claims.access_token_hash() {
            let hash = || -> anyhow::Result<_> {
                Ok(AccessTokenHash::from_token(tokens.access_token(), id_token.signing_alg()?, id_token.signing_key(&verifier)?)?)
            };
            if hash().ok().as_ref() != Some(expected) {
                return Err(refused("the access token's hash does not match"));
            }
        }
        let email = claims.email().ok_or_else(|| refused("there is no e-mail address"))?.to_lowercase();
        let name = claims.name().and_then(|n| n.get(None)).map(|n| n.to_string()).unwrap_or_else(|| email.clone());
        let roles = roles(claims.additional_claims().0.get(&self.config.roles_claim));
        if roles.is_empty() {
            return Err(Error::Refused(msg::login_no_roles()));
        }
        let email_verified = claims.email_verified().unwrap_or(false);
        Ok(Arrived { subject: claims.subject().to_string(), email, email_verified, name, roles })
    }
}

fn unreachable_provider(error: anyhow::Error) -> Error {
    tracing::warn!(error = format!("{error:#}"), "the identity provider cannot be reached");
    Error::Refused(msg::login_sso_unreachable())
}

/// Role names that are not ours, and `service`, are left out.
fn roles(claim: Option<&serde_json::Value>) -> Vec<Role> {
    let names = claim.and_then(|c| c.as_array()).into_iter().flatten();
    names.filter_map(|name| Role::for_person(name.as_str()?)).collect()
}

/// openidconnect takes any HTTP client; its own choice would bring a second reqwest.
async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let answer = client.execute(request.try_into()?).await?;
    let mut built = http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        built = built.header(name, value);
    }
    Ok(built.body(answer.bytes().await?.to_vec())?)
}

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error(transparent)]
    Reqwest(#[from] reqwest::Error),
    #[error(transparent)]
    Http(#[from] http::Error),
}
