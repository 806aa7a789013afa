//! One replica, put together: the only module, with the registry of operations, that knows everyone.
use crate::{
    absences, addons, assets, auth,
    auth::{Provider, sessions},
    catalog,
    config::{Config, Supplier},
    connectors::admin_api::AdminApi,
    csp, customers, dashboard,
    db::{Change, Db},
    doors, error,
    error::Error,
    health, help,
    insights::{self, Reports},
    jobs::{self, Job},
    ledger::{self, log::Log},
    live,
    live::Live,
    notices, onboarding,
    operations::registry::Registry,
    page::{self, Finder},
    payments, permissions, policy, redemptions, requests, search, style, subscriptions,
    surface::{Line, Surface},
    tenants,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware,
};
use secrecy::SecretString;
use sqlx::PgConnection;
use std::{ops::Deref, pin::Pin, sync::Arc};
use tokio::{net::TcpListener, sync::mpsc::UnboundedReceiver};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
    set_header::SetResponseHeaderLayer,
};
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

/// What handlers and workers share. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

pub struct Shared {
    pub db: Db,
    pub registry: Registry,
    /// The policy that was read last.
    pub(crate) policies: policy::Cache,
    pub provider: Option<Provider>,
    pub environment: Option<String>,
    pub public_url: url::Url,
    pub demo: bool,
    /// Whoever sells, as invoices say it.
    pub supplier: Option<Supplier>,
    /// Held while a job is in hand; whoever stops the replica takes it for good.
    pub(crate) in_hand: tokio::sync::RwLock<()>,
    /// How long an attempt in another system belongs to the replica that began it.
    pub lease: std::time::Duration,
    /// Numbers and signs the events. Without it nothing that was approved runs.
    pub log: Option<Log>,
    /// Names this replica in attempts and logs.
    pub replica: String,
    /// Who is asked when somebody searches, in the order in which the answers are shown.
    pub(crate) finders: &'static [Finder],
    /// What reports of violations may still write into the log.
    pub(crate) csp_quota: csp::Quota,
    /// API callers that are held until a request is over.
    pub waiters: requests::wait::Waiters,
    pub(crate) tokens: auth::Tokens,
    pub(crate) insights: Reports,
    /// Whom payments are asked for.
    pub(crate) payments: payments::Providers,
    /// What `/metrics` asks for; without it there is no such page.
    pub(crate) metrics_token: Option<SecretString>,
    pub(crate) run_job: RunJob,
    /// The plan that a tenant has, or is to have: whoever knows it is asked.
    pub(crate) plan_of: PlanOf,
    /// Kinds of jobs that this replica cannot take at the moment, or never.
    pub(crate) not_now: fn(&App) -> Vec<&'static str>,
}

pub(crate) type PlanOf =
    for<'c> fn(&'c mut PgConnection, &'c str) -> Pin<Box<dyn Future<Output = Result<Option<String>, Error>> + Send + 'c>>;

