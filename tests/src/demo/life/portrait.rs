//! Her, as each of the systems has her.

use serde_json::Value;

use super::stage::Stage;
use crate::ready::LIST;

/// Her number, as `SMSFactor` writes it.
pub(super) const DIGITS: &str = "33612345678";

const NOTHING: &str = "–";

/// What each says of her; null where she is not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Portrait {
    pub(super) contact: Value,
    pub(super) listed: Value,
    pub(super) profile: Value,
    pub(super) is_blacklisted: bool,
}

/// Something that is said of her: at GHL, at `SMSFactor` and at the CRM.
pub(super) type Row = (&'static str, [String; 3]);

impl Portrait {
    /// By the ids of her contact and her profile.
    pub(super) fn take(stage: &Stage, contact: &str, profile: &str) -> anyhow::Result<Self> {
        let look_sms = |what| stage.systems.sms.look(what).map_err(anyhow::Error::msg);
        let lists = look_sms("lists")?;
        let list = find(&lists["lists"], "id", LIST);
        let numbers = look_sms("blacklist")?;
        let numbers = numbers["numbers"].as_array();
        let profiles = stage.systems.smore.look("profiles");
        let profiles = profiles.map_err(anyhow::Error::msg)?;
        Ok(Self {
            contact: stage.systems.ghl.contact(contact).unwrap_or_default(),
            listed: find(&list["contacts"], "destination", DIGITS),
            profile: find(&profiles["profiles"], "id", profile),
            is_blacklisted: numbers.is_some_and(|all| all.iter().any(|one| one == DIGITS)),
        })
    }

    /// Her first and last names, which all three have.
    pub(super) fn names(&self) -> [[&str; 2]; 3] {
        [
            pair(&self.contact, ["firstName", "lastName"]),
            pair(&self.listed, ["info1", "info2"]),
            pair(&self.profile, ["firstName", "lastName"]),
        ]
    }

    /// Whether she is not to be sent any SMS, by GHL.
    pub(super) fn is_left_alone(&self) -> bool {
        self.contact["dndSettings"]["SMS"]["status"] == "active"
    }

    /// Her tags at GHL, in their order.
    pub(super) fn tags(&self) -> Vec<&str> {
        tags(&self.contact)
    }

    pub(super) fn rows(&self) -> [Row; 6] {
        let (ghl, crm) = (&self.contact, &self.profile);
        let nothing = || NOTHING.to_owned();
        let both = |name: &str| [said(&ghl[name]), nothing(), said(&crm[name])];
        let names = self.names().map(|name| name.join(" ").trim().to_owned());
        let [here, _, there] = both("phone");
        let number = [here, said(&self.listed["destination"]), there];
        let of_status = &ghl["customFields"][0]["value"];
        let status = [said(of_status), nothing(), said(&crm["status"])];
        let [here, there] = [ghl, crm].map(|record| tags(record).join(", "));
        let if_so = |is_so, what: &str| if is_so { what } else { NOTHING }.to_owned();
        let alone = if_so(self.is_left_alone(), "do not disturb");
        let listed = if_so(self.is_blacklisted, "on the blacklist");
        [
            ("name", names),
            ("e-mail", both("email")),
            ("number", number),
            ("tags", [here, nothing(), there]),
            ("status", status),
            ("SMS", [alone, listed, nothing()]),
        ]
    }
}

/// A text, or that there is none.
fn said(value: &Value) -> String {
    value.as_str().unwrap_or(NOTHING).to_owned()
}

/// The one of a list of which that is so; null if there is none.
fn find(list: &Value, name: &str, value: &str) -> Value {
    let all = list.as_array().into_iter().flatten();
    let mut found = all.filter(|one| one[name] == value);
    found.next().cloned().unwrap_or_default()
}

fn pair<'a>(record: &'a Value, names: [&str; 2]) -> [&'a str; 2] {
    names.map(|name| record[name].as_str().unwrap_or_default())
}

fn tags(record: &Value) -> Vec<&str> {
    let tags = record["tags"].as_array().into_iter().flatten();
    tags.filter_map(Value::as_str).collect()
}
