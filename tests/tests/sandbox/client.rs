//! A client that says no more than a test wants said.

use penstock_tests::sandbox::{Marketplace, OAuthTerms, Options, Running, Sandbox};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, Response};
use serde_json::{Value, json};

pub(crate) const LOCATION: &str = "ve9EPM428h8vShlRW1KT";
pub(crate) const CLIENT_ID: &str = "app1-abcd";
pub(crate) const CLIENT_SECRET: &str = "secret & more";

/// A sandbox and a client of it.
pub(crate) struct Client {
    pub(crate) running: Running,
    pub(crate) http: reqwest::Client,
}

impl Client {
    /// With quotas that no test reaches by accident.
    pub(crate) async fn generous() -> Self {
        let mut options = Options::default();
        options.quota.burst.calls = 100_000;
        Self::of(options).await
    }

    pub(crate) async fn of(options: Options) -> Self {
        let running = Sandbox::start(options).await.unwrap();
        Self {
            running,
            // The page of OAuth sends browsers on; a test wants to see where to.
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.running.url()));
        request
            .bearer_auth("pit-test")
            .header("Version", "2021-07-28")
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        self.request(method, path).json(body).send().await.unwrap()
    }

    /// The status and the body of an answer, without its trace id, which it must have.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let request = self.request(method, path);
        let request = body
            .into_iter()
            .fold(request, |request, body| request.json(&body));
        told(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, path, None).await
    }

    /// With OAuth on, and quotas that no test reaches by accident.
    pub(crate) async fn with_oauth() -> Self {
        let mut options = Options {
            oauth: Some(OAuthTerms::new(CLIENT_ID, CLIENT_SECRET.into())),
            tokens: vec!["pit-test".into()],
            ..Options::default()
        };
        options.quota.burst.calls = 100_000;
        Self::of(options).await
    }

    pub(crate) fn marketplace(&self) -> Marketplace<'_> {
        self.running.marketplace().unwrap()
    }

    /// Sends a form, as a call about access is sent.
    pub(crate) async fn send_form(
        &self,
        path: &str,
        bearer: Option<&str>,
        fields: &[(&str, &str)],
    ) -> Response {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)));
        let request = self
            .http
            .post(format!("{}{path}", self.running.url()))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Version", "2021-07-28")
            .body(pairs.collect::<Vec<_>>().join("&"));
        let request = bearer
            .into_iter()
            .fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.unwrap()
    }

    /// Asks for tokens with the app's credentials.
    pub(crate) async fn tokens(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let app = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let fields = [&app[..], fields].concat();
        told(self.send_form("/oauth/token", None, &fields).await).await
    }

    /// The tokens of a fresh installation.
    pub(crate) async fn exchanged(&self, code: &str) -> Value {
        let fields = [("grant_type", "authorization_code"), ("code", code)];
        let (status, told) = self.tokens(&fields).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    /// A call with another token than the static one.
    pub(crate) async fn call_as(
        &self,
        bearer: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let request = self
            .http
            .request(method, format!("{}{path}", self.running.url()))
            .bearer_auth(bearer)
            .header("Version", "2021-07-28");
        let request = body
            .into_iter()
            .fold(request, |request, body| request.json(&body));
        told(request.send().await.unwrap()).await
    }

    /// Seeds a contact of the location with this id.
    pub(crate) fn seed(&self, id: &str) {
        self.running
            .seed_contact(&json!({"id": id, "locationId": LOCATION}))
            .unwrap();
    }
}

pub(crate) async fn told(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let mut body: Value = answer.json().await.unwrap();
    let trace = body.as_object_mut().unwrap().remove("traceId");
    assert!(trace.is_some_and(|trace| trace.is_string()));
    (status, body)
}
