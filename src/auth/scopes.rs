//! Roles, scopes, and the one table that says which role holds which scope. The access page, the gates, the check inside
//! each transaction and the route × role test all read it here.

/// Something a person may be allowed to do. Implemented by empty marker types only.
pub trait Scope: Send + Sync + 'static {
    const NAME: &'static str;
}

/// What a person is in the company. Kept in `operator_role`, or given by the identity provider's roles claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Admin,
    Approver,
    Ops,
    Sre,
    Cs,
    Billing,
    Security,
    Auditor,
    /// Countersign's own services; never given to a person.
    Service,
}

impl Role {
    /// The roles a person can have, in the order of the access matrix.
    pub const PEOPLE: [Role; 8] =
        [Role::Admin, Role::Approver, Role::Ops, Role::Sre, Role::Cs, Role::Billing, Role::Security, Role::Auditor];

    pub fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Approver => "approver",
            Role::Ops => "ops",
            Role::Sre => "sre",
            Role::Cs => "cs",
            Role::Billing => "billing",
            Role::Security => "security",
            Role::Auditor => "auditor",
            Role::Service => "service",
        }
    }

    /// `None` for unknown names and for `service`, which nobody can be given.
    pub fn for_person(name: &str) -> Option<Self> {
        Self::PEOPLE.into_iter().find(|role| role.name() == name)
    }

    /// From `operator_role`, where services are too.
    pub(super) fn stored(name: &str) -> Option<Self> {
        Self::for_person(name).or((name == "service").then_some(Role::Service))
    }

    pub fn holds(self, scope: &str) -> bool {
        MATRIX.iter().any(|(name, roles)| *name == scope && roles.contains(&self))
    }
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $scope:ident = $name:literal: $($role:ident)+;)*) => {
        $($(#[$doc])* pub enum $scope {} impl Scope for $scope { const NAME: &'static str = $name; })*
        /// The permission matrix: each scope with the roles that hold it.
        pub const MATRIX: &[(&str, &[Role])] = &[$(($name, &[$(Role::$role),+])),*];
    };
}

scopes! {
    /// Sign in, see the dashboard, follow live changes, read the API's documents.
    PortalUse = "portal:use": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// See requests, their votes and their outcome.
    RequestsRead = "requests:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Ask for something at all; each operation needs its own scope besides.
    RequestsAsk = "requests:ask": Admin Approver Ops Sre Cs Billing Security;
    /// Approve or reject what others asked for.
    RequestsDecide = "requests:decide": Admin Approver Sre Billing Security;
    /// Have a request run at once without the approvals its policy asks for, where that policy allows it.
    RequestsBreakGlass = "requests:break-glass": Admin Sre;
    /// Carry out what was approved, expire what was not.
    RequestsExecute = "requests:execute": Service;
    /// See customers' companies, organisations and people.
    CustomersRead = "customers:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Ask for changes of a customer's plan, tier or credit.
    CustomersFix = "customers:fix": Admin Ops Cs Billing;
    /// See plans and add-ons with their prices, and what they would cost.
    CatalogRead = "catalog:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Draft prices, and ask that they are published or withdrawn.
    CatalogChange = "catalog:change": Admin Billing;
    /// Redeem promotions that were opened, for tenants.
    PromotionsRedeem = "promotions:redeem": Admin Cs Billing;
    /// See templates of tenants' roles, and what each of them may do.
    PermissionsRead = "permissions:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Write templates of tenants' roles, and ask that they are published.
    PermissionsChange = "permissions:change": Admin Security;
    /// See what tenants have on top of their plans, what was asked for, and what an invoice would say.
    AddonsRead = "addons:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Ask that a tenant has another number of an add-on.
    AddonsChange = "addons:change": Admin Cs Billing;
    /// See payments, who made them, and what their providers say.
    PaymentsRead = "payments:read": Admin Approver Ops Sre Cs Billing Auditor;
    /// Have a provider asked about a payment now.
    PaymentsCheck = "payments:check": Admin Ops Cs Billing;
    /// Write down what providers tell of payments.
    PaymentsKeep = "payments:keep": Service;
    /// See onboardings, their steps and what these rest on.
    OnboardingRead = "onboarding:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Begin onboardings, hand evidence in, decide on it, ask again.
    OnboardingWork = "onboarding:work": Admin Cs;
    /// Ask for a tenant to become active.
    OnboardingApprove = "onboarding:approve": Admin Cs;
    /// Ask for an onboarding to be rejected.
    OnboardingReject = "onboarding:reject": Admin Cs;
    /// See who is subscribed to what, and what a change would cost.
    SubscriptionsRead = "subscriptions:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Ask that subscriptions change or end.
    SubscriptionsChange = "subscriptions:change": Admin Cs Billing;
    /// Ask to call tools; what can do much harm waits for people.
    ToolsCall = "tools:call": Admin Ops Sre;
    /// Read the ledger.
    LedgerRead = "ledger:read": Admin Approver Ops Sre Billing Security Auditor;
    /// Ask for what is kept about a person to be erased.
    PersonalErase = "personal:erase": Admin Security;
    /// Export a month of the ledger and drop it. Held by the console service: it takes the owner's database.
    LedgerRetire = "ledger:retire": Service;
    /// Ask that a halted ledger goes on.
    LedgerResume = "ledger:resume": Admin Security;
    /// Take the ledger away with reasons, before and after, and what proves them.
    LedgerExport = "ledger:export": Admin Auditor;
    /// Read the policy, and try a draft of it on the past.
    PolicyRead = "policy:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Ask for a change of the policy.
    PolicyPropose = "policy:propose": Admin Security;
    /// Write the first version of the policy at the first start.
    PolicyAdopt = "policy:adopt": Service;
    /// See what decisions are like: how long they take, whether they are read first, and who carries how many.
    InsightsRead = "insights:read": Admin Approver Sre Security Auditor;
    /// See who may do what.
    AccessRead = "access:read": Admin Approver Ops Sre Cs Billing Security Auditor;
    /// Create, disable and re-role operators, and their tokens. Held by the console service: it takes the owner's database.
    OperatorsManage = "operators:manage": Service;
    /// Keep operators in step with the identity provider at sign-in.
    IdentitySync = "identity:sync": Service;
}

/// Scopes that a token has only if they were named when it was made.
pub const NAMED_ONLY: [&str; 1] = [RequestsBreakGlass::NAME];

/// The names of the roles that hold a scope.
pub fn roles_with(scope: &str) -> Vec<&'static str> {
    MATRIX.iter().filter(|(name, _)| *name == scope).flat_map(|(_, roles)| roles.iter().map(|r| r.name())).collect()
}

/// The one spelling of a scope name that a person wrote, or `None` if there is no such scope.
pub fn scope_named(name: &str) -> Option<&'static str> {
    MATRIX.iter().map(|(scope, _)| *scope).find(|scope| *scope == name)
}
