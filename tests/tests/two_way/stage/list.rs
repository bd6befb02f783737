//! The list of `SMSFactor`'s, as somebody sees and edits it there, and polls of it.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{LIST, World, door::job};

impl World {
    fn at_sms(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sms.url());
        let request = self.http.request(method, url).bearer_auth("sms-token");
        request.header("accept", "application/json")
    }

    /// What somebody asks of `SMSFactor`.
    pub(crate) async fn ask_sms(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = self.at_sms(method.clone(), path);
        let request = if method == Method::GET || body.is_null() {
            request
        } else {
            request.json(body)
        };
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], 1, "{path}: {answer}");
        answer
    }

    /// The rows of the list.
    pub(crate) async fn rows(&self) -> Vec<Value> {
        let path = format!("/list/{LIST}");
        let answer = self.ask_sms(Method::GET, &path, &Value::Null).await;
        answer["list"].as_array().unwrap().clone()
    }

    /// Somebody changes a row.
    pub(crate) async fn edit_row(&self, row: &Value, fields: Value) {
        let path = format!("/list/contact/{}", row["id"].as_str().unwrap());
        self.ask_sms(Method::PUT, &path, &fields).await;
    }

    /// The list is polled; how much that told of which was new.
    pub(crate) async fn poll_list(&self, id: &str) -> u64 {
        let payload = json!({ "what": "list", "listId": LIST });
        self.post(&[job(id, "PollSms", &payload)]).await;
        self.result(id).await["events"].as_u64().unwrap()
    }
}
