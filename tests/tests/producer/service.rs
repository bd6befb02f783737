//! `serve`, running, and what a caller does with it.

use std::net::SocketAddr;

use penstock_tests::harness::{Program, ProgramBuilder, wait_until};
use reqwest::{Client, RequestBuilder, Response, header::HeaderMap};
use serde_json::Value;

use crate::stage::{PATIENCE, Stage};

/// The program, and a caller.
pub(crate) struct Service {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    pub(crate) http: Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// As it came; null where it is no JSON.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Service {
    /// One that is ready.
    pub(crate) async fn start(stage: &Stage, settings: &[(&str, &str)]) -> Self {
        Self::begin(stage.producer(settings)).await.ready().await
    }

    /// One that listens.
    pub(crate) async fn begin(producer: ProgramBuilder) -> Self {
        let program = producer.args(["serve", "--listen", "127.0.0.1:0"]).start();
        let line = program
            .wait_for_line("listening on http://", PATIENCE)
            .await;
        let address = line.trim_start_matches("listening on http://");
        Self {
            program,
            address: address.parse().unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Waits until it can store jobs.
    pub(crate) async fn ready(self) -> Self {
        wait_until("the service to be ready", PATIENCE, async || {
            (self.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        self
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn posting(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.http.post(self.url("/v1/jobs")).body(body)
    }

    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        Answer::to(self.posting(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(self.url(path))).await
    }

    /// Where the job stands, by an id that needs no escaping.
    pub(crate) async fn job(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/jobs/{id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Asks until the answer has this status.
    pub(crate) async fn wait_for_status(&self, path: &str, status: u16) {
        wait_until("another status", PATIENCE, async || {
            (self.get(path).await.status == status).then_some(())
        })
        .await;
    }
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::of(request.send().await.unwrap()).await
    }

    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    /// The ids and statuses of an acceptance, in their order.
    #[track_caller]
    pub(crate) fn receipts(&self) -> Vec<(&str, &str)> {
        assert_eq!(self.status, 202, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        let jobs = self.body["jobs"].as_array().unwrap().iter();
        jobs.map(|job| (job["id"].as_str().unwrap(), job["status"].as_str().unwrap()))
            .collect()
    }

    /// Expects problem details of this status, and gives the paths of the faults, in their order.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Vec<&str> {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        for part in ["title", "detail"] {
            assert!(
                self.body[part]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            );
        }
        let faults = self.body["faults"].as_array().into_iter().flatten();
        faults
            .map(|fault| {
                assert_ne!(fault["message"], "");
                fault["path"].as_str().unwrap()
            })
            .collect()
    }

    /// Expects a refusal that says when to return.
    #[track_caller]
    pub(crate) fn retry_after(&self, status: u16) -> u64 {
        self.problem(status);
        let seconds = self.header("retry-after").parse().unwrap();
        assert!(seconds >= 1, "{self:?}");
        seconds
    }
}
