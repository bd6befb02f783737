//! A contact that is the same in two systems, edited on both sides: it settles, and nothing goes round.

use jiff::Timestamp;
use penstock_shared::{
    job::Job,
    link::Conflict,
    outcome::Cause,
    queue::{enqueue::Admission, links::RecordName, record::NewJob},
};
use penstock_tests::sandbox::Call;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{TENANT, World, ago};

/// A contact with a profile, and GHL's webhooks, which its stand-in does not send.
struct Pair {
    world: World,
    contact: String,
    profile: String,
    /// Up to which call GHL has told of what was written.
    told: u64,
}

impl Pair {
    async fn start() -> Self {
        let world = World::start().await;
        let fields = json!({ "firstName": "Ada", "lastName": "Byron", "email": "ada@example.com" });
        let contact = world.seeded(fields);
        let contact = contact["id"].as_str().unwrap().to_owned();
        let mut pair = Self {
            world,
            contact,
            profile: String::new(),
            told: 0,
        };
        pair.tell("ContactCreate", ago(60)).await;
        let made = pair.world.crm_effects("profile", 1).await;
        pair.profile.clone_from(&made[0].change.id);
        pair.settle().await;
        pair
    }

    /// GHL tells of the contact as it is now, and when it has changed.
    async fn tell(&self, kind: &str, at: Timestamp) {
        let there = self.world.ghl_contact(&self.contact).await;
        self.tell_of(kind, &there, at).await;
    }

    async fn tell_of(&self, kind: &str, contact: &Value, at: Timestamp) {
        let names = ["id", "firstName", "lastName", "email", "phone"];
        let said = names.map(|name| (name.to_owned(), contact[name].clone()));
        let said = said.into_iter().filter(|(_, value)| !value.is_null());
        self.world.ghl_at(kind, at, said.collect()).await;
    }

    /// Somebody changes the contact, and GHL tells of it as it was then.
    async fn edit_contact(&self, fields: Value, at: Timestamp) {
        let path = format!("/contacts/{}", self.contact);
        let answer = self.world.ask_ghl(Method::PUT, &path, fields).await;
        self.tell_of("ContactUpdate", &answer["contact"], at).await;
    }

    /// Somebody changes the profile, and the CRM tells of it.
    fn edit_profile(&self, mut fields: Value) {
        fields["id"] = self.profile.as_str().into();
        self.world.smore.steer("profiles", &fields).unwrap();
    }

    /// Until nothing moves any more; in how many rounds of GHL's webhooks.
    async fn settle(&mut self) -> usize {
        for round in 0.. {
            assert!(round < 10, "it goes round for ever");
            assert_eq!(self.world.rest().await, 0);
            let calls = self.world.sandbox.calls_after(self.told);
            let wrote = |call: &&Call| call.effect.is_some();
            let writes = calls.iter().filter(wrote).count();
            self.told = calls.last().map_or(self.told, |call| call.seq);
            if writes == 0 {
                return round;
            }
            for _ in 0..writes {
                self.tell("ContactUpdate", Timestamp::now()).await;
            }
        }
        unreachable!("it has returned");
    }

    /// What both have, if they have the same.
    async fn both(&self) -> (Value, Value) {
        let contact = self.world.ghl_contact(&self.contact).await;
        let url = format!(
            "{}/crm/v1/profiles/{}",
            self.world.smore.url(),
            self.profile
        );
        let asked = self.world.http.get(url).bearer_auth("somebody");
        let profile: Value = asked.send().await.unwrap().json().await.unwrap();
        for name in ["firstName", "lastName", "email"] {
            assert_eq!(contact[name], profile[name], "{name}");
        }
        (contact["firstName"].clone(), contact["lastName"].clone())
    }

    async fn conflicts(&self) -> Vec<Conflict> {
        let name = RecordName::new("ghl", &self.contact);
        let link = self.world.queue.known_link(TENANT, &name).await;
        let link = link.unwrap().expect("it is known");
        assert_eq!(link.records["crm"], self.profile);
        link.memory.conflicts().to_vec()
    }

    /// How much was ever written to both.
    fn written(&self) -> (usize, u64) {
        let calls = self.world.sandbox.calls_after(0);
        let effects = calls.iter().filter(|call| call.effect.is_some()).count();
        (effects, self.world.smore.summary().effects)
    }
}

