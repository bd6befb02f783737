//! A contact that is the same in GHL and in the list, and at the CRM too: whatever is changed where, all have it, and it comes back nowhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{World, merge};

const ANN: &str = "+33612345678";
const ANN_THERE: &str = "33612345678";

/// A contact that is in the list and has a profile, and a list that was read.
struct Shared {
    world: World,
    contact: String,
}

/// What was written to each: contacts, rows of the list, profiles.
type Written = [usize; 3];

impl Shared {
    async fn start() -> Self {
        let world = World::start().await;
        let fields = json!({ "firstName": "Ann", "lastName": "Lee", "phone": ANN, "email": "ann@example.com", "city": "Paris" });
        let contact = world.seeded(fields);
        let contact = contact["id"].as_str().unwrap().to_owned();
        let shared = Self { world, contact };
        shared.tell("ContactCreate").await;
        assert_eq!(shared.world.rest().await, 0);
        shared.world.poll_list("first").await;
        assert_eq!(shared.world.rest().await, 0);
        shared
    }

    /// GHL tells of the contact as it is now.
    async fn tell(&self, kind: &str) {
        let there = self.world.ghl_contact(&self.contact).await;
        let names = [
            "id",
            "firstName",
            "lastName",
            "email",
            "phone",
            "city",
            "dnd",
        ];
        let said = names.map(|name| (name.to_owned(), there[name].clone()));
        let said = said.into_iter().filter(|(_, value)| !value.is_null());
        self.world.ghl(kind, said.collect()).await;
    }

    /// Somebody changes it there, and GHL tells of it.
    async fn edit(&self, fields: Value) {
        let path = format!("/contacts/{}", self.contact);
        self.world.ask_ghl(Method::PUT, &path, fields).await;
        self.tell("ContactUpdate").await;
    }

    /// Its row, which is the only one.
    async fn row(&self) -> Value {
        let rows = self.world.rows().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    }

    fn written(&self) -> Written {
        let calls = self.world.sandbox.calls_after(0);
        let contacts = calls.iter().filter(|call| call.effect.is_some()).count();
        let rows = self.world.sms.effects().into_iter();
        let rows = rows.filter(|effect| effect.change.kind.starts_with("list-contact"));
        let profiles = self.world.smore.effects().into_iter();
        let profiles = profiles.filter(|effect| effect.change.kind.starts_with("profile"));
        [contacts, rows.count(), profiles.count()]
    }

    async fn profile(&self) -> Value {
        let made = self.world.crm_effects("profile", 1).await;
        let url = format!(
            "{}/crm/v1/profiles/{}",
            self.world.smore.url(),
            made[0].change.id
        );
        let asked = self.world.http.get(url).bearer_auth("somebody");
        asked.send().await.unwrap().json().await.unwrap()
    }

    /// Polls and echoes until nothing moves any more, and this was written by then; and that nothing more ever is.
    async fn settles_at(&self, round: &str, written: Written) {
        for poll in 0..2 {
            self.world.poll_list(&format!("{round}{poll}")).await;
            assert_eq!(self.world.rest().await, 0);
            self.tell("ContactUpdate").await;
            assert_eq!(self.world.rest().await, 0);
        }
        // Of an edit right after a write nobody can tell whether it came later: it may be told once more where it was made, which changes nothing.
        let moved = self.written();
        for (moved, written) in moved.into_iter().zip(written) {
            let fits = (written..=written + 2).contains(&moved);
            assert!(fits, "{round}: {moved}, not {written}");
        }
        self.world.poll_list(&format!("{round}-last")).await;
        self.tell("ContactUpdate").await;
        assert_eq!(self.world.rest().await, 0);
        assert_eq!(self.written(), moved, "{round}");
    }
}

#[tokio::test]
async fn what_is_changed_in_one_is_changed_in_all_and_comes_back_nowhere() {
    let shared = Shared::start().await;
    assert_eq!(shared.written(), [0, 1, 1]);
    let row = shared.row().await;
    assert_eq!(
        (&row["destination"], &row["info3"]),
        (&json!(ANN_THERE), &json!("Paris"))
    );
    // Somebody edits the list: GHL has it by the next poll, and the CRM by GHL's echo.
    let edit = json!({ "info1": "Anna", "info3": "Żory" });
    shared.world.edit_row(&row, edit).await;
    shared.settles_at("list", [1, 2, 2]).await;
    let there = shared.world.ghl_contact(&shared.contact).await;
    assert_eq!(
        (&there["firstName"], &there["city"]),
        (&json!("Anna"), &json!("Żory"))
    );
    assert_eq!(shared.profile().await["firstName"], "Anna");
    // Somebody edits it in GHL: the other two have it, and the next poll tells nothing back.
    shared
        .edit(json!({ "lastName": "Li", "city": "Lyon" }))
        .await;
    shared.settles_at("ghl", [2, 3, 3]).await;
    let row = shared.row().await;
    assert_eq!(
        (&row["info1"], &row["info2"], &row["info3"]),
        (&json!("Anna"), &json!("Li"), &json!("Lyon"))
    );
    // And at the CRM: the list has it by GHL's echo.
    let profile = shared.profile().await;
    let mut fields = json!({ "id": profile["id"] });
    merge(&mut fields, json!({ "firstName": "Annie" }));
    shared.world.smore.steer("profiles", &fields).unwrap();
    assert_eq!(shared.world.rest().await, 0);
    shared.settles_at("crm", [3, 4, 3]).await;
    assert_eq!(shared.row().await["info1"], "Annie");
}