pub(crate) type RunJob = fn(App, Change, Job) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Connects lazily: no database is needed yet.
    pub async fn new(config: &Config) -> anyhow::Result<(Self, UnboundedReceiver<live::Signal>)> {
        let admin_api = config.admin_api.as_ref().map(|s| AdminApi::new(s, config.lease / 2).map(|api| (Arc::new(api), s))).transpose()?;
        let registry = Registry::through(admin_api.as_ref().map(|(api, settings)| (api, *settings)), config.tools.clone());
        for name in config.admin_api.iter().flat_map(|s| s.operations.iter().flatten()) {
            anyhow::ensure!(registry.find(name).is_some(), "COUNTERSIGN_ADMIN_API_OPERATIONS names {name:?}, which is not an operation");
        }
        Self::with(config, registry).await
    }

    /// The same with operations of one's own.
    pub async fn with(config: &Config, registry: Registry) -> anyhow::Result<(Self, UnboundedReceiver<live::Signal>)> {
        let (live, born_here) = Live::new();
        let callback = config.public_url.join("/auth/callback")?.to_string();
        let app = Self(Arc::new(Shared {
            db: Db::connect(config.database(), live).await?,
            registry,
            policies: policy::Cache::default(),
            provider: config.oidc.clone().map(|oidc| Provider::new(oidc, callback)).transpose()?,
            environment: config.environment.clone(),
            public_url: config.public_url.clone(),
            demo: config.demo,
            supplier: config.supplier.clone(),
            in_hand: tokio::sync::RwLock::default(),
            lease: config.lease,
            log: config.ledger.as_ref().map(Log::new).transpose()?,
            replica: format!("{}-{}", std::process::id(), &uuid::Uuid::now_v7().simple().to_string()[20..]),
            finders: FINDERS,
            csp_quota: csp::Quota::default(),
            waiters: requests::wait::Waiters::default(),
            tokens: auth::Tokens::default(),
            insights: Reports::default(),
            payments: payments::Providers::new(&config.payments)?,
            metrics_token: config.metrics_token.clone(),
            run_job: |app, change, job| Box::pin(run_job(app, change, job)),
            plan_of: |conn, tenant| Box::pin(plan_of(conn, tenant)),
            not_now: |app| app.payments.not_now(),
        }));
        app.db.metrics().expect(app.registry.all().map(|d| d.name()));
        let looks: Vec<_> = payments::provider::Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
        app.db.metrics().expect_payments(app.payments.names().map(payments::Name::name), &looks);
        Ok((app, born_here))
    }

    /// Every route with its gate.
    pub fn surface(&self) -> (Router<App>, Vec<Line>) {
        let surface = Surface::new(self);
        let surface = csp::routes(health::routes(assets::routes(surface)));
        let surface = dashboard::web::routes(auth::web::routes(surface));
        let surface = requests::web::routes(surface);
        let surface = payments::web::routes(page::views::routes(catalog::web::routes(customers::web::routes(surface))));
        let surface = policy::web::routes(notices::web::routes(absences::web::routes(surface)));
        let surface = help::web::routes(search::web::routes(ledger::web::routes(surface)));
        let surface = permissions::web::routes(onboarding::web::routes(tenants::web::routes(surface)));
        let surface = addons::web::routes(redemptions::web::routes(subscriptions::web::routes(surface)));
        let surface = insights::web::routes(style::web::routes(surface));
        doors::metrics::routes(doors::api::routes(surface)).into_parts()
    }

    /// The whole service: routes, session, error pages, headers.
    pub fn router(&self, secure: bool) -> Router {
        let (router, _) = self.surface();
        let cookie = if secure { "__Host-countersign" } else { "countersign" };
        let session = SessionManagerLayer::new(sessions::Store(self.db.clone()))
            .with_name(cookie)
            .with_secure(secure)
            .with_same_site(SameSite::Lax)
            .with_http_only(true)
            .with_expiry(Expiry::OnSessionEnd);
        router
            .fallback(|| async { Error::NotFound })
            .method_not_allowed_fallback(|| async { Error::NotFound })
            .layer(middleware::from_fn_with_state(self.clone(), page::frame_errors))
            .layer(session)
            .layer(middleware::from_fn(auth::cross_origin))
            .layer(DefaultBodyLimit::max(256 * 1024))
            .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
                let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                axum::response::IntoResponse::into_response(Error::Internal(anyhow::anyhow!("panic: {}", text.unwrap_or_default())))
            }))
            .layer(middleware::from_fn_with_state(self.clone(), error::render))
            // fonts are compressed already
            .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(NotForContentType::const_new("font/"))))
            .layer(security_headers())
            .layer(middleware::from_fn_with_state(self.clone(), doors::metrics::observe))
            .with_state(self.clone())
    }

    /// Serves, if it may listen, and works, if it shall, until `stop` resolves; then finishes what is in hand.
    pub async fn run(
        self,
        config: &Config,
        listener: Option<TcpListener>,
        worker: bool,
        born_here: UnboundedReceiver<live::Signal>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let mut tasks = tokio::task::JoinSet::new();
        match policy::adopt(&self, &config.policy).await {
            // it says so until the database is there, and then needs its policy
            Err(Error::Unavailable(_)) => drop(tasks.spawn(policy::adopt_later(self.clone(), config.policy.clone()))),
            other => other?,
        }
        if let Some(log) = &self.log {
            match log.check().await {
                Err(Error::Unavailable(_)) | Ok(()) => {}
                Err(wrong) => return Err(wrong.into()),
            }
        }
        // subscribed before anybody can be told to wait
        tasks.spawn(requests::wait::attend(self.clone(), self.db.live().subscribe()));
        tasks.spawn(self.db.clone().relay(born_here));
        tasks.spawn(health::housekeeping(self.clone()));
        if worker {
            // several, so that one slow system does not hold up everybody's work
            for _ in 0..jobs::WORKERS {
                tasks.spawn(jobs::work(self.clone()));
            }
            tasks.spawn(requests::expiry::sweep(self.clone()));
            tasks.spawn(requests::turns::follow(self.clone()));
            tasks.spawn(requests::nudges::follow(self.clone()));
            tasks.spawn(requests::review::follow(self.clone()));
            tasks.spawn(onboarding::clock::follow(self.clone()));
            let sequencing = self.clone();
            tasks.spawn(async move {
                if let Some(log) = &sequencing.log {
                    log.follow().await;
                }
            });
        }
        let (stopping, stopped) = tokio::sync::watch::channel(false);
        let waiting = self.clone();
        let wait = async move {
            stop.await;
            waiting.waiters.stop();
            let _ = stopping.send(true);
        };
        if let Some(listener) = listener {
            let service = self.router(config.secure()).into_make_service_with_connect_info::<std::net::SocketAddr>();
            let mut grace = stopped.clone();
            let serving = axum::serve(listener, service).with_graceful_shutdown(wait);
            tokio::select! {
                served = serving => served?,
                // open event streams would hold the door open for ever
                () = async move {
                    let _ = grace.wait_for(|s| *s).await;
                    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
                } => {}
            }
        } else {
            wait.await;
        }
        // no job is begun any more; those that wait for another system get their answer
        let _ = tokio::time::timeout(self.lease, self.in_hand.write()).await;
        tasks.shutdown().await;
        if let Some(log) = &self.log {
            log.close().await;
        }
        self.db.close().await;
        Ok(())
    }
}

