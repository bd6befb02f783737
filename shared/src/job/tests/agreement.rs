//! The schemas and the parser agree: what the parser accepts no schema refuses.

use jsonschema::Validator;
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::{examples, faults};
use crate::job::{Job, JobType, schemas};

fn validator(name: &str) -> Validator {
    let (_, schema) = schemas()
        .into_iter()
        .find(|(given, _)| given == name)
        .unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn schemas_accept_the_good_ones() {
    let any = validator("Job");
    for (name, job) in examples::good() {
        assert_eq!(faults(&job), Vec::<String>::new(), "{name}");
        let job_type: JobType = job["type"].as_str().unwrap().parse().unwrap();
        let own = validator(job_type.as_str());
        // The schema of any job is that of those which may come from outside.
        for validator in [&own, &any]
            .into_iter()
            .take(1 + usize::from(job_type.is_public()))
        {
            let errors: Vec<_> = validator
                .iter_errors(&job)
                .map(|error| error.to_string())
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{name}");
        }
    }
}

#[test]
fn schemas_refuse_the_bad_ones() {
    let any = validator("Job");
    for job in examples::bad() {
        assert_ne!(faults(&job), Vec::<String>::new(), "{job}");
        assert!(!any.is_valid(&job), "{job} passed the schema");
    }
}

#[test]
fn what_is_normalised_still_fits_the_schema() {
    let any = validator("Job");
    for (name, job) in examples::good() {
        let own = validator(job["type"].as_str().unwrap());
        let job = Job::from_value(job).unwrap();
        let is_public = job.payload.job_type().is_public();
        let normal = serde_json::to_value(job).unwrap();
        assert!(own.is_valid(&normal), "{name}");
        assert_eq!(any.is_valid(&normal), is_public, "{name}");
    }
}

/// Every value of a document, by JSON pointer.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointers(member, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn other_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
        r" ?[a-z]{1,3}@[a-z.-]{1,6} ?".prop_map(Value::from),
        r"[ +(]{0,3}[0-9 -]{6,18}".prop_map(Value::from),
        r"[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-9:]{8}(Z|\+02:00|)".prop_map(Value::from),
        r"[0-9]{2,4}[-/._][0-9]{2}[-/._][0-9]{2,4}".prop_map(Value::from),
        Just(json!([])),
        Just(json!(["x"])),
        Just(json!({})),
        Just(json!({ "id": "x" })),
        Just(json!({ "phone": "+15551234567" })),
    ]
}

proptest! {
    #[test]
    fn whatever_a_schema_refuses_the_parser_refuses(
        which in any::<Index>(), wheres in prop::collection::vec((any::<Index>(), other_value()), 1..3), drop in any::<bool>(),
    ) {
        let examples = examples::good();
        let (_, mut job) = which.get(&examples).clone();
        for (place, value) in wheres {
            let mut found = Vec::new();
            pointers(&job, "", &mut found);
            let pointer = place.get(&found).clone();
            match (pointer.rsplit_once('/'), drop) {
                (Some((parent, name)), true) => match job.pointer_mut(parent) {
                    Some(Value::Object(members)) => { members.remove(name); }
                    Some(Value::Array(items)) => { items.pop(); }
                    _ => {}
                },
                _ => *job.pointer_mut(&pointer).unwrap() = value,
            }
        }
        if faults(&job).is_empty() {
            let own = job["type"].as_str().unwrap();
            let errors: Vec<_> = validator(own).iter_errors(&job).map(|error| error.to_string()).collect();
            prop_assert_eq!(errors, Vec::<String>::new(), "{}", job);
        }
    }
}
