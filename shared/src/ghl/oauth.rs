//! OAuth 2: how an app is given access, and how it keeps it.
//!
//! A refresh token works once: what is asked here has an effect, and an answer that is lost may have taken the grant with it. Whoever refreshes
//! does so alone, and stores what came before anybody uses it.

mod answer;
#[cfg(test)]
mod tests;

use http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};

#[cfg(test)]
pub(super) use self::answer::read;
pub use self::answer::{Issued, TokenError, UserType};
use super::{CallError, GhlClient, Passage};
use crate::job::Tenant;

const FORM: &str = "application/x-www-form-urlencoded";
/// What a form may hold as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The app as the API's marketplace knows it.
#[derive(Debug, Clone)]
pub struct App {
    /// Its public name: letters, digits, `-`, `_` and `.`.
    pub client_id: String,
    /// What proves that it is the app that asks.
    pub client_secret: SecretString,
    /// Where the browser of whoever connects an account comes back to.
    pub redirect_uri: Option<String>,
    /// What it asks for, separated by spaces.
    pub scopes: String,
    /// The page on which an account is chosen.
    pub authorize_url: String,
}

impl App {
    /// The page to send a browser to; it comes back with a code and this state. `None` if nobody has said where to.
    pub fn install_url(&self, state: &str) -> Option<String> {
        let redirect_uri = self.redirect_uri.as_deref()?;
        let query = form(&[
            ("response_type", "code"),
            ("redirect_uri", redirect_uri),
            ("client_id", &self.client_id),
            ("scope", &self.scopes),
            ("state", state),
        ]);
        let joint = if self.authorize_url.contains('?') {
            '&'
        } else {
            '?'
        };
        Some(format!("{}{joint}{query}", self.authorize_url))
    }
}

/// A client of the token endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    client: GhlClient,
    app: App,
}

impl OAuthClient {
    /// For this app, by the same way as all calls.
    pub fn new(client: GhlClient, app: App) -> Self {
        Self { client, app }
    }

    /// The app.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Turns the code that a browser has brought into tokens. A code works once. Whose it is shows only then: no account's limiter can be asked before.
    pub async fn exchange(&self, code: &SecretString) -> Result<Issued, TokenError> {
        self.send(self.exchanging(code), code).await
    }

    /// Turns a refresh token into new tokens. It works once.
    pub async fn refresh(
        &self,
        _spent: Passage,
        refresh: &SecretString,
        user_type: UserType,
    ) -> Result<Issued, TokenError> {
        self.send(self.refreshing(refresh, user_type), refresh)
            .await
    }

    /// Makes a token for a location of a company that has installed the app. It has no refresh token: it is made anew.
    pub async fn location_token(
        &self,
        _spent: Passage,
        company_token: &SecretString,
        company: &str,
        location: &Tenant,
    ) -> Result<Issued, TokenError> {
        let call = self.minting(company_token, company, location);
        self.send(call, company_token).await
    }

    pub(super) fn exchanging(&self, code: &SecretString) -> RequestBuilder {
        let redirect_uri = self.app.redirect_uri.as_deref();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
        ];
        fields.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        self.asking(&fields)
    }

    pub(super) fn refreshing(&self, refresh: &SecretString, user_type: UserType) -> RequestBuilder {
        self.asking(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_secret()),
            ("user_type", user_type.as_str()),
        ])
    }

    pub(super) fn minting(
        &self,
        company_token: &SecretString,
        company: &str,
        location: &Tenant,
    ) -> RequestBuilder {
        let fields = [("companyId", company), ("locationId", location.as_str())];
        let call = self.client.post("/oauth/locationToken");
        let call = call.bearer_auth(company_token.expose_secret());
        call.header(CONTENT_TYPE, FORM).body(form(&fields))
    }

    /// What the app asks for itself.
    fn asking(&self, fields: &[(&str, &str)]) -> RequestBuilder {
        let app = [
            ("client_id", self.app.client_id.as_str()),
            ("client_secret", self.app.client_secret.expose_secret()),
        ];
        let call = self.client.post("/oauth/token").header(CONTENT_TYPE, FORM);
        call.body(form(&[&app, fields].concat()))
    }

    /// Sends it once. An API may repeat what it was told: of that nothing secret is left in an error.
    async fn send(
        &self,
        call: RequestBuilder,
        secret: &SecretString,
    ) -> Result<Issued, TokenError> {
        match self.client.exchange(call).await {
            Ok(arrived) => answer::read(&arrived.response()).map_err(|error| {
                let secrets = [secret, &self.app.client_secret];
                secrets
                    .iter()
                    .fold(error, |error, secret| error.without(secret.expose_secret()))
            }),
            Err(CallError::NotSent { message }) => Err(TokenError::NotSent { message }),
            Err(error) => Err(TokenError::Unanswered {
                message: error.to_string(),
            }),
        }
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, PLAIN)));
    pairs.collect::<Vec<_>>().join("&")
}
