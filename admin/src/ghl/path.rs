//! From a path to the request that it stands for.

use std::{collections::BTreeMap, str::FromStr};

use anyhow::{Error, anyhow, bail};
use penstock_shared::{
    ghl::{Lookup, OfBusiness, Page, Request, Walk, Which},
    job::{ContactId, Email, PageLimit, PathId, Phone, Tenant},
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// What is to be read.
#[derive(PartialEq)]
pub(super) enum Wanted {
    /// The answer to this.
    Answer(Request),
    /// All contacts that this comes by.
    Everybody(Walk),
}

/// The parameters that are given: each is taken once.
struct Parameters(BTreeMap<String, String>);

impl Wanted {
    /// Reads what a person wrote; `all` asks for every page.
    pub(super) fn read(
        tenant: &Tenant,
        path: &str,
        query: Vec<(String, String)>,
        body: Option<Map<String, Value>>,
        all: bool,
    ) -> Result<Self, Error> {
        let (path, within) = path.split_once('?').unwrap_or((path, ""));
        let mut parameters = Parameters::read(within, query)?;
        let decoded: Vec<_> = path
            .trim_matches('/')
            .split('/')
            .map(decoded)
            .collect::<Result<_, _>>()?;
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        if body.is_some() && segments != ["contacts", "search"] {
            bail!("only contacts/search takes a body");
        }
        let wanted = match &segments[..] {
            ["contacts"] => listed(tenant, &mut parameters, all)?,
            ["contacts", "search"] => Self::found(tenant, body.unwrap_or_default(), all)?,
            ["contacts", "business", id] => of_business(tenant, id, &mut parameters, all)?,
            _ if all => bail!(
                "only lists of contacts have pages: --all is for contacts, contacts/search and contacts/business/ID"
            ),
            ["contacts", "search", "duplicate"] => {
                Self::Answer(duplicate(tenant, &mut parameters)?)
            }
            ["contacts", id, rest @ ..] => {
                Self::Answer(of_contact(&parsed("the contact's id", id)?, rest)?)
            }
            _ => return Err(unknown()),
        };
        parameters.finish()?;
        Ok(wanted)
    }

    /// By a search: its body is the API's to judge, but for what pages are made of.
    fn found(tenant: &Tenant, mut body: Map<String, Value>, all: bool) -> Result<Self, Error> {
        if body.contains_key("locationId") {
            bail!("locationId is the tenant's: leave it out");
        }
        if !all {
            body.entry("pageLimit").or_insert(20.into());
            return Ok(Self::Answer(Request::search(tenant, body)));
        }
        if let Some(place) = ["page", "searchAfter"]
            .into_iter()
            .find(|name| body.contains_key(*name))
        {
            bail!("{place} is where one page begins: leave it out with --all");
        }
        let limit = body.remove("pageLimit").map(|limit| limit.to_string());
        let limit = limit
            .map(|limit| page_limit("pageLimit", &limit))
            .transpose()?;
        let walk = Walk::new(Which::Found(body), limit.unwrap_or(PageLimit::MOST));
        Ok(Self::Everybody(walk))
    }
}

fn listed(tenant: &Tenant, parameters: &mut Parameters, all: bool) -> Result<Wanted, Error> {
    let (limit, query) = (parameters.limit()?, parameters.take("query"));
    if all {
        let walk = Walk::new(Which::Listed(query), limit.unwrap_or(PageLimit::MOST));
        return Ok(Wanted::Everybody(walk));
    }
    let page = Page {
        limit,
        query,
        start_after: parameters.number("startAfter")?,
        start_after_id: parameters.take("startAfterId"),
    };
    Ok(Wanted::Answer(Request::list_contacts(tenant, &page)))
}

fn of_business(
    tenant: &Tenant,
    id: &str,
    parameters: &mut Parameters,
    all: bool,
) -> Result<Wanted, Error> {
    let id: PathId = parsed("the business' id", id)?;
    let (limit, query) = (parameters.limit()?, parameters.take("query"));
    if all {
        let which = Which::OfBusiness(id.as_str().to_owned(), query);
        let walk = Walk::new(which, limit.unwrap_or(PageLimit::MOST));
        return Ok(Wanted::Everybody(walk));
    }
    let page = OfBusiness {
        limit,
        skip: parameters.number("skip")?,
        query,
    };
    Ok(Wanted::Answer(Request::list_by_business(
        tenant,
        id.as_str(),
        &page,
    )))
}

fn duplicate(tenant: &Tenant, parameters: &mut Parameters) -> Result<Request, Error> {
    match (parameters.take("email"), parameters.take("number")) {
        (Some(email), None) => {
            let email: Email = parsed("email", &email)?;
            Ok(Request::search_duplicate(tenant, Lookup::Email(&email)))
        }
        (None, Some(number)) => {
            let phone: Phone = parsed("number", &number)?;
            Ok(Request::search_duplicate(tenant, Lookup::Phone(&phone)))
        }
        _ => bail!("contacts/search/duplicate takes an email or a number, and not both"),
    }
}

fn of_contact(contact: &ContactId, rest: &[&str]) -> Result<Request, Error> {
    Ok(match rest {
        [] => Request::get_contact(contact),
        ["tasks"] => Request::list_tasks(contact),
        ["tasks", id] => {
            Request::get_task(contact, parsed::<PathId>("the task's id", id)?.as_str())
        }
        ["notes"] => Request::list_notes(contact),
        ["notes", id] => {
            Request::get_note(contact, parsed::<PathId>("the note's id", id)?.as_str())
        }
        ["appointments"] => Request::list_appointments(contact),
        _ => return Err(unknown()),
    })
}

fn unknown() -> Error {
    anyhow!("nothing can be read there: `penstock-admin ghl get --help` lists the paths")
}

/// `+` stays what it is: telephone numbers begin with it.
fn decoded(text: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded
        .map_err(|_| anyhow!("the path is not UTF-8 once it is decoded"))?
        .into_owned())
}

fn parsed<T: FromStr>(what: &str, text: &str) -> Result<T, Error>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| anyhow!("{what}: {error}"))
}

fn page_limit(name: &str, text: &str) -> Result<u32, Error> {
    let limit = text.parse().ok();
    let limit = limit.filter(|limit| (1..=PageLimit::MOST).contains(limit));
    limit.ok_or_else(|| {
        anyhow!(
            "{name}: must be a whole number from 1 to {}",
            PageLimit::MOST
        )
    })
}

impl Parameters {
    fn read(within: &str, more: Vec<(String, String)>) -> Result<Self, Error> {
        let pairs = within
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decoded(name)?, decoded(value)?))
            });
        let mut all = BTreeMap::new();
        for pair in pairs.chain(more.into_iter().map(Ok::<_, Error>)) {
            let (name, value) = pair?;
            if name == "locationId" {
                bail!("locationId is the tenant's: say it with --tenant");
            }
            if all.contains_key(&name) {
                bail!("the parameter {name} is given twice");
            }
            all.insert(name, value);
        }
        Ok(Self(all))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let number = self.take(name).map(|text| text.parse());
        let number = number.transpose();
        number.map_err(|_| anyhow!("{name}: must be a whole number"))
    }

    fn limit(&mut self) -> Result<Option<u32>, Error> {
        let limit = self.take("limit");
        limit.map(|text| page_limit("limit", &text)).transpose()
    }

    /// What nobody asked for was meant for something.
    fn finish(self) -> Result<(), Error> {
        match self.0.into_keys().next() {
            Some(name) => bail!(
                "the parameter {name} means nothing here: `penstock-admin ghl get --help` lists those that do"
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
