//! Sends messages to webhooks, each on a task of its own: a real sender keeps no order among them either.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;

use super::api::Api;
use super::call::House;
use super::deliveries::Attempt;
use super::desk::Post;

/// The client that messages are sent with.
#[derive(Clone, Debug)]
pub(super) struct Courier(reqwest::Client);

impl Courier {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        client.build().map(Self)
    }

    /// The status of the answer; none if there was none in time.
    async fn post(&self, post: Post) -> Option<u16> {
        let Post { hook, body } = post;
        let seal = &hook.seal;
        let signature = seal.secret.as_ref().map(|key| seal.scheme.sign(key, &body));
        let request = self
            .0
            .post(&hook.url)
            .timeout(hook.posting.timeout)
            .header(CONTENT_TYPE, "application/json");
        let request = match signature {
            Some(signature) => request.header(&*seal.header, signature),
            None => request,
        };
        let answer = request.body(body).send().await.ok()?;
        Some(answer.status().as_u16())
    }
}

/// Sends these, and again as long as each is to be.
pub(super) fn send<A: Api>(house: &House<A>, deliveries: Vec<u64>) {
    for id in deliveries {
        house.tasks.spawn(deliver(house.clone(), id));
    }
}

/// What is not delivered when the stand-in stops, never is.
async fn deliver<A: Api>(house: House<A>, id: u64) {
    let mut wait = Some(Duration::ZERO);
    while let Some(span) = wait {
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            () = house.stop.cancelled() => return,
        }
        let Some(post) = house.desk.post(id) else {
            return;
        };
        let at = house.desk.now();
        let posting = Arc::clone(&post.hook.posting);
        let status = tokio::select! {
            status = house.courier.post(post) => status,
            () = house.stop.cancelled() => return,
        };
        wait = house.desk.posted(id, &posting, Attempt { at, status });
    }
}
