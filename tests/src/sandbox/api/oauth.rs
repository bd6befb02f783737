//! OAuth 2: the app's installations, and the tokens that they gave out.
//!
//! Authorisation codes and refresh tokens are for one use; a refresh gives a new pair, and the old access token lives on to its
//! own end (whether it does is not documented; a client that lost the answer can go on until then). A token that was minted for a
//! location from a company's has no refresh token, as in the official document.

pub(super) mod calls;
pub(in crate::sandbox) mod gate;
pub(in crate::sandbox) mod grant;
mod keys;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::ids::Ids;
use crate::sandbox::clock::Moment;
use crate::sandbox::options::{OAuthTerms, Pick};
use grant::{Grant, Subject};
use keys::{Access, Code, Keys, Print, Refresh};

/// What an installation may do when nobody asked for less.
const SCOPE: &str = "contacts.readonly contacts.write oauth.readonly oauth.write";
/// A code that is not exchanged by then is void.
const CODE_LIFE: Duration = Duration::from_secs(600);
/// As documented: a year, or until used.
const REFRESH_LIFE: Duration = Duration::from_secs(365 * 86_400);

/// One app, one company with its locations, and who installed the app.
#[derive(Debug)]
pub(in crate::sandbox) struct OAuth {
    client_id: String,
    client_secret: SecretString,
    company: String,
    /// How long access tokens live from now on.
    pub(in crate::sandbox) token_life: Duration,
    /// What the user picks who is sent to the authorisation page.
    pub(in crate::sandbox) pick: Option<Pick>,
    keys: Keys,
    grants: Vec<Grant>,
    /// The company's locations, and since when they have the app; none if they have it no more.
    locations: BTreeMap<String, Option<Moment>>,
}

/// A pair of tokens, or one without the other.
pub(super) struct Issued {
    grant: usize,
    access: String,
    refresh: Option<String>,
}

/// Why no tokens are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Client,
    Grant(&'static str),
}

impl OAuth {
    pub(super) fn new(seed: u64, terms: OAuthTerms) -> Self {
        Self {
            client_id: terms.client_id,
            client_secret: terms.client_secret,
            company: terms.company_id,
            token_life: terms.token_life,
            pick: terms.pick,
            // Another stream than the contacts' ids, which logging in must not change.
            keys: Keys::new(Ids::new(seed.rotate_left(32) ^ u64::MAX)),
            grants: Vec::new(),
            locations: BTreeMap::new(),
        }
    }

    pub(in crate::sandbox) fn company(&self) -> &str {
        &self.company
    }

    pub(in crate::sandbox) fn grants(&self) -> &[Grant] {
        &self.grants
    }

    pub(in crate::sandbox) const fn locations(&self) -> &BTreeMap<String, Option<Moment>> {
        &self.locations
    }

    /// The app's id is the first part of its client id.
    fn app_id(&self) -> &str {
        self.client_id.split('-').next().unwrap_or_default()
    }

    fn check_client(&self, id: &str, secret: &str) -> Result<(), Denied> {
        let known = id == self.client_id && secret == self.client_secret.expose_secret();
        known.then_some(()).ok_or(Denied::Client)
    }

    /// Installs the app for a location, or for the company and all locations that it has; the code is for its tokens.
    pub(in crate::sandbox) fn install(
        &mut self,
        subject: Subject,
        scope: Option<&str>,
        redirect_uri: Option<&str>,
        now: Moment,
    ) -> String {
        match &subject {
            Subject::Location(id) => drop(self.locations.insert(id.clone(), Some(now))),
            Subject::Company(_) => {
                let all = self.locations.values_mut();
                all.for_each(|installed| *installed = installed.or(Some(now)));
            }
        }
        let grant = self.grants.len();
        let scope = scope.unwrap_or(SCOPE);
        self.grants.push(Grant::new(grant + 1, subject, scope, now));
        self.keys.add_code(Code {
            grant,
            redirect_uri: redirect_uri.map(str::to_owned),
            used: false,
            ends: now.plus(CODE_LIFE),
        })
    }

    /// The location, or the company, does not have the app any more: its grants are revoked, and what they gave out is void.
    pub(in crate::sandbox) fn uninstall(&mut self, id: &str) {
        if id != self.company {
            self.locations.insert(id.to_owned(), None);
        }
        let of_it = self.grants.iter_mut();
        of_it
            .filter(|grant| grant.subject.id() == id)
            .for_each(|grant| grant.revoked = true);
        let grants = &self.grants;
        self.keys
            .end_access(|access| access.subject.id() == id || grants[access.grant].revoked);
    }

