//! The tables of operations, one row each: all that the official documents have; a test holds them against these wherever they
//! are at hand.

mod contacts;
mod oauth;

use http::Method;

use super::{Access, Done, Input, Operation, Run};
use crate::sandbox::api::answer::Answer;
use crate::sandbox::api::shape::Shape;
use crate::sandbox::api::world::World;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Operation> {
    contacts::ROWS.iter().chain(oauth::ROWS)
}

type Handler = fn(&mut World, &Input<'_>) -> Result<Done, Answer>;

/// An operation that writes.
const fn row(
    id: &'static str,
    method: Method,
    path: &'static str,
    ok: u16,
    body: Option<Shape>,
    run: Handler,
) -> Operation {
    Operation {
        id,
        method,
        path,
        query: &[],
        body,
        form: false,
        access: Access::Location(Some("contacts.write")),
        ok,
        run: Run::Contacts(run),
    }
}

/// An operation that reads what its query names.
const fn query(id: &'static str, path: &'static str, query: Shape, run: Handler) -> Operation {
    let mut operation = row(id, Method::GET, path, 200, None, run).reads();
    operation.query = query;
    operation
}

impl Operation {
    const fn reads(mut self) -> Self {
        self.access = Access::Location(Some("contacts.readonly"));
        self
    }

    /// The document declares no scope for it.
    const fn unscoped(mut self) -> Self {
        self.access = Access::Location(None);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The official documents, where `PENSTOCK_GHL_SPEC` names the folder that has `apps/contacts.json`.
    fn official() -> Option<[Value; 2]> {
        let folder = std::env::var_os("PENSTOCK_GHL_SPEC").map(std::path::PathBuf::from)?;
        let read = |path: &str| {
            let text = std::fs::read(folder.join(path)).unwrap();
            serde_json::from_slice(&text).unwrap()
        };
        Some([read("apps/contacts.json"), read("apps/oauth.json")])
    }

    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Row {
        id: String,
        method: String,
        path: String,
        ok: u16,
        body: Option<&'static str>,
        /// Its fields, and whether they are required.
        query: Vec<(String, bool)>,
        scope: Option<String>,
        for_companies: bool,
    }

    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";

    fn here(operation: &Operation) -> Row {
        let fields = operation.query.iter();
        let mut query: Vec<_> = fields
            .map(|field| (field.name.to_owned(), field.required))
            .collect();
        query.sort();
        Row {
            id: operation.id.to_owned(),
            method: operation.method.to_string(),
            path: operation.path.to_owned(),
            ok: operation.ok,
            body: operation
                .body
                .map(|_| if operation.form { FORM } else { JSON }),
            query,
            scope: operation.access.scope().map(str::to_owned),
            for_companies: matches!(operation.access, Access::Company(_)),
        }
    }

    fn documented(path: &str, method: &str, operation: &Value) -> Row {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let mut query: Vec<_> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| {
                let name = parameter["name"].as_str().unwrap();
                (name.to_owned(), parameter["required"] == true)
            })
            .collect();
        query.sort();
        let statuses = operation["responses"].as_object().unwrap().keys();
        let mut statuses = statuses.map(|status| status.parse().unwrap());
        let content = operation["requestBody"]["content"].as_object();
        let security = operation["security"][0].as_object();
        let scheme = security.and_then(|schemes| schemes.iter().next());
        Row {
            id: operation["operationId"].as_str().unwrap().to_owned(),
            method: method.to_uppercase(),
            path: path.trim_end_matches('/').to_owned(),
            ok: statuses.find(|status| (200..300).contains(status)).unwrap(),
            body: content.map(|types| if types.contains_key(FORM) { FORM } else { JSON }),
            query,
            scope: scheme.map(|(_, scopes)| scopes[0].as_str().unwrap().to_owned()),
            for_companies: scheme.is_some_and(|(name, _)| name == "Agency-Access-Only"),
        }
    }

    #[test]
    fn the_tables_are_those_of_the_official_documents() {
        let Some(documents) = official() else {
            eprintln!("skipped: PENSTOCK_GHL_SPEC does not name a folder with apps/contacts.json");
            return;
        };
        let paths = documents
            .iter()
            .flat_map(|document| document["paths"].as_object().unwrap());
        let mut official: Vec<Row> = paths
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().iter();
                methods.map(move |(method, operation)| documented(path, method, operation))
            })
            .collect();
        let documented = all().filter(|operation| operation.id != "choose-location");
        let mut tables: Vec<Row> = documented.map(here).collect();
        official.sort();
        tables.sort();
        assert_eq!(tables, official);
    }
}
