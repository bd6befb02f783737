//! Templates and expressions, on a short lead: they see what they are given, run for so long and write so much.

use std::collections::HashSet;

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter,
};

use super::{
    applied::{self, Applied},
    filter,
};

/// How many steps one template may take.
const FUEL: u64 = 50_000;
/// No payload is longer than a job.
const MOST_BYTES: usize = crate::job::MAX_JOB_BYTES;
/// Calls inside one another.
const MOST_DEPTH: usize = 64;

/// Runs templates.
#[derive(Debug, Clone)]
pub(super) struct Engine(Environment<'static>);

/// Why a template has not run. It says nothing of the event that it ran for: what it saw may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

impl Engine {
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        // A missing part of a missing thing is missing; what is written must not be.
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_formatter(|out, state, value| {
            if value.is_undefined() || value.is_none() {
                return Err(ErrorKind::UndefinedError.into());
            }
            escape_formatter(out, state, value)
        });
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(MOST_DEPTH);
        filter::add_to(&mut environment);
        Self(environment)
    }

    /// Which variables a template looks at (`data.from`), or what is wrong with it.
    pub(super) fn check_text(&self, source: &str) -> Result<HashSet<String>, TemplateError> {
        let template = self.0.template_from_named_str("", source);
        let template = template.map_err(|error| syntax(&error))?;
        self.check_applied(applied::in_text(source))?;
        Ok(template.undeclared_variables(true))
    }

    /// The same of an expression.
    pub(super) fn check_expression(&self, source: &str) -> Result<HashSet<String>, TemplateError> {
        let expression = self.0.compile_expression_owned(source.to_owned());
        let expression = expression.map_err(|error| syntax(&error))?;
        self.check_applied(applied::in_code(source))?;
        Ok(expression.undeclared_variables(true))
    }

    /// Of these each must be known.
    fn check_applied(&self, all: Vec<Applied<'_>>) -> Result<(), TemplateError> {
        for one in all {
            let (what, name, tried) = match one {
                Applied::Filter(name) => {
                    let tried = self.0.empty_state().apply_filter(name, &[]);
                    ("filter", name, tried.err())
                }
                Applied::Test(name) => {
                    let tried = self.0.empty_state().perform_test(name, &[]);
                    ("test", name, tried.err())
                }
            };
            // One that is known may say what it lacks.
            let unknown = [ErrorKind::UnknownFilter, ErrorKind::UnknownTest];
            if tried.is_some_and(|error| unknown.contains(&error.kind())) {
                return Err(TemplateError(format!("there is no {what} {name}")));
            }
        }
        Ok(())
    }

    /// What a template writes.
    pub(super) fn render(&self, source: &str, context: &Value) -> Result<String, TemplateError> {
        let template = self.0.template_from_named_str("", source);
        let template = template.map_err(|error| syntax(&error))?;
        let mut written = Bounded(Vec::new());
        let rendered = template.render_captured_to(context.clone(), &mut written);
        rendered.map_err(|error| failure(&error))?;
        String::from_utf8(written.0).map_err(|_| TemplateError("not text".to_owned()))
    }

    /// What an expression comes to; `None` if that is nothing.
    pub(super) fn evaluate(
        &self,
        source: &str,
        context: &Value,
    ) -> Result<Option<serde_json::Value>, TemplateError> {
        let value = self.value(source, context)?;
        if value.is_undefined() || value.is_none() {
            return Ok(None);
        }
        let value = serde_json::to_value(&value);
        value
            .map(Some)
            .map_err(|_| TemplateError("it comes to what JSON cannot say".to_owned()))
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, source: &str, context: &Value) -> Result<bool, TemplateError> {
        self.value(source, context).map(|value| value.is_true())
    }

    fn value(&self, source: &str, context: &Value) -> Result<Value, TemplateError> {
        let expression = self.0.compile_expression_owned(source.to_owned());
        let expression = expression.map_err(|error| syntax(&error))?;
        expression
            .eval(context.clone())
            .map_err(|error| failure(&error))
    }
}

/// Of a template's own text, which is no secret.
fn syntax(error: &Error) -> TemplateError {
    let detail = error.detail().map(|detail| format!(": {detail}"));
    TemplateError(format!("{}{}", error.kind(), detail.unwrap_or_default()))
}

/// As it runs, what the engine says may be about what it sees; what our own filters say is not.
fn failure(error: &Error) -> TemplateError {
    TemplateError(filter::said(error).unwrap_or_else(|| {
        match error.kind() {
            ErrorKind::UndefinedError => {
                "something that it writes is missing here; `| default('…')` says what stands for it"
                    .to_owned()
            }
            ErrorKind::OutOfFuel => "it takes too long".to_owned(),
            ErrorKind::WriteFailure => format!("it writes more than {MOST_BYTES} bytes"),
            kind => kind.to_string(),
        }
    }))
}

/// A text that must not grow without end.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use serde_json::json;

    use super::*;

    fn context() -> Value {
        context! {
            data => context! { message => "CALL me, now", from => "33612345678" },
            now => "2026-11-23T22:00:00Z",
        }
    }

    fn evaluated(source: &str) -> Option<serde_json::Value> {
        Engine::new().evaluate(source, &context()).unwrap()
    }

    #[test]
    fn texts_and_values_are_made() {
        let engine = Engine::new();
        let rendered = engine.render("Call {{ data.from }} back", &context());
        assert_eq!(rendered.unwrap(), "Call 33612345678 back");
        assert_eq!(evaluated("data.message | lower | length"), Some(json!(12)));
        assert_eq!(evaluated("data.nothing.at_all"), None);
        assert_eq!(
            evaluated("'call me' in data.message | lower"),
            Some(json!(true))
        );
    }

    #[test]
    fn what_is_applied_must_be_known() {
        let engine = Engine::new();
        for (source, wrong) in [
            ("data.message | lowr", "there is no filter lowr"),
            ("data.message is defind", "there is no test defind"),
        ] {
            let error = engine.check_expression(source).unwrap_err();
            assert_eq!(error.to_string(), wrong);
        }
        let text = "{% if data.from %}{{ now | pluss('1d') }}{% endif %}";
        let error = engine.check_text(text).unwrap_err();
        assert_eq!(error.to_string(), "there is no filter pluss");
        let known = "data.x | default(now) | plus('1d') is not none";
        assert!(engine.check_expression(known).is_ok());
    }

    #[test]
    fn what_is_written_must_be_there() {
        let engine = Engine::new();
        let error = engine.render("Hi {{ data.name }}", &context()).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
        let rendered = engine.render("Hi {{ data.name | default('you') }}", &context());
        assert_eq!(rendered.unwrap(), "Hi you");
    }

    /// Whatever it is given, what is personal must not come out of an error.
    #[test]
    fn errors_tell_nothing_of_what_was_seen() {
        let engine = Engine::new();
        for source in [
            "data.message | plus('1d')",
            "data.message + 1",
            "data.from | at('x', 'y')",
        ] {
            let error = engine.evaluate(source, &context()).unwrap_err().to_string();
            assert!(!error.contains("CALL") && !error.contains("336"), "{error}");
        }
    }

    #[test]
    fn what_would_run_on_is_stopped() {
        let engine = Engine::new();
        let long = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        let error = engine.render(long, &context()).unwrap_err();
        assert_eq!(error.to_string(), "it takes too long");
        let wide = format!(
            "{{% for a in range(900) %}}{}{{% endfor %}}",
            "x".repeat(100)
        );
        let error = engine.render(&wide, &context()).unwrap_err();
        assert!(error.to_string().contains("bytes"), "{error}");
    }
}