    /// Ends every access token of a location or company, as if its time had come.
    pub(in crate::sandbox) fn expire(&mut self, id: &str) {
        self.keys.end_access(|access| access.subject.id() == id);
    }

    /// Revokes one token, of either kind; whether it was one that had been given out.
    pub(in crate::sandbox) fn revoke(&mut self, token: &str) -> bool {
        self.keys.revoke(token)
    }

    /// Adds a location to the company, without the app.
    pub(in crate::sandbox) fn add_location(&mut self, location: String) {
        self.locations.entry(location).or_insert(None);
    }

    /// The tokens for a code; an address must be the one that the browser was sent to, if it was sent to any.
    fn exchange(
        &mut self,
        code: &str,
        user_type: Option<&str>,
        redirect_uri: Option<&str>,
        now: Moment,
    ) -> Result<Issued, Denied> {
        let invalid = Denied::Grant("authorization code is invalid");
        let code = self.keys.code_mut(code).ok_or(invalid)?;
        let sent_to = code.redirect_uri.as_deref();
        let elsewhere = redirect_uri.is_some() && sent_to.is_some() && redirect_uri != sent_to;
        if code.used || code.ends <= now || elsewhere {
            return Err(invalid);
        }
        self.grants[code.grant].check_type(user_type)?;
        code.used = true;
        let grant = code.grant;
        self.issue(grant, now)
    }

    /// The next pair of tokens; the refresh token given is used up by it.
    fn refresh(
        &mut self,
        token: &str,
        user_type: Option<&str>,
        now: Moment,
    ) -> Result<Issued, Denied> {
        let invalid = Denied::Grant("refresh token is invalid");
        let refresh = self.keys.refresh_mut(token).ok_or(invalid)?;
        let grant = refresh.grant;
        if refresh.used {
            self.grants[grant].reuses += 1;
            return Err(invalid);
        }
        if refresh.ends <= now || refresh.revoked || self.grants[grant].revoked {
            return Err(invalid);
        }
        self.grants[grant].check_type(user_type)?;
        refresh.used = true;
        self.grants[grant].refreshes += 1;
        self.issue(grant, now)
    }

    fn issue(&mut self, grant: usize, now: Moment) -> Result<Issued, Denied> {
        let of = &self.grants[grant];
        if of.revoked {
            return Err(Denied::Grant("the app is not installed"));
        }
        let (subject, scope) = (of.subject.clone(), of.scope.clone());
        let access = self.give_access(grant, subject, scope, now);
        let refresh = self.keys.add_refresh(Refresh {
            grant,
            used: false,
            revoked: false,
            ends: now.plus(REFRESH_LIFE),
        });
        Ok(Issued {
            grant,
            access,
            refresh: Some(refresh),
        })
    }

    /// An access token of the company's newest grant, for itself or for one of its locations that has the app.
    fn mint(&mut self, subject: Subject, now: Moment) -> Result<Issued, Denied> {
        let grants = self.grants.iter().enumerate().rev();
        let mut grants = grants
            .filter(|(_, grant)| !grant.revoked && matches!(grant.subject, Subject::Company(_)));
        let (grant, of) = grants
            .next()
            .ok_or(Denied::Grant("the app is not installed"))?;
        if let Subject::Location(id) = &subject
            && !self.is_installed(id)
        {
            return Err(Denied::Grant("the app is not installed in that location"));
        }
        let access = self.give_access(grant, subject, of.scope.clone(), now);
        Ok(Issued {
            grant,
            access,
            refresh: None,
        })
    }

    fn is_installed(&self, location: &str) -> bool {
        self.locations.get(location).is_some_and(Option::is_some)
    }

    fn give_access(
        &mut self,
        grant: usize,
        subject: Subject,
        scope: String,
        now: Moment,
    ) -> String {
        self.grants[grant].tokens += 1;
        self.keys.add_access(Access {
            subject,
            scope,
            grant,
            ends: now.plus(self.token_life),
        })
    }

    /// The access token that this is, if it was ever given out.
    fn access(&self, bearer: &str) -> Option<&Access> {
        self.keys.access(Print::of(bearer))
    }

    /// The location that the bearer of such a token speaks for, even if its time is over.
    pub(in crate::sandbox) fn location_of(&self, bearer: &str) -> Option<&str> {
        match &self.access(bearer)?.subject {
            Subject::Location(id) => Some(id),
            Subject::Company(_) => None,
        }
    }

    /// The location or company that a refresh token is of.
    pub(in crate::sandbox) fn refreshed_by(&self, token: &str) -> Option<&str> {
        let refresh = self.keys.refresh(Print::of(token))?;
        Some(self.grants[refresh.grant].subject.id())
    }
}
