//! Requests built from the document alone: what it allows is accepted, what it does not is refused, with the scopes that it
//! declares and with no others.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Document, document};
use crate::client::{CLIENT_ID, CLIENT_SECRET, Client, LOCATION, told};

const SCOPES: [&str; 4] = [
    "contacts.readonly",
    "contacts.write",
    "oauth.readonly",
    "oauth.write",
];

/// One operation of the document.
struct Operation<'a> {
    id: &'a str,
    path: &'a str,
    method: Method,
    found: &'a Value,
    document: &'a Value,
}

/// What the document's own examples cannot know: a sandbox with what they speak of.
struct Scene {
    client: Client,
    /// What stands in for an example, by its field's name.
    known: Map<String, Value>,
    bearer: String,
}

impl Operation<'_> {
    /// The scope that it declares.
    fn scope(&self) -> Option<&str> {
        let schemes = self.found["security"][0].as_object()?;
        schemes.values().next()?[0].as_str()
    }

    fn is_for_companies(&self) -> bool {
        self.found["security"][0]
            .get("Agency-Access-Only")
            .is_some()
    }

    fn is_form(&self) -> bool {
        let content = &self.found["requestBody"]["content"];
        content.get("application/x-www-form-urlencoded").is_some()
    }

    /// The status of success, and the only one.
    fn ok(&self) -> u16 {
        let statuses = self.found["responses"].as_object().unwrap().keys();
        let mut statuses = statuses.map(|status| status.parse().unwrap());
        statuses.find(|status| (200..300).contains(status)).unwrap()
    }

    /// The schema of its body.
    fn body(&self) -> Option<&Value> {
        let content = self.found["requestBody"]["content"].as_object()?;
        let schema = &content.values().next()?["schema"];
        Some(self.resolved(schema))
    }

    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        match schema["$ref"].as_str() {
            Some(target) => {
                let place = target.trim_start_matches('#');
                self.resolved(self.document.pointer(place).unwrap())
            }
            None => schema,
        }
    }

    /// A value as the schema wants it: the one that is known here, else its example, else one of its type.
    fn value(&self, name: &str, schema: &Value, scene: &Scene) -> Value {
        let schema = self.resolved(schema);
        let kind = schema["type"].as_str();
        if let Some(known) = scene.known.get(name) {
            return known.clone();
        }
        if let Some(first) = schema["enum"].as_array().map(|values| &values[0]) {
            return first.clone();
        }
        match (kind, schema.get("example"), schema.get("properties")) {
            (_, _, Some(Value::Object(properties))) => {
                let fields = properties.iter();
                fields
                    .map(|(name, schema)| (name.clone(), self.value(name, schema, scene)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            // Of some the example is a text.
            (Some("boolean"), ..) => json!(true),
            (_, Some(example), _) => example.clone(),
            (Some("array"), ..) => json!([]),
            (Some("number"), ..) => json!(1),
            _ => json!("text"),
        }
    }

    /// The body with every property, or with those alone that are required.
    fn fields(&self, schema: &Value, scene: &Scene, all: bool) -> Map<String, Value> {
        let required = required(schema);
        let properties = schema["properties"].as_object().unwrap().iter();
        properties
            .filter(|(name, _)| all || required.contains(&name.as_str()))
            .map(|(name, schema)| (name.clone(), self.value(name, schema, scene)))
            .collect()
    }

    /// The path and the query, with every parameter or with those alone that are required.
    fn address(&self, scene: &Scene, all: bool) -> String {
        let (mut path, mut query) = (self.path.to_owned(), Vec::new());
        for parameter in self.found["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let value = self.value(name, &parameter["schema"], scene);
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            match parameter["in"].as_str() {
                Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
                Some("query") if all || parameter["required"] == true => {
                    query.push(
                        format!("{name}={value}")
                            .replace(' ', "%20")
                            .replace('+', "%2B"),
                    );
                }
                _ => {}
            }
        }
        // One path has a parameter that the document does not list.
        path = path.replace("{type}", "add");
        format!("{path}?{}", query.join("&"))
    }
}

fn required(schema: &Value) -> Vec<&str> {
    let names = schema["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}

impl Scene {
    /// One where the caller's token has this scope.
    async fn set(operation: &Operation<'_>, scope: &str) -> Self {
        let client = Client::with_oauth().await;
        client.seed("c1");
        let (_, note) = client
            .post("/contacts/c1/notes", json!({"body": "b"}))
            .await;
        let task = json!({"title": "t", "dueDate": "2020-10-25T11:00:00Z", "completed": false});
        let (_, task) = client.post("/contacts/c1/tasks", task).await;
        let marketplace = client.marketplace();
        let code = marketplace.install(LOCATION, Some(scope));
        let company = marketplace.company();
        let code = if operation.is_for_companies() {
            marketplace.install_for_company(Some(scope))
        } else {
            code
        };
        let bearer = client.exchanged(&code).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let another = marketplace.install(LOCATION, None);
        let known = json!({
            "locationId": LOCATION, "contactId": "c1", "startAfterId": "c1", "contacts": ["c1"], "ids": ["c1"],
            "id": note["note"]["id"], "taskId": task["task"]["id"], "campaignId": "k1", "workflowId": "w1", "businessId": "b1",
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "authorization_code", "code": another,
            "user_type": "Location", "companyId": company, "appId": "app1"
        });
        let known = known.as_object().unwrap().clone();
        Self {
            client,
            known,
            bearer,
        }
    }

    async fn send(
        &self,
        operation: &Operation<'_>,
        address: &str,
        body: Option<&Map<String, Value>>,
    ) -> (u16, Value) {
        match body {
            Some(fields) if operation.is_form() => {
                let fields: Vec<(&str, &str)> = fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                    .collect();
                let bearer = operation.is_for_companies().then_some(self.bearer.as_str());
                told(self.client.send_form(address, bearer, &fields).await).await
            }
            body => {
                let body = body.cloned().map(Value::Object);
                let method = operation.method.clone();
                self.client
                    .call_as(&self.bearer, method, address, body)
                    .await
            }
        }
    }
}

fn operations(document: &Document) -> Vec<Operation<'_>> {
    let all = document.operations();
    all.map(|(path, method, found, document)| Operation {
        id: found["operationId"].as_str().unwrap(),
        path,
        method: method.to_uppercase().parse().unwrap(),
        found,
        document,
    })
    .collect()
}

/// Sends the operation with the scope that it declares and no other, and checks the answer's shape.
async fn sent(document: &Document, operation: &Operation<'_>, all: bool) -> (u16, Value) {
    let scene = Scene::set(operation, operation.scope().unwrap_or("none.at.all")).await;
    let mut body = operation
        .body()
        .map(|schema| operation.fields(schema, &scene, all));
    if operation.id == "search-contacts-advanced" {
        // The document leaves its body open, and the API wants these.
        let least = json!({"locationId": LOCATION, "pageLimit": 20});
        body = least.as_object().cloned();
    }
    let address = operation.address(&scene, all);
    let (status, answer) = scene.send(operation, &address, body.as_ref()).await;
    if operation.found["responses"]
        .get(status.to_string())
        .is_some()
    {
        document.check(operation.id, status, &answer);
    }
    (status, answer)
}

#[tokio::test]
async fn what_the_document_allows_is_accepted() {
    let Some(document) = document() else { return };
    let all = operations(&document);
    assert_eq!(all.len(), 32 + 3);
    for operation in &all {
        let (status, answer) = sent(&document, operation, true).await;
        assert_eq!(status, operation.ok(), "{}: {answer}", operation.id);
        // Which of its optional fields a grant needs depends on its type.
        let least = if operation.id == "get-access-token" {
            400
        } else {
            operation.ok()
        };
        let (status, answer) = sent(&document, operation, false).await;
        assert_eq!(status, least, "{} with the least: {answer}", operation.id);
    }
}

#[tokio::test]
async fn what_the_document_does_not_allow_is_refused() {
    let Some(document) = document() else { return };
    for operation in operations(&document) {
        let scene = Scene::set(&operation, &SCOPES.join(" ")).await;
        let address = operation.address(&scene, true);
        let full = operation
            .body()
            .map(|schema| operation.fields(schema, &scene, true));
        if let (Some(schema), Some(full)) = (operation.body(), &full) {
            let mut bodies: Vec<Map<String, Value>> = Vec::new();
            for name in required(schema) {
                let mut without = full.clone();
                without.remove(name);
                bodies.push(without);
            }
            let mut more = full.clone();
            more.insert("notDocumented".to_owned(), json!("x"));
            bodies.push(more);
            for body in bodies {
                let (status, answer) = scene.send(&operation, &address, Some(&body)).await;
                assert_eq!(status, 422, "{}: {answer}", operation.id);
                if operation.found["responses"].get("422").is_some() {
                    document.check(operation.id, 422, &answer);
                }
            }
        }
        let more = format!("{address}&notDocumented=1");
        if operation.found["parameters"]
            .to_string()
            .contains("\"query\"")
        {
            let (status, answer) = scene.send(&operation, &more, full.as_ref()).await;
            assert_eq!(status, 422, "{}: {answer}", operation.id);
        }
        let effects = scene.client.running.summary().effects_by_kind;
        let of_contacts = effects.keys().filter(|kind| !kind.is_access()).count();
        assert_eq!(
            of_contacts, 2,
            "{}: but the note and the task of the scene",
            operation.id
        );
    }
}

#[tokio::test]
async fn another_scope_than_the_declared_one_does_not_do() {
    let Some(document) = document() else { return };
    for operation in operations(&document) {
        let Some(declared) = operation.scope() else {
            continue;
        };
        let others: Vec<&str> = SCOPES
            .into_iter()
            .filter(|scope| *scope != declared)
            .collect();
        let scene = Scene::set(&operation, &others.join(" ")).await;
        let body = operation
            .body()
            .map(|schema| operation.fields(schema, &scene, true));
        let address = operation.address(&scene, true);
        let (status, answer) = scene.send(&operation, &address, body.as_ref()).await;
        assert_eq!(
            (status, &answer["message"]),
            (401, &json!("The token is not authorized for this scope.")),
            "{}",
            operation.id
        );
        document.check(operation.id, 401, &answer);
    }
}
