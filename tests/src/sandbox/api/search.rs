//! The search with filters, page by page. The official document leaves its body and its answer open; this is what the
//! vendor's page on it says, as far as it is used: filters and groups of them, one order by a date, and pages by number for the
//! first 10,000 contacts or by `searchAfter` for all.

mod filter;

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::Contact;
use super::operation::{Done, Input};
use super::world::World;
use filter::Filter;

/// Pages by number end here.
const REACH: u64 = 10_000;

/// `POST /contacts/search`
pub(super) fn search(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let refused = |fault: String| Answer::unprocessable(&[fault]);
    let filters = Filter::all(input.list("filters")).map_err(refused)?;
    let order = Order::read(input.list("sort")).map_err(refused)?;
    let start = Start::read(world, input, order).map_err(refused)?;
    let text = input.text("query").map(str::to_lowercase);
    let wanted = |contact: &&Contact| {
        contact.added <= input.search_horizon
            && text.as_deref().is_none_or(|text| contact.mentions(text))
            && filters.iter().all(|filter| filter.admits(contact))
    };
    let location = input.text("locationId").unwrap_or_default();
    let all = world.contacts_before(location, u64::MAX);
    let mut found: Vec<&Contact> = all.filter(wanted).collect();
    found.sort_by_key(|contact| order.key(contact));
    let limit = number(input, "pageLimit").unwrap_or(REACH);
    let page = start.page(&found, order, limit);
    let contacts: Vec<Value> = page.map(|contact| order.shown(contact)).collect();
    Ok(Done::read(
        json!({"contacts": contacts, "total": found.len()}),
    ))
}

fn number(input: &Input<'_>, name: &str) -> Option<u64> {
    input.body.get(name).and_then(Value::as_u64)
}

/// By which date, and which way. Contacts of one date are in the order of their creation, that way too.
#[derive(Clone, Copy, Debug)]
struct Order {
    by_update: bool,
    ascending: bool,
}

/// A place in an order: the date in milliseconds, and the ordinal; negative where the order descends.
type Place = (i128, i128);

impl Order {
    /// `[{field, direction}]`; without it the newest come first.
    fn read(sort: &[Value]) -> Result<Self, String> {
        let [first] = sort else {
            let newest = Self {
                by_update: false,
                ascending: false,
            };
            let fault = || "sort must contain no more than 1 elements".to_owned();
            return sort.is_empty().then_some(newest).ok_or_else(fault);
        };
        let by_update = match first["field"].as_str() {
            Some("dateAdded") => false,
            Some("dateUpdated") => true,
            _ => return Err(one_of("sort.0.field", "dateAdded, dateUpdated")),
        };
        let ascending = match first["direction"].as_str() {
            Some("asc") => true,
            Some("desc") => false,
            _ => return Err(one_of("sort.0.direction", "asc, desc")),
        };
        Ok(Self {
            by_update,
            ascending,
        })
    }

    fn millis(self, contact: &Contact) -> u64 {
        if self.by_update {
            contact.updated.millis()
        } else {
            contact.added.millis()
        }
    }

    fn key(self, contact: &Contact) -> Place {
        self.place(self.millis(contact), contact.ordinal)
    }

    fn place(self, millis: u64, ordinal: u64) -> Place {
        let (millis, ordinal) = (i128::from(millis), i128::from(ordinal));
        if self.ascending {
            (millis, ordinal)
        } else {
            (-millis, -ordinal)
        }
    }

    /// Each contact says where the page after it starts.
    fn shown(self, contact: &Contact) -> Value {
        let mut shown = contact.shown();
        shown["searchAfter"] = json!([self.millis(contact), contact.id]);
        shown
    }
}

/// Where a page starts.
#[derive(Clone, Copy, Debug)]
enum Start {
    /// After so many.
    Skip(u64),
    /// After that place.
    After(Place),
}

impl Start {
    fn read(world: &World, input: &Input<'_>, order: Order) -> Result<Self, String> {
        let page = number(input, "page");
        match (input.list("searchAfter"), page) {
            ([], page) => Self::numbered(page.unwrap_or(1), number(input, "pageLimit")),
            (_, Some(_)) => Err("page should not be given with searchAfter".to_owned()),
            ([millis, id], None) => {
                let ordinal = id.as_str().and_then(|id| world.ordinal_of(id));
                let place = millis.as_u64().zip(ordinal);
                place
                    .map(|(millis, ordinal)| Self::After(order.place(millis, ordinal)))
                    .ok_or_else(no_place)
            }
            (_, None) => Err(no_place()),
        }
    }

    fn numbered(page: u64, limit: Option<u64>) -> Result<Self, String> {
        let limit = limit.unwrap_or(REACH);
        if page.saturating_mul(limit) > REACH {
            return Err(format!(
                "page and pageLimit must not reach beyond {REACH} records: use searchAfter"
            ));
        }
        Ok(Self::Skip((page - 1) * limit))
    }

    fn page<'a>(
        self,
        found: &'a [&'a Contact],
        order: Order,
        limit: u64,
    ) -> impl Iterator<Item = &'a Contact> {
        let first = match self {
            Self::Skip(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::After(place) => found.partition_point(|contact| order.key(contact) <= place),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        found.iter().copied().skip(first).take(limit)
    }
}

fn no_place() -> String {
    "searchAfter must be that of a contact of an earlier page".to_owned()
}

fn one_of(place: &str, names: &str) -> String {
    format!("{place} must be one of the following values: {names}")
}
