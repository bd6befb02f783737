//! What a user and the vendor do about the app: install it, take it away, end tokens before their time.

use std::time::Duration;

use parking_lot::{MappedMutexGuard, MutexGuard};

use super::api::oauth::OAuth;
use super::api::oauth::grant::{Grant, Subject};
use super::desk::Desk;
use super::options::Pick;

/// The marketplace of a sandbox whose OAuth is on.
#[derive(Clone, Copy, Debug)]
pub struct Marketplace<'a> {
    desk: &'a Desk,
}

impl<'a> Marketplace<'a> {
    pub(super) fn of(desk: &'a Desk) -> Option<Self> {
        let on = desk.state().world.oauth.is_some();
        on.then_some(Self { desk })
    }

    /// Whether OAuth is on never changes, so that there always is one here.
    pub(super) fn oauth(self) -> MappedMutexGuard<'a, OAuth> {
        let state = self.desk.state();
        MutexGuard::map(state, |state| match &mut state.world.oauth {
            Some(oauth) => oauth,
            None => unreachable!("a marketplace is made where OAuth is on"),
        })
    }

    /// The company's id.
    pub fn company(self) -> String {
        self.oauth().company().to_owned()
    }

    /// A user installs the app for a location, without the authorisation page; the code is to be exchanged for tokens. Without a
    /// scope the app gets all that there is.
    pub fn install(self, location: &str, scope: Option<&str>) -> String {
        let subject = Subject::Location(location.to_owned());
        let now = self.desk.now();
        self.oauth().install(subject, scope, None, now)
    }

    /// A user installs the app for the company and all locations that it has so far.
    pub fn install_for_company(self, scope: Option<&str>) -> String {
        let now = self.desk.now();
        let mut oauth = self.oauth();
        let subject = Subject::Company(oauth.company().to_owned());
        oauth.install(subject, scope, None, now)
    }

    /// A user takes the app away from a location, or from the company: the grants end, and what they gave out is void.
    pub fn uninstall(self, id: &str) {
        self.oauth().uninstall(id);
    }

    /// The company has this location too; the app is not installed there.
    pub fn add_location(self, location: &str) {
        self.oauth().add_location(location.to_owned());
    }

    /// Ends all access tokens of a location or company, as if their time had come; refresh tokens are as good as before.
    pub fn expire(self, id: &str) {
        self.oauth().expire(id);
    }

    /// Revokes one token, an access or a refresh token; false if it was never given out.
    pub fn revoke(self, token: &str) -> bool {
        self.oauth().revoke(token)
    }

    /// What the next users pick who are sent to the authorisation page.
    pub fn set_pick(self, pick: Option<Pick>) {
        self.oauth().pick = pick;
    }

    /// How long the access tokens live that are given out from now on, in whole seconds.
    pub fn set_token_life(self, life: Duration) {
        self.oauth().token_life = life;
    }

    /// All installations, the oldest first.
    pub fn grants(self) -> Vec<Grant> {
        self.oauth().grants().to_vec()
    }
}
