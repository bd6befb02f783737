//! Everything that the stand-in holds: a Smore account, and a CRM.

use std::borrow::Cow;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::answer::{error, refused};
use super::crm::Crm;
use super::forms::Form;
use super::oauth::Grants;
use super::options::Options;
use super::{steer, table};
use crate::stand::draw::Draw;
use crate::stand::{
    Api, Hooks, Input, Operation, Order, Posting, Refusal, Request, Steered, Trouble, Visit,
};

/// A Smore account, and a CRM beside it.
#[derive(Debug)]
pub struct Account {
    pub(super) options: Options,
    pub(super) draw: Draw,
    pub(super) grants: Grants,
    pub(super) forms: Vec<Form>,
    pub(super) hooks: Hooks,
    pub(super) posting: Arc<Posting>,
    pub(super) crm: Crm,
    pub(super) crm_posting: Arc<Posting>,
}

/// Who is calling.
#[derive(Debug)]
enum Caller {
    /// Nobody has to be.
    Anyone,
    Personal,
    OAuth,
    Crm,
    Unknown,
}

impl Account {
    pub(super) fn new(options: Options) -> Self {
        let posting = |gone_disables| {
            Arc::new(Posting {
                timeout: options.hook_timeout,
                retries: options.retries(),
                gone_disables,
            })
        };
        Self {
            draw: Draw::new(options.stand.seed),
            grants: Grants::default(),
            forms: Vec::new(),
            hooks: Hooks::default(),
            posting: posting(true),
            crm: Crm::default(),
            crm_posting: posting(false),
            options,
        }
    }

    fn caller(&self, operation: &'static str, request: &Request) -> Caller {
        let bearer = request.bearer();
        let among = |keys: &[SecretString]| {
            bearer.is_some_and(|bearer| keys.iter().any(|key| key.expose_secret() == bearer))
        };
        let crm = &self.options.crm_tokens;
        match operation {
            "authorize" | "token" => Caller::Anyone,
            _ if operation.starts_with("crm-") => match bearer {
                Some(_) if crm.is_empty() || among(crm) => Caller::Crm,
                _ => Caller::Unknown,
            },
            _ if among(&self.options.personal_keys) => Caller::Personal,
            _ if bearer.is_some_and(|bearer| self.grants.knows(bearer)) => Caller::OAuth,
            _ => Caller::Unknown,
        }
    }
}

/// What an access token must be good for.
fn scope(operation: &'static str) -> &'static str {
    match operation {
        "get-profile" => "profile:read",
        "get-forms" | "get-form" => "forms:read",
        "get-responses" | "get-response" => "responses:read",
        "get-webhooks" => "webhooks:read",
        _ => "webhooks:write",
    }
}

impl Api for Account {
    const STEERING: &'static str =
        "POST forms, responses, revoke, profiles, tags, notes, hooks; GET profiles";
    const CODED: bool = false;

    fn operations() -> &'static [Operation<Self>] {
        table::OPERATIONS
    }

    fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let paths = &self.options.paths;
        if path == paths.authorize {
            table::AUTHORIZE.into()
        } else if path == paths.token {
            table::TOKEN.into()
        } else if let Some(rest) = path.strip_prefix(&paths.api) {
            format!("{}{rest}", table::API).into()
        } else {
            path.into()
        }
    }

    fn visit(&self, operation: &'static str, request: &Request) -> Visit {
        let (tenant, quota) = match self.caller(operation, request) {
            // Whether the token endpoint counts is not told.
            Caller::Anyone => ("account", None),
            Caller::Personal => ("account", Some("personal")),
            Caller::OAuth => ("account", Some("oauth")),
            Caller::Crm => ("crm", Some("crm")),
            Caller::Unknown => ("unknown", None),
        };
        let contacts = if operation.starts_with("crm-") {
            self.crm.named_in(request)
        } else {
            Vec::new()
        };
        Visit {
            tenant: tenant.into(),
            quota,
            contacts,
        }
    }

    fn admit(&self, operation: &'static str, input: &Input<'_>) -> Result<(), Refusal> {
        let refusal = || refused(401, "unauthorized", "The token is unknown or has expired");
        match self.caller(operation, input.request) {
            Caller::Anyone | Caller::Personal | Caller::Crm => Ok(()),
            Caller::Unknown => Err(refusal()),
            Caller::OAuth => {
                let bearer = input.request.bearer().unwrap_or_default();
                let grant = self.grants.living(bearer, input.now).ok_or_else(refusal)?;
                let scope = scope(operation);
                let message = format!("The token lacks the scope {scope}");
                grant
                    .allows(scope)
                    .then_some(())
                    .ok_or_else(|| refused(403, "insufficient_scope", &message))
            }
        }
    }

    fn no_route(request: &Request) -> Refusal {
        let message = format!("There is no {} {}", request.method(), request.path());
        error(404, Some(&message))
    }

    fn trouble(trouble: &Trouble) -> Refusal {
        match trouble {
            Trouble::Status(status, message) => error(*status, message.as_deref()),
            Trouble::Code(_) => error(500, None),
        }
    }

    fn hooks(&mut self) -> &mut Hooks {
        &mut self.hooks
    }

    fn steer(&mut self, order: &Order<'_>) -> Option<Result<Steered, String>> {
        steer::order(self, order)
    }
}