const FINDERS: &[Finder] = &[
    |r, conn, q| Box::pin(search::pages(r, conn, q)),
    |r, conn, q| Box::pin(requests::web::find(r, conn, q)),
    |r, conn, q| Box::pin(tenants::web::find(r, conn, q)),
    |r, conn, q| Box::pin(onboarding::web::find(r, conn, q)),
    |r, conn, q| Box::pin(customers::web::find(r, conn, q)),
    |r, conn, q| Box::pin(catalog::web::find(r, conn, q)),
    |r, conn, q| Box::pin(payments::web::find(r, conn, q)),
    |r, conn, q| Box::pin(ledger::web::find(r, conn, q)),
    |r, conn, q| Box::pin(requests::web::actions(r, conn, q)),
    |r, conn, q| Box::pin(help::find(r, conn, q)),
];

/// What a tenant is subscribed to; before it is active, what was sold to it.
async fn plan_of(conn: &mut PgConnection, tenant: &str) -> Result<Option<String>, Error> {
    match subscriptions::current(conn, tenant).await? {
        Some(subscription) => Ok(Some(subscription.plan)),
        None => Ok(onboarding::plan_of(conn, tenant).await?),
    }
}

async fn run_job(app: App, change: Change, job: Job) -> Result<(), Error> {
    match job.kind.as_str() {
        requests::execution::JOB => requests::execution::run(&app, change, job).await,
        kind if payments::is_look(kind) => payments::run(&app, change, job).await,
        subscriptions::services::JOB => subscriptions::services::run(&app, change, job).await,
        subscriptions::migration::job::JOB => subscriptions::migration::job::run(&app, change, job).await,
        other => Err(anyhow::anyhow!("nobody runs jobs of kind {other}").into()),
    }
}

type HeaderLayer = SetResponseHeaderLayer<HeaderValue>;

fn security_headers() -> (HeaderLayer, HeaderLayer, HeaderLayer, HeaderLayer, HeaderLayer) {
    let layer = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(header::HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    (
        layer("content-security-policy", csp::POLICY),
        layer("x-content-type-options", "nosniff"),
        layer("referrer-policy", "same-origin"),
        layer("cross-origin-opener-policy", "same-origin"),
        layer("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    )
}
