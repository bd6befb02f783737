//! What of a job is sealed where it is stored, and opened where it is read: at the edge of the queue, so that nobody else knows of it.

use std::{borrow::Cow, collections::BTreeSet};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    Queue,
    claim::Claimed,
    error::QueueError,
    record::{self, DoneRecord, RecordError},
    reference::Reference,
    run::{Run, field},
    settle::Fields,
};
use crate::{
    seal::{Place, Purpose, SealError},
    settings::Encryption,
};

/// The fields of a job's journal in which texts of the payload or of the API may stand.
const SEALED: [(&str, Purpose); 3] = [
    (field::ENDING, Purpose::Ending),
    (field::ERROR, Purpose::Error),
    (field::EVIDENCE, Purpose::Evidence),
];

/// The keys of a queue, and whether it seals.
#[derive(Debug)]
pub(super) struct Vault {
    namespace: String,
    encryption: Encryption,
    /// The keys of jobs that were looked at, and that are not among them.
    lacking: Mutex<BTreeSet<String>>,
}

/// One job's place in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawer<'a> {
    vault: &'a Vault,
    tenant: &'a str,
    id: &'a str,
}

impl From<SealError> for RecordError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Locked(key) => Self::Locked(key),
            other => Self::Undecodable(other.to_string()),
        }
    }
}

impl From<SealError> for QueueError {
    fn from(error: SealError) -> Self {
        Self::Unsuitable(error.to_string())
    }
}

impl Vault {
    pub(super) fn new(namespace: &str, encryption: &Encryption) -> Self {
        Self {
            namespace: namespace.to_owned(),
            encryption: encryption.clone(),
            lacking: Mutex::default(),
        }
    }

    pub(super) fn of<'a>(&'a self, tenant: &'a str, id: &'a str) -> Drawer<'a> {
        Drawer {
            vault: self,
            tenant,
            id,
        }
    }
}

impl Queue {
    pub(super) fn drawer<'a>(&'a self, reference: &'a Reference) -> Drawer<'a> {
        self.vault().of(reference.tenant(), reference.id())
    }

    /// The keys that jobs were sealed with which this program has looked at, and which it does not have.
    pub fn lacking(&self) -> Vec<String> {
        self.vault().lacking.lock().iter().cloned().collect()
    }

    /// Opens what a claim gave.
    pub(super) fn open_claimed(&self, job: &mut Claimed) {
        let drawer = self.drawer(&job.reference);
        drawer.open_run(&mut job.run);
        if let Some(opened) = drawer.open_record(&job.record) {
            job.record = opened.into();
        }
        for rider in &mut job.riders {
            if let Some(opened) = self.drawer(&rider.reference).open_record(&rider.record) {
                rider.record = opened.into();
            }
        }
    }
}

impl<'a> Drawer<'a> {
    fn place(&self, purpose: Purpose) -> Place<'a> {
        Place {
            purpose,
            namespace: &self.vault.namespace,
            tenant: self.tenant,
            id: self.id,
        }
    }

    fn seals(&self) -> bool {
        self.vault.encryption.payloads
    }

    /// A record's body as it is stored.
    pub(super) fn seal_body(&self, body: Vec<u8>) -> Result<Vec<u8>, SealError> {
        if !self.seals() {
            return Ok(body);
        }
        let keys = &self.vault.encryption.keys;
        let sealed = keys.seal(&self.place(Purpose::Payload), &body)?;
        Ok([&[record::SEALED], sealed.as_slice()].concat())
    }

    /// The record with its body opened; `None` if it is to be taken as it is. Decoded, it tells what is wrong.
    pub(super) fn open_record(&self, record: &[u8]) -> Option<Vec<u8>> {
        let (head, sealed) = record::split_sealed(record)?;
        let keys = &self.vault.encryption.keys;
        match keys.open(&self.place(Purpose::Payload), sealed) {
            Ok(body) => Some([head, &body].concat()),
            Err(SealError::Forged) => Some([head, &[record::FORGED]].concat()),
            Err(SealError::Locked(key)) => {
                self.vault.lacking.lock().insert(key.to_string());
                None
            }
            Err(_) => None,
        }
    }

    /// Credentials as they are stored: always sealed.
    pub(super) fn seal_token(&self, text: &str) -> Result<String, SealError> {
        let keys = &self.vault.encryption.keys;
        keys.seal_text(&self.place(Purpose::Token), text)
    }

    /// Credentials as they were. Such as are not sealed are not ours.
    pub(super) fn open_token(&self, text: &str) -> Result<String, SealError> {
        let keys = &self.vault.encryption.keys;
        let opened = keys.open_text(&self.place(Purpose::Token), text.to_owned())?;
        if opened == text {
            return Err(SealError::Malformed);
        }
        Ok(opened)
    }

    pub(super) fn seal_text<'t>(
        &self,
        purpose: Purpose,
        text: Cow<'t, str>,
    ) -> Result<Cow<'t, str>, SealError> {
        if !self.seals() {
            return Ok(text);
        }
        let keys = &self.vault.encryption.keys;
        keys.seal_text(&self.place(purpose), &text).map(Cow::Owned)
    }

    pub(super) fn open_text(&self, purpose: Purpose, text: String) -> Result<String, SealError> {
        let keys = &self.vault.encryption.keys;
        keys.open_text(&self.place(purpose), text)
    }

    /// A job's result as it is stored.
    pub(super) fn seal_result(&self, result: &Value) -> Result<Value, SealError> {
        if !self.seals() {
            return Ok(result.clone());
        }
        let sealed = self.seal_text(Purpose::Result, result.to_string().into())?;
        Ok(Value::String(sealed.into_owned()))
    }

    /// A job's result as it was.
    pub(super) fn open_result(&self, result: Value) -> Result<Value, SealError> {
        let Value::String(text) = result else {
            return Ok(result);
        };
        let json = self.open_text(Purpose::Result, text);
        if let Err(SealError::Locked(key)) = &json {
            self.vault.lacking.lock().insert(key.to_string());
        }
        let json = json?;
        Ok(serde_json::from_str(&json).unwrap_or(Value::String(json)))
    }

    /// The same, or why it cannot be told.
    pub(super) fn show_result(&self, result: Value) -> Value {
        self.open_result(result)
            .unwrap_or_else(|error| json!({ "unreadable": error.to_string() }))
    }

    /// What is written into a job's journal, as it is stored.
    pub(super) fn seal_fields(&self, fields: &mut Fields) -> Result<(), SealError> {
        if !self.seals() {
            return Ok(());
        }
        for (name, purpose) in SEALED {
            // An empty one takes the field out.
            if let Some(text) = fields.get_mut(name).filter(|text| !text.is_empty()) {
                let sealed = self.seal_text(purpose, Cow::from(text.as_str()))?;
                *text = sealed.into_owned();
            }
        }
        Ok(())
    }

    /// A job's journal as it was.
    pub(super) fn open_run(&self, run: &mut Run) {
        for (name, purpose) in SEALED {
            run.open(name, |text| self.open_text(purpose, text));
        }
        run.open(field::ORPHAN, |text| self.open_done(text));
    }

    /// What a delivery came to, as JSON, with its result as it was.
    fn open_done(&self, text: String) -> Result<String, SealError> {
        let Ok(mut done) = serde_json::from_str::<DoneRecord>(&text) else {
            return Ok(text);
        };
        if let Value::String(sealed) = done.result {
            let opened = self.open_text(Purpose::Result, sealed)?;
            done.result = serde_json::from_str(&opened).unwrap_or(Value::String(opened));
        }
        Ok(serde_json::to_string(&done).unwrap_or(text))
    }
}
