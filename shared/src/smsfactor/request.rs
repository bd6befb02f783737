//! Requests to the API.

use std::{borrow::Cow, fmt};

use http::Method;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::time;
use crate::job::Phone;

/// How many contacts of a list, and how many replies, one answer holds at the most.
const PAGE: usize = 1000;

/// What ids may hold as they are. They come from the API itself, and nothing has checked them: a dot could lead elsewhere.
const ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A number as the API writes it: without its plus.
pub fn number(phone: &Phone) -> &str {
    phone.as_str().trim_start_matches('+')
}

/// One request, complete but for the token.
#[derive(Clone, PartialEq)]
pub struct Request {
    pub(super) method: Method,
    pub(super) path: Cow<'static, str>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// What the API calls that which it names by its id, and which must be there.
    pub(super) names: &'static str,
}

/// Nothing of what it says of a person.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// A message to one number.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Whom it is for.
    pub to: &'a Phone,
    /// What it says.
    pub text: &'a str,
    /// Whom it is from.
    pub sender: Option<&'a str>,
    /// `alert` or `marketing`.
    pub push_type: Option<&'a str>,
    /// When it is to be sent; at once, if never said.
    pub send_at: Option<Timestamp>,
    /// Whether it has letters that only Unicode has.
    pub unicode: Option<bool>,
    /// What reports and replies name it by.
    pub id: &'a str,
}

/// What a list says of a contact, beside its number.
pub type Infos<'a> = [Option<&'a str>; 4];

const INFOS: [&str; 4] = ["info1", "info2", "info3", "info4"];

impl Request {
    /// Whether it changes nothing.
    pub fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Sends a message. The API knows no repeated one: it would go out twice.
    pub fn send(message: &Message<'_>) -> Self {
        Self::post("/send", wanted(message))
    }

    /// The same, without sending it: what it would cost, and whether it could be sent.
    pub fn simulate(message: &Message<'_>) -> Self {
        Self::post("/send/simulate", wanted(message))
    }

    /// The contacts of a list in which this number is found, from this one on. Not every API heeds what is searched: more may come.
    pub fn list(list: &str, phone: &Phone, start: usize) -> Self {
        let query = vec![
            ("search", number(phone).to_owned()),
            ("start", start.to_string()),
            ("length", PAGE.to_string()),
        ];
        Self::get(format!("/list/{}", encoded(list)), query, "list")
    }

    /// The contacts of a list, from this one on.
    pub fn whole_list(list: &str, start: usize) -> Self {
        let query = vec![("start", start.to_string()), ("length", PAGE.to_string())];
        Self::get(format!("/list/{}", encoded(list)), query, "list")
    }

    /// Every list.
    pub fn lists() -> Self {
        Self::get("/lists", Vec::new(), "")
    }

    /// Adds a contact to a list.
    pub fn add_to_list(list: &str, phone: &Phone, infos: Infos<'_>) -> Self {
        let contacts = json!({ "gsm": [contact(phone, infos)] });
        let body = json!({ "list": { "listId": list, "contacts": contacts } });
        Self {
            names: "list",
            ..Self::post("/list", body)
        }
    }

    /// Changes what a list says of a contact, by the contact's id in it.
    pub fn update_listed(id: &str, phone: &Phone, infos: Infos<'_>) -> Self {
        Self {
            method: Method::PUT,
            path: format!("/list/contact/{}", encoded(id)).into(),
            query: Vec::new(),
            body: Some(contact(phone, infos)),
            names: "contact",
        }
    }

    /// Takes a contact out of its list.
    pub fn remove_listed(id: &str) -> Self {
        Self::delete(format!("/list/contact/{}", encoded(id)))
    }

    /// The numbers that nothing is sent to, from this one on.
    pub fn blacklist(phone: &Phone, start: usize) -> Self {
        let query = vec![
            ("search", number(phone).to_owned()),
            ("start", start.to_string()),
            ("length", PAGE.to_string()),
        ];
        Self::get("/blacklist", query, "")
    }

    /// Adds a number to them.
    pub fn add_to_blacklist(phone: &Phone) -> Self {
        let contacts = json!({ "gsm": [contact(phone, [None; 4])] });
        Self::post(
            "/blacklist",
            json!({ "blacklist": { "contacts": contacts } }),
        )
    }

    /// Takes a number out of them, by its id there.
    pub fn remove_blacklisted(id: &str) -> Self {
        Self::delete(format!("/blacklist/contact/{}", encoded(id)))
    }

    /// A page of the replies that came between two moments.
    pub fn replies(from: Timestamp, to: Timestamp, start: usize) -> Self {
        let query = vec![
            ("date_start", time::written(from)),
            ("date_end", time::written(to)),
            ("start", start.to_string()),
            ("length", PAGE.to_string()),
        ];
        Self::get("/messages/mo", query, "")
    }

    /// What the account has left.
    pub fn credits() -> Self {
        Self::get("/credits", Vec::new(), "")
    }

    /// What it says of a person: every text of its body and its query.
    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<_> = self.query.iter().map(|(_, text)| text.as_str()).collect();
        if let Some(body) = &self.body {
            collect(body, &mut texts);
        }
        texts
    }

    fn get(
        path: impl Into<Cow<'static, str>>,
        query: Vec<(&'static str, String)>,
        names: &'static str,
    ) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query,
            body: None,
            names,
        }
    }

    fn post(path: &'static str, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            query: Vec::new(),
            body: Some(body),
            names: "",
        }
    }

    fn delete(path: String) -> Self {
        Self {
            method: Method::DELETE,
            path: path.into(),
            query: Vec::new(),
            body: None,
            names: "contact",
        }
    }
}

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, ID).to_string()
}

fn wanted(wanted: &Message<'_>) -> Value {
    let mut message = Map::new();
    message.insert("text".to_owned(), wanted.text.into());
    let texts = [("pushtype", wanted.push_type), ("sender", wanted.sender)];
    for (name, text) in texts {
        if let Some(text) = text {
            message.insert(name.to_owned(), text.into());
        }
    }
    if let Some(delay) = wanted.send_at.map(time::written) {
        message.insert("delay".to_owned(), delay.into());
    }
    if let Some(unicode) = wanted.unicode {
        message.insert("unicode".to_owned(), u8::from(unicode).into());
    }
    let recipient = json!({ "gsmsmsid": wanted.id, "value": number(wanted.to) });
    json!({ "sms": { "message": message, "recipients": { "gsm": [recipient] } } })
}

fn contact(phone: &Phone, infos: Infos<'_>) -> Value {
    let mut contact = Map::new();
    contact.insert("value".to_owned(), number(phone).into());
    for (name, info) in INFOS.iter().zip(infos) {
        if let Some(info) = info {
            contact.insert((*name).to_owned(), info.into());
        }
    }
    contact.into()
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}