/// Else what counts would come back with the next change.
#[tokio::test]
async fn what_is_cleared_in_the_list_is_cleared_in_ghl() {
    let shared = Shared::start().await;
    let row = shared.row().await;
    shared.world.edit_row(&row, json!({ "info3": "" })).await;
    shared.settles_at("cleared", [1, 1, 1]).await;
    let there = shared.world.ghl_contact(&shared.contact).await;
    assert!(there["city"].as_str().unwrap_or_default().is_empty());
    assert_eq!(
        (&there["firstName"], &there["lastName"]),
        (&json!("Ann"), &json!("Lee"))
    );
    shared.edit(json!({ "lastName": "Li" })).await;
    assert_eq!(shared.world.rest().await, 0);
    let row = shared.row().await;
    assert_eq!(row["info2"], "Li");
    assert!(row["info3"].as_str().unwrap_or_default().is_empty());
}

/// Its row in the list goes along, and so does that it is not to be disturbed.
#[tokio::test]
async fn a_number_that_changes_leaves_none_behind() {
    let shared = Shared::start().await;
    let row = shared.row().await;
    shared.edit(json!({ "phone": "+33687654321" })).await;
    assert_eq!(shared.world.rest().await, 0);
    let moved = shared.row().await;
    assert_eq!(
        (&moved["id"], &moved["destination"]),
        (&row["id"], &json!("33687654321"))
    );
    assert!(shared.world.sms_effects("blacklist", 0).await.is_empty());
    // The event does not tell it: the contact does.
    let stopped = json!({ "SMS": { "status": "active", "message": "", "code": "" } });
    shared
        .edit(json!({ "phone": "+33611111111", "dndSettings": stopped }))
        .await;
    assert_eq!(shared.world.rest().await, 0);
    assert_eq!(shared.row().await["destination"], "33611111111");
    let left_alone = shared.world.sms_effects("blacklist", 1).await;
    assert_eq!(
        left_alone[0].change.contact_id.as_deref(),
        Some("33611111111")
    );
    // Changed in the list it is changed in GHL; and deleted there, it is out of the list by whichever number.
    let bare = json!({ "value": "33622222222" });
    shared.world.edit_row(&row, bare).await;
    shared.settles_at("list", [3, 4, 4]).await;
    let there = shared.world.ghl_contact(&shared.contact).await;
    assert_eq!(there["phone"], "+33622222222");
    let deleted = json!({ "id": shared.contact, "phone": "+33611111111" });
    shared.world.ghl("ContactDelete", deleted).await;
    assert_eq!(shared.world.rest().await, 0);
    assert_eq!(shared.world.rows().await, Vec::<Value>::new());
}

/// Whoever is put into the list is a contact from the next poll on; changed later, it is the same one.
#[tokio::test]
async fn who_is_put_into_the_list_is_a_contact() {
    let shared = Shared::start().await;
    let world = &shared.world;
    let bob = json!({ "list": { "listId": crate::stage::LIST, "contacts": { "gsm": [{ "value": "33687654321", "info1": "Bob" }] } } });
    world.ask_sms(Method::POST, "/list", &bob).await;
    assert_eq!(world.poll_list("added").await, 1);
    let by = ("number", "+33687654321");
    let contact = world.contact(by, "the contact", |_| true).await;
    assert_eq!(
        (&contact["firstName"], &contact["source"]),
        (&json!("Bob"), &json!("SMS"))
    );
    assert_eq!(world.rest().await, 0);
    let path = format!("/contacts/{}", contact["id"].as_str().unwrap());
    let robert = json!({ "firstName": "Robert" });
    world.ask_ghl(Method::PUT, &path, robert).await;
    let told = json!({ "id": contact["id"], "firstName": "Robert", "phone": "+33687654321" });
    world.ghl("ContactUpdate", told).await;
    assert_eq!(world.rest().await, 0);
    let rows = world.rows().await;
    assert_eq!((rows.len(), &rows[1]["info1"]), (2, &json!("Robert")));
    // Of one that was taken out of the list nothing is told.
    let path = format!("/list/contact/{}", rows[1]["id"].as_str().unwrap());
    world.ask_sms(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(world.poll_list("removed").await, 1);
    assert_eq!(world.rest().await, 0);
    assert_eq!(
        world.ghl_contact(contact["id"].as_str().unwrap()).await["firstName"],
        "Robert"
    );
}
