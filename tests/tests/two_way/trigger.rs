//! Every trigger of the catalogue.

use std::{fmt::Write as _, fs};

use penstock_shared::{
    event::Kind,
    flow::trigger::{TRIGGERS, Trigger},
    job::Job,
    queue::{enqueue::Admission, record::NewJob},
};
use serde_json::{Value, json};

use crate::stage::{SECRET, TENANT, World, ago, merge};

/// A flow for each, which makes a contact that is named after it.
fn flows() -> String {
    let mut text = String::new();
    for (number, trigger) in TRIGGERS.iter().enumerate() {
        let cadence = if trigger.kind == "schedule" {
            format!("tenant = '{TENANT}'\nevery = '7d'\n")
        } else {
            String::new()
        };
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "[[flow]]\nname = 't{number}'\non = '{}'\n{cadence}do = [{{ job = 'UpsertContact', payload = {{ email = 't{number}@example.com', source = '{{{{ event.kind }}}}' }} }}]\n",
            trigger.kind
        );
    }
    text
}

impl World {
    /// It happens, as its sender tells of it.
    async fn happens(&self, trigger: &Trigger) {
        let mut data = Value::Object(trigger.sample());
        let told = match trigger.kind {
            "sms.reply" => "MO",
            "sms.stop" => "STOP",
            "sms.delivery" => "DLR",
            "sms.click" => "CLICKER",
            "sms.balance" => "BALANCE_ALERT",
            "smore.response" => {
                let answer = json!({ "question": "?", "questionType": "input-string", "answerType": "string", "string": "x" });
                let response = json!({ "formId": "f1", "answers": [answer] });
                self.smore.steer("responses", &response).unwrap();
                return;
            }
            // Nobody sends these: Penstock makes them of what it has found.
            "contact.pulled" | "sms.contact" | "schedule" => return self.is_found(trigger).await,
            kind => return self.ghl(kind, data).await,
        };
        merge(&mut data, json!({ "date": ago(5).to_string() }));
        let posted = self
            .http
            .post(self.address(&format!("/hooks/smsfactor/main?type={told}")));
        let posted = posted
            .header("X-SMSFactor-Signature", SECRET)
            .body(data.to_string());
        assert_eq!(posted.send().await.unwrap().status(), 200);
    }

    async fn is_found(&self, trigger: &Trigger) {
        let source = if trigger.kind.starts_with("sms.") {
            "smsfactor"
        } else {
            "ghl"
        };
        let id = format!("found:{}", trigger.kind);
        let event = json!({
            "source": source, "kind": Kind::named(trigger.kind), "tenant": TENANT, "id": id, "data": trigger.sample(),
        });
        let job = json!({ "type": "HandleEvent", "tenant": TENANT, "payload": { "event": event } });
        let new = NewJob {
            id: id.parse().unwrap(),
            job: Job::from_value(job).unwrap(),
        };
        self.queue.enqueue(&[new], Admission::Each).await.unwrap();
    }
}

#[tokio::test]
async fn every_trigger_begins_its_flow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.toml");
    fs::write(&path, flows()).unwrap();
    let world = World::with(&path).await;
    for trigger in TRIGGERS {
        world.happens(trigger).await;
    }
    for (number, trigger) in TRIGGERS.iter().enumerate() {
        let address = format!("t{number}@example.com");
        let contact = world
            .contact(("email", &address), trigger.kind, |_| true)
            .await;
        assert_eq!(contact["source"], trigger.kind);
    }
    assert_eq!(world.rest().await, 0);
}
