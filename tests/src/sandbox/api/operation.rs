//! The operations, one row each: where it is called, what it takes, what it answers, and the function that does it.

mod table;

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::effect::Change;
use super::oauth::OAuth;
use super::oauth::grant::Subject;
use super::shape::Shape;
use super::world::World;
use crate::sandbox::clock::Moment;

/// One operation of the official document.
#[derive(Debug)]
pub(in crate::sandbox) struct Operation {
    /// The official operationId.
    pub(in crate::sandbox) id: &'static str,
    method: Method,
    /// The official path; `{name}` is a parameter.
    path: &'static str,
    pub(in crate::sandbox) query: Shape,
    /// None if it takes no body.
    pub(in crate::sandbox) body: Option<Shape>,
    /// Whether the body is a form's.
    pub(in crate::sandbox) form: bool,
    pub(in crate::sandbox) access: Access,
    /// The status of success.
    pub(in crate::sandbox) ok: u16,
    run: Run,
}

/// Whose token it takes, and with which scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Access {
    /// No token at all, and no version either.
    Open,
    /// A location's.
    Location(Option<&'static str>),
    /// A company's.
    Company(&'static str),
}

impl Access {
    pub(in crate::sandbox) const fn scope(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Location(scope) => scope,
            Self::Company(scope) => Some(scope),
        }
    }

    /// As tokens call it.
    pub(in crate::sandbox) const fn user_type(self) -> &'static str {
        match self {
            Self::Open | Self::Location(_) => "Location",
            Self::Company(_) => "Company",
        }
    }
}

/// The function that does it.
#[derive(Clone, Copy, Debug)]
enum Run {
    Contacts(fn(&mut World, &Input<'_>) -> Result<Done, Answer>),
    OAuth(fn(&mut OAuth, &Input<'_>) -> Result<Done, Answer>),
}

impl Operation {
    /// Whether it is about access rather than contacts. The documents do not tell whether such calls count against a quota; here
    /// they do not, least of all against that of a location's contacts.
    pub(in crate::sandbox) const fn is_access(&self) -> bool {
        matches!(self.run, Run::OAuth(_))
    }

    /// How it is answered where there is no such thing.
    pub(in crate::sandbox) fn nowhere(&self) -> Answer {
        Answer::no_route(&self.method, self.path)
    }

    /// Does it.
    pub(in crate::sandbox) fn run(
        &self,
        world: &mut World,
        input: &Input<'_>,
    ) -> Result<Done, Answer> {
        match (self.run, &mut world.oauth) {
            (Run::Contacts(run), _) => run(world, input),
            (Run::OAuth(run), Some(oauth)) => run(oauth, input),
            (Run::OAuth(_), None) => Err(self.nowhere()),
        }
    }
}

/// What a valid request brings.
#[derive(Clone, Copy)]
pub(in crate::sandbox) struct Input<'a> {
    /// Whose token it was let in with, if that was given out by OAuth.
    pub(in crate::sandbox) caller: Option<&'a Subject>,
    pub(in crate::sandbox) params: &'a Params,
    pub(in crate::sandbox) query: &'a Map<String, Value>,
    pub(in crate::sandbox) body: &'a Map<String, Value>,
    pub(in crate::sandbox) now: Moment,
    /// Lists of notes and tasks show what was there by then.
    pub(in crate::sandbox) list_horizon: Moment,
    /// Searches and lists of contacts show what was there by then.
    pub(in crate::sandbox) search_horizon: Moment,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::sandbox) struct Done {
    pub(in crate::sandbox) body: Value,
    pub(in crate::sandbox) change: Option<Change>,
    /// Where the browser is sent.
    pub(in crate::sandbox) redirect: Option<String>,
}

impl Done {
    pub(super) const fn read(body: Value) -> Self {
        Self {
            body,
            change: None,
            redirect: None,
        }
    }

    pub(super) const fn changed(body: Value, change: Change) -> Self {
        Self {
            body,
            change: Some(change),
            redirect: None,
        }
    }

    pub(super) const fn redirected(to: String) -> Self {
        Self {
            body: Value::Null,
            change: None,
            redirect: Some(to),
        }
    }
}

impl Input<'_> {
    /// A parameter of the path; the table guarantees those that it names.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.body
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.body
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

/// The parameters of a path, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The operations of the contacts API: what each is called, its method and its path.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static Method, &'static str)> {
    let contacts = table::all().filter(|operation| !operation.is_access());
    contacts.map(|operation| (operation.id, &operation.method, operation.path))
}

/// Every operationId.
pub(in crate::sandbox) fn names() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    let ids = table::all().map(|operation| operation.id);
    // What is at two paths has two rows, one after the other.
    ids.filter(move |id| std::mem::replace(&mut last, id) != *id)
}

/// The operation that a request is for, and its path's parameters.
pub(in crate::sandbox) fn route(
    method: &Method,
    path: &str,
) -> Option<(&'static Operation, Params)> {
    let mut candidates = table::all().filter(|operation| operation.method == *method);
    candidates.find_map(|operation| matched(operation.path, path).map(|params| (operation, params)))
}

/// The parameters of a path that fits the pattern; one slash at its end makes no difference.
pub(crate) fn matched(pattern: &'static str, path: &str) -> Option<Params> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    let mut params = Params::default();
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(params),
            (Some(wanted), Some(found)) => match wanted
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'))
            {
                Some(name) => params.0.push((name, decoded(found)?)),
                None if wanted == found => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

fn decoded(segment: &str) -> Option<String> {
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    (!decoded.is_empty()).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &Method, path: &str) -> Option<&'static str> {
        route(method, path).map(|(operation, _)| operation.id)
    }

    #[test]
    fn requests_find_their_operation() {
        assert_eq!(routed(&Method::POST, "/contacts/"), Some("create-contact"));
        assert_eq!(routed(&Method::POST, "/contacts"), Some("create-contact"));
        assert_eq!(routed(&Method::GET, "/contacts/"), Some("get-contacts"));
        assert_eq!(
            routed(&Method::POST, "/contacts/upsert"),
            Some("upsert-contact")
        );
        assert_eq!(routed(&Method::GET, "/contacts/abc"), Some("get-contact"));
        assert_eq!(
            routed(&Method::GET, "/contacts/search/duplicate"),
            Some("get-duplicate-contact")
        );
        assert_eq!(
            routed(&Method::PUT, "/contacts/abc/tasks/t/completed"),
            Some("update-task-completed")
        );
        for (method, path) in [
            (Method::PATCH, "/contacts/abc"),
            (Method::GET, "/"),
            (Method::GET, "//"),
            (Method::GET, "/contacts//notes"),
            (Method::GET, "/contacts/abc/notes/n/x"),
        ] {
            assert_eq!(routed(&method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let (_, params) = route(&Method::GET, "/contacts/a%2Fb%20c/notes/n1").unwrap();
        assert_eq!(
            (params.get("contactId"), params.get("id"), params.get("x")),
            (Some("a/b c"), Some("n1"), None)
        );
        assert_eq!(routed(&Method::GET, "/contacts/%ff"), None);
    }

    #[test]
    fn operation_ids_are_unique() {
        let mut ids: Vec<_> = names().collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), names().count());
    }
}
