//! A client that says no more than a test wants said.

use penstock_tests::sandbox::{Options, Running, Sandbox};
use reqwest::{Method, Response};
use serde_json::{Value, json};

pub(crate) const LOCATION: &str = "ve9EPM428h8vShlRW1KT";

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
            http: reqwest::Client::new(),
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
