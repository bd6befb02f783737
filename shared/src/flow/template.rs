//! A payload with templates in it: texts are templates, and a text that is one expression alone keeps the kind of what it comes to.

use std::collections::{BTreeSet, HashSet};

use minijinja::Value as Context;
use serde_json::{Map, Value};

use super::{
    engine::{Engine, TemplateError},
    fault::Faults,
    written::{Kind, Written},
};

/// A value that is made for each event.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Template {
    /// Always the same.
    Literal(Value),
    /// What an expression comes to; left out where that is nothing.
    Expression(String),
    /// What a template writes.
    Text(String),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

/// A template that has failed, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {error}")]
pub struct Failure {
    /// Where, as `do[0].payload.title`.
    pub path: String,
    /// Why.
    pub error: TemplateError,
}

/// The variables that templates look at, and where.
#[derive(Debug, Default)]
pub(super) struct Uses(pub(super) BTreeSet<(usize, String, String)>);

impl Uses {
    /// Notes those of one template.
    pub(super) fn note(
        &mut self,
        line: usize,
        path: &str,
        found: Result<impl IntoIterator<Item = String>, TemplateError>,
        faults: &Faults,
    ) {
        match found {
            Ok(names) => {
                let names = names.into_iter();
                self.0
                    .extend(names.map(|name| (line, path.to_owned(), name)));
            }
            Err(error) => faults.note(line, path, error.to_string()),
        }
    }
}

impl Template {
    /// The templates in a value as it is written.
    pub(super) fn read(
        written: &Written,
        path: &str,
        engine: &Engine,
        uses: &mut Uses,
        faults: &Faults,
    ) -> Self {
        match &written.kind {
            Kind::Plain(value) => Self::Literal(value.clone()),
            Kind::Text(text) => {
                let (template, found) = Self::of_text(text, engine);
                uses.note(written.line, path, found, faults);
                template
            }
            Kind::List(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    Self::read(item, &format!("{path}[{index}]"), engine, uses, faults)
                });
                Self::List(items.collect())
            }
            Kind::Table(members) => {
                let members = members.iter().map(|member| {
                    let path = format!("{path}.{}", member.name);
                    let value = Self::read(&member.value, &path, engine, uses, faults);
                    (member.name.clone(), value)
                });
                Self::Object(members.collect())
            }
        }
    }

    fn of_text(text: &str, engine: &Engine) -> (Self, Result<HashSet<String>, TemplateError>) {
        if let Some(expression) = alone(text) {
            let found = engine.check_expression(expression);
            return (Self::Expression(expression.to_owned()), found);
        }
        let is_template = ["{{", "{%", "{#"]
            .iter()
            .any(|opening| text.contains(opening));
        if !is_template {
            return (Self::Literal(text.into()), Ok(HashSet::new()));
        }
        (Self::Text(text.to_owned()), engine.check_text(text))
    }

    /// Whether what stands there (`.contact.id`, `.tags[0]`) is the same for each event.
    pub(super) fn is_constant_at(&self, path: &str) -> bool {
        if path.is_empty() {
            return self.is_constant();
        }
        match self {
            Self::Object(members) => {
                let path = path.trim_start_matches('.');
                let end = path.find(['.', '[']).unwrap_or(path.len());
                let (name, rest) = path.split_at(end);
                let mut members = members.iter();
                let found = members.find(|(member, _)| member == name);
                found.is_some_and(|(_, value)| value.is_constant_at(rest))
            }
            Self::List(items) => {
                let inner = path.strip_prefix('[').and_then(|path| path.split_once(']'));
                let found = inner.and_then(|(index, rest)| {
                    let item = items.get(index.parse::<usize>().ok()?)?;
                    Some(item.is_constant_at(rest))
                });
                found.unwrap_or(false)
            }
            constant => constant.is_constant(),
        }
    }

    fn is_constant(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Expression(_) | Self::Text(_) => false,
            Self::List(items) => items.iter().all(Self::is_constant),
            Self::Object(members) => members.iter().all(|(_, value)| value.is_constant()),
        }
    }

    /// The value for a context; `None`: there is none, and what it would be a part of goes without it.
    pub(super) fn render(
        &self,
        engine: &Engine,
        context: &Context,
        path: &str,
    ) -> Result<Option<Value>, Failure> {
        let failed = |error| Failure {
            path: path.to_owned(),
            error,
        };
        Ok(Some(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(source) => return engine.evaluate(source, context).map_err(failed),
            Self::Text(source) => engine.render(source, context).map_err(failed)?.into(),
            Self::List(items) => {
                let items = items.iter().enumerate();
                let rendered = items.filter_map(|(index, item)| {
                    item.render(engine, context, &format!("{path}[{index}]"))
                        .transpose()
                });
                Value::Array(rendered.collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let mut rendered = Map::new();
                for (name, template) in members {
                    let value = template.render(engine, context, &format!("{path}.{name}"))?;
                    rendered.extend(value.map(|value| (name.clone(), value)));
                }
                Value::Object(rendered)
            }
        }))
    }
}

/// The expression of a text that is nothing else.
fn alone(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.trim_matches('-').trim();
    let is_one = !inner.contains("{{") && !inner.contains("}}") && !inner.contains("{%");
    is_one.then_some(inner)
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use serde_json::json;

    use super::*;

    fn rendered(payload: &str) -> Result<Option<Value>, Failure> {
        let (engine, faults) = (Engine::new(), Faults::default());
        let written = Written::parse(payload).unwrap();
        let template = Template::read(&written, "payload", &engine, &mut Uses::default(), &faults);
        assert_eq!(faults.all(), []);
        let data = context! { name => "Ada", score => 7, tags => vec!["a", "b"] };
        template.render(&engine, &context! { data }, "payload")
    }

    #[test]
    fn an_expression_alone_keeps_its_kind() {
        let value = rendered(
            "score = '{{ data.score }}'\ntags = '{{ data.tags }}'\ntext = 'Score: {{ data.score }}'\nfixed = true\n",
        );
        let expected = json!({ "score": 7, "tags": ["a", "b"], "text": "Score: 7", "fixed": true });
        assert_eq!(value.unwrap(), Some(expected));
    }

    #[test]
    fn what_is_nothing_is_left_out() {
        let value = rendered(
            "name = '{{ data.name }}'\nemail = '{{ data.email }}'\nlist = ['{{ data.email }}', 'x']\n",
        );
        assert_eq!(
            value.unwrap(),
            Some(json!({ "name": "Ada", "list": ["x"] }))
        );
    }

    #[test]
    fn a_failure_says_where() {
        let failure = rendered("title = 'Hi {{ data.email }}'\n").unwrap_err();
        assert_eq!(failure.path, "payload.title");
    }
}
