//! A client that says no more than a test wants said.

use std::time::Duration;

use penstock_tests::stand::{Api, Delivery, Fate, Running, Summary};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// How long a wait may last before it counts as in vain.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stand-in and a client of it.
pub(crate) struct Client<A: Api> {
    pub(crate) running: Running<A>,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

impl<A: Api> Client<A> {
    pub(crate) fn of(running: Running<A>, token: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            running,
            http: http.build().unwrap(),
            token: token.to_owned(),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.running.url());
        let request = self.http.request(method, url);
        let request = request.header("Accept", "application/json");
        request.bearer_auth(&self.token)
    }

    /// The status and the body of an answer; null if it has none.
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
        told(request).await
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

    /// Waits until the summary is as wanted.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Summary) -> bool) {
        let seen = tokio::time::timeout(PATIENCE, self.running.until(wanted)).await;
        assert!(seen.is_ok(), "in vain: {:?}", self.running.summary());
    }

    /// Waits until there are so many messages to webhooks, and none is under way.
    pub(crate) async fn settled(&self, count: usize) -> Vec<Delivery> {
        let settled = |all: &[&Delivery]| {
            all.len() == count && all.iter().all(|one| one.state != Fate::Pending)
        };
        self.until_delivered(settled).await
    }

    /// Waits until the messages to webhooks are as wanted.
    pub(crate) async fn until_delivered(
        &self,
        wanted: impl FnMut(&[&Delivery]) -> bool,
    ) -> Vec<Delivery> {
        let seen = self.running.until_delivered(wanted);
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        let deliveries = self.running.deliveries();
        assert!(seen.is_ok(), "in vain: {deliveries:?}");
        deliveries
    }

    /// What calls changed, by kind, in order.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let effects = self.running.effects().into_iter();
        effects.map(|effect| effect.change.kind).collect()
    }
}

pub(crate) async fn told(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap();
    if body.is_empty() {
        return (status, Value::Null);
    }
    (status, serde_json::from_slice(&body).unwrap())
}
