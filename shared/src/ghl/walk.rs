//! Contacts, page by page, in each of the three ways in which the API lists them: what each page is asked for, and where the next one begins.
//!
//! Nothing here calls anybody: whoever walks makes the calls, with its own permits and token, and may go on where another has stopped.

use futures::{Stream, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, CallError, OfBusiness, Page, Request};
use crate::job::{PageLimit, PullContacts, Tenant};

/// How many contacts a search finds page by page; those behind them only by what the last contact says.
const REACH: u64 = 10_000;
/// The most bytes of what a contact says of the place behind it.
const LONGEST_MARK: usize = 1024;

/// Which contacts are walked through.
#[derive(Clone, PartialEq)]
pub enum Which {
    /// Those that a search finds, by the members of its body (`query`, `filters`, `sort` …).
    Found(Map<String, Value>),
    /// Those of the location, or those of them that a text is found in.
    Listed(Option<String>),
    /// Those of a business, or those of them that a text is found in. They are counted off: one that leaves the business meanwhile moves the others
    /// up, and one of these may be missed.
    OfBusiness(String, Option<String>),
}

/// A way through contacts.
#[derive(Clone, PartialEq)]
pub struct Walk {
    which: Which,
    limit: u32,
}

/// A place on the way: after so many. It is small, and tells nothing of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Place {
    /// The pages behind it.
    pub pages: u64,
    /// The contacts on them.
    pub contacts: u64,
    /// What the API says of where it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<Value>,
    /// The first and the last contact of the page before, by their ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends: Option<(String, String)>,
}

/// One page.
#[derive(Clone, PartialEq)]
pub struct Leg {
    /// Its contacts, as the API shows them.
    pub contacts: Vec<Value>,
    /// Where the next page begins; `None` where nothing is left. Only an empty page says so: the API may list fewer than it was asked for.
    pub next: Option<Place>,
}

impl Walk {
    /// Through these, with so many a page: 1 to [`PageLimit::MOST`].
    pub fn new(which: Which, limit: u32) -> Self {
        let limit = limit.clamp(1, PageLimit::MOST);
        Self { which, limit }
    }

    /// The way that such a job goes.
    pub fn of(pull: &PullContacts) -> Self {
        let query = pull.query.as_ref().map(|query| query.as_str().to_owned());
        let which = match &pull.business_id {
            Some(business) => Which::OfBusiness(business.as_str().to_owned(), query),
            // Not the list, though it needs no search: it cannot go on behind a contact that was deleted meanwhile.
            None => Which::Found(
                query
                    .map(|text| ("query".to_owned(), text.into()))
                    .into_iter()
                    .collect(),
            ),
        };
        Self::new(
            which,
            pull.page_limit.map_or(PageLimit::MOST, PageLimit::get),
        )
    }

    /// What the page is asked for that begins there.
    pub fn request(&self, tenant: &Tenant, from: &Place) -> Request {
        match &self.which {
            Which::Found(body) => Request::search(tenant, self.search(body.clone(), from)),
            Which::Listed(query) => {
                let page = Page {
                    limit: Some(self.limit),
                    query: query.clone(),
                    start_after: from.mark.as_ref().and_then(Value::as_u64),
                    start_after_id: from.ends.as_ref().map(|(_, last)| last.clone()),
                };
                Request::list_contacts(tenant, &page)
            }
            Which::OfBusiness(business, query) => {
                let page = OfBusiness {
                    limit: Some(self.limit),
                    skip: Some(u32::try_from(from.contacts).unwrap_or(u32::MAX)),
                    query: query.clone(),
                };
                Request::list_by_business(tenant, business, &page)
            }
        }
    }

    /// Where the last contact says what comes behind it, that is asked for: pages that are counted off shift with every contact that comes or goes.
    fn search(&self, mut body: Map<String, Value>, from: &Place) -> Map<String, Value> {
        body.insert("pageLimit".to_owned(), self.limit.into());
        body.remove("page");
        match &from.mark {
            Some(mark) => body.insert("searchAfter".to_owned(), mark.clone()),
            None => body.insert("page".to_owned(), (from.pages + 1).into()),
        };
        body
    }

    /// What the answer to that says.
    pub fn leg(&self, from: &Place, answer: &Answer) -> Result<Leg, CallError> {
        let contacts = answer.contacts()?;
        let (Some(first), Some(last)) = (contacts.first(), contacts.last()) else {
            return Ok(Leg {
                contacts: Vec::new(),
                next: None,
            });
        };
        let ends = Some((id(first), id(last)));
        if ends == from.ends {
            return Err(answer.unreadable("the body is the page before it once more"));
        }
        let mark = match &self.which {
            Which::Found(_) => search_after(last),
            Which::Listed(_) => start_after(answer, last),
            Which::OfBusiness(..) => None,
        };
        let next = Place {
            pages: from.pages + 1,
            contacts: from.contacts + contacts.len() as u64,
            mark,
            ends,
        };
        if matches!(self.which, Which::Found(_)) && !self.reaches(&next) {
            return Err(answer.unreadable("the body lacks contacts[].searchAfter"));
        }
        let next = Some(next);
        Ok(Leg { contacts, next })
    }

    fn reaches(&self, place: &Place) -> bool {
        let by_number = (place.pages + 1).saturating_mul(self.limit.into()) <= REACH;
        place.mark.is_some() || by_number
    }

    /// All pages, one after another: each is asked for once the one before it was taken. `call` makes one call.
    pub fn pages<F, A, E>(
        self,
        tenant: Tenant,
        call: F,
    ) -> impl Stream<Item = Result<Vec<Value>, E>>
    where
        F: FnMut(Request) -> A,
        A: Future<Output = Result<Answer, E>>,
        E: From<CallError>,
    {
        let begin = (self, tenant, call, Place::default());
        stream::try_unfold(begin, async |(walk, tenant, mut call, place)| {
            let answer = call(walk.request(&tenant, &place)).await?;
            let Leg { contacts, next } = walk.leg(&place, &answer)?;
            Ok(next.map(|next| (contacts, (walk, tenant, call, next))))
        })
    }
}

/// That it has one was looked at as the page was read.
fn id(contact: &Value) -> String {
    contact["id"].as_str().unwrap_or_default().to_owned()
}

fn search_after(last: &Value) -> Option<Value> {
    let mark = last.get("searchAfter").filter(|mark| mark.is_array());
    mark.filter(|mark| mark.to_string().len() <= LONGEST_MARK)
        .cloned()
}

/// The official document does not have `meta`: without it the contact's own date says the same.
fn start_after(answer: &Answer, last: &Value) -> Option<Value> {
    let told = answer
        .body
        .pointer("/meta/startAfter")
        .and_then(Value::as_u64);
    let own = || {
        let added: Timestamp = last.get("dateAdded")?.as_str()?.parse().ok()?;
        u64::try_from(added.as_millisecond()).ok()
    };
    told.or_else(own).map(Value::from)
}

#[cfg(test)]
mod tests;