#[tokio::test]
async fn edited_on_both_sides_it_settles_and_the_newer_field_wins() {
    let mut pair = Pair::start().await;
    // The CRM's change is the newer one, though GHL's comes after it.
    pair.edit_profile(json!({ "firstName": "Augusta" }));
    pair.edit_contact(json!({ "firstName": "Adeline" }), ago(4))
        .await;
    let rounds = pair.settle().await;
    assert!(rounds <= 2, "{rounds} rounds");
    assert_eq!(pair.both().await.0, "Augusta");
    let conflicts = pair.conflicts().await;
    let last = conflicts.last().expect("a conflict was recorded");
    assert_eq!(
        (
            last.field.as_str(),
            last.kept.as_str(),
            last.dropped.as_str()
        ),
        ("firstName", "crm", "ghl")
    );
    // And here it is GHL's, of another field each.
    pair.edit_profile(json!({ "firstName": "Ada Augusta", "lastName": "King" }));
    pair.edit_contact(json!({ "lastName": "Lovelace" }), Timestamp::now())
        .await;
    let rounds = pair.settle().await;
    assert!(rounds <= 2, "{rounds} rounds");
    let (first, last) = pair.both().await;
    assert_eq!((first, last), (json!("Ada Augusta"), json!("Lovelace")));
    // From then on whatever either says again moves nothing.
    let before = pair.written();
    pair.tell("ContactUpdate", Timestamp::now()).await;
    pair.edit_profile(json!({ "firstName": "Ada Augusta" }));
    assert_eq!(pair.settle().await, 0);
    assert_eq!(pair.written(), before);
}

/// Webhooks come twice, and in another order than they were sent in.
#[tokio::test]
async fn what_comes_late_or_twice_changes_nothing() {
    let mut pair = Pair::start().await;
    let said = |name: &str, first: &str, at: Timestamp| {
        json!({
            "type": "ContactUpdate", "locationId": TENANT, "webhookId": name, "timestamp": at.to_string(),
            "id": pair.contact, "firstName": first, "email": "ada@example.com",
        })
    };
    let (newer, older) = (said("new", "Newest", ago(1)), said("old", "Older", ago(3)));
    for body in [&newer, &older, &newer, &older] {
        pair.world.ghl_says(body).await;
    }
    assert_eq!(pair.settle().await, 0);
    let changed = pair.world.crm_effects("profile-update", 1).await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].change.content["firstName"], "Newest");
}

/// The call that was to make the profile has no answer: nobody knows whether it was made, and as long as nobody says, no other is. (It was not:
/// else the CRM would have told of it.)
#[tokio::test]
async fn of_a_profile_that_may_have_been_made_there_is_no_second_one() {
    let world = World::start().await;
    let faults = ["cut-before:op=crm-create-profile:count=1"];
    world.smore.set_faults(faults).unwrap();
    let contact = world.seeded(json!({ "firstName": "Ada", "email": "ada@example.com" }));
    let fields = json!({ "id": contact["id"], "firstName": "Ada", "email": "ada@example.com" });
    world.ghl("ContactCreate", fields).await;
    world.until_dead(Cause::Ambiguous).await;
    let fields = json!({ "id": contact["id"], "firstName": "Augusta", "email": "ada@example.com" });
    world.ghl("ContactUpdate", fields).await;
    let event = world.until_dead(Cause::FlowFailed).await;
    assert!(event.contains("contact-to-crm"), "{event}");
    let made = world.smore.effects();
    let made = made.iter().filter(|effect| effect.change.kind == "profile");
    assert_eq!(made.count(), 0);
}

/// Of a contact that is gone nothing is kept, and nobody is told of it any more.
#[tokio::test]
async fn an_unlinked_contact_is_forgotten() {
    let pair = Pair::start().await;
    let job = json!({
        "type": "LinkRecord", "tenant": TENANT, "id": "unlink",
        "payload": { "contact": { "id": pair.contact }, "system": "crm", "operation": "unlink" },
    });
    let job = Job::from_value(job).unwrap();
    let id = job.id.clone().unwrap();
    let jobs = [NewJob { id, job }];
    let stored = pair.world.queue.enqueue(&jobs, Admission::Each);
    stored.await.unwrap();
    assert_eq!(pair.world.rest().await, 0);
    for (system, record) in [("ghl", &pair.contact), ("crm", &pair.profile)] {
        let name = RecordName::new(system, record);
        let found = pair.world.queue.known_link(TENANT, &name).await.unwrap();
        assert_eq!(found, None, "{system}");
    }
}
