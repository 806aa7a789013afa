//! Where routes are mounted, and nowhere else. Each names its gate, and the same call fills the table that the tests walk:
//! there is no way to mount a handler without saying who may reach it.
use crate::{
    app::App,
    auth::{Operator, Scope},
};
use axum::{
    Router,
    handler::Handler,
    middleware::from_extractor_with_state,
    routing::{MethodRouter, delete, get, post},
};

/// One route and its gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub method: &'static str,
    pub path: &'static str,
    /// The scope, or `public`.
    pub gate: &'static str,
}

/// Routes and the list of their gates, grown together.
pub struct Surface {
    app: App,
    router: Router<App>,
    lines: Vec<Line>,
}

impl Surface {
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), router: Router::new(), lines: Vec::new() }
    }

    /// Something to look at, for those who hold `S`.
    pub fn show<S: Scope, H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.gated::<S>("GET", path, get(handler))
    }

    /// Something to do, for those who hold `S`.
    pub fn act<S: Scope, H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.gated::<S>("POST", path, post(handler))
    }

    /// Something to take away again, for those who hold `S`.
    pub fn drop<S: Scope, H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.gated::<S>("DELETE", path, delete(handler))
    }

    /// Open to everybody; the exceptions, each spelt out.
    pub fn public_show<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.mount("GET", path, "public", get(handler))
    }

    pub fn public_act<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.mount("POST", path, "public", post(handler))
    }

    fn gated<S: Scope>(self, method: &'static str, path: &'static str, route: MethodRouter<App>) -> Self {
        let gate = from_extractor_with_state::<Operator<S>, App>(self.app.clone());
        self.mount(method, path, S::NAME, route.route_layer(gate))
    }

    fn mount(mut self, method: &'static str, path: &'static str, gate: &'static str, route: MethodRouter<App>) -> Self {
        self.lines.push(Line { method, path, gate });
        self.router = self.router.route(path, route);
        self
    }

    pub fn into_parts(self) -> (Router<App>, Vec<Line>) {
        (self.router, self.lines)
    }
}
