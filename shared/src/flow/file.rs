//! From a file's text to flows, noting every fault on the way.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use serde_json::{Map, Value};

use super::{
    Action, Flow, Flows, MOST_BYTES, Sync,
    cadence::SCHEDULE,
    engine::Engine,
    fault::{Fault, Faults},
    rehearsal,
    schema::Schema,
    template::{Template, Uses},
    trigger::{self, TRIGGERS, Trigger},
    variable::Scope,
    written::{self, Kind, Table, Written},
};
use crate::{
    event,
    job::{Destination, JobType, MaxAttempts, Priority, Tenant},
    span,
};

/// The contact as GHL has it, as templates call it.
const CONTACT: &str = "contact";
/// The most actions of a flow.
const MOST_ACTIONS: usize = 32;
/// How often a flow may come round by itself, at the most and at the least.
const CADENCE: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(7 * 86_400);

pub(super) fn read(text: &str) -> Result<Flows, Vec<Fault>> {
    if text.len() > MOST_BYTES {
        let message = format!("a file of flows may have {MOST_BYTES} bytes");
        return Err(vec![Fault::new(1, "", message)]);
    }
    let document = Written::parse(text).map_err(|fault| vec![fault])?;
    let faults = Faults::default();
    let flows = Reader {
        engine: Engine::new(),
        faults: &faults,
    }
    .flows(&document);
    let mut all = faults.all();
    // What is not even read cannot be tried out.
    if all.is_empty() {
        all = rehearsal::run(&flows);
    }
    if all.is_empty() { Ok(flows) } else { Err(all) }
}

struct Reader<'a> {
    engine: Engine,
    faults: &'a Faults,
}

impl<'a> Reader<'a> {
    fn flows(self, document: &'a Written) -> Flows {
        let mut flows: Vec<Flow> = Vec::new();
        let mut vars = Value::Object(Map::new());
        let mut syncs = Vec::new();
        if let Some(mut file) = Table::of(document, "", self.faults) {
            if let Some(written) = file.find("vars") {
                vars = plain(written);
            }
            for table in file.tables("flow") {
                let (line, path) = (table.line(), table.path_of("name"));
                let record = (table.line_of("record"), table.path_of("record"));
                let sync = (table.line_of("sync"), table.path_of("sync"));
                let Some(flow) = self.flow(table, &vars) else {
                    continue;
                };
                syncs.push(sync);
                if flows.iter().any(|other| other.name == flow.name) {
                    let message = format!("another flow is called {}", flow.name);
                    self.faults.note(line, &path, message);
                }
                self.agree(&flow, &flows, record.0, &record.1);
                flows.push(flow);
            }
            file.finish();
        }
        for (flow, (line, path)) in flows.iter().zip(syncs) {
            self.is_written(flow, &flows, line, &path);
        }
        Flows {
            all: flows,
            vars,
            engine: self.engine,
        }
    }

    fn flow(&self, mut table: Table<'a>, vars: &Value) -> Option<Flow> {
        let line = table.line();
        let name = self.name(&mut table, "name", true);
        let (kinds, triggers) = self.kinds(&mut table);
        let tenants = self.tenants(&mut table);
        let every = self.every(&mut table, &kinds, &tenants);
        let mut uses = Uses::default();
        let when = self.conditions(&mut table, &mut uses);
        let when_before = when.iter().filter(|text| !self.reads_contact(text));
        let when_before = when_before.cloned().collect();
        let mut said = Uses::default();
        let record = self.expression(&mut table, "record", &mut said);
        let sync = table.find("sync");
        let sync_path = table.path_of("sync");
        let sync = sync.and_then(|written| self.sync(written, &sync_path, &mut said));
        self.without_contact(&said);
        uses.0.append(&mut said.0);
        if sync.is_some() && record.is_none() {
            self.names_its_record(&table, &kinds);
        }
        let scope = Scope {
            has_sync: sync.is_some(),
            triggers: triggers.as_deref(),
            vars,
            jobs: &[],
            has_item: false,
        };
        let mut reads_contact = scope.check(&uses, self.faults);
        let (mut actions, mut names) = (Vec::new(), Vec::<String>::new());
        for action in table.tables("do") {
            let scope = Scope {
                jobs: &names,
                ..scope
            };
            let (action, reads) = self.action(action, &scope);
            reads_contact |= reads;
            let Some(action) = action else {
                continue;
            };
            names.extend(action.name.clone().filter(|_| action.for_each.is_none()));
            actions.push(action);
        }
        if actions.is_empty() || actions.len() > MOST_ACTIONS {
            let message =
                format!("a flow does 1 to {MOST_ACTIONS} things, each a [[flow.do]] table");
            self.faults.note(line, &table.path_of("do"), message);
        }
        table.finish();
        let mut kinds = kinds.into_iter();
        Some(Flow {
            name: name?,
            on: kinds.next()?,
            or_on: kinds.collect(),
            tenants,
            every,
            when,
            when_before,
            actions,
            reads_contact,
            record,
            sync,
        })
    }

    /// What an event says of a record is known before the contact is read.
    fn without_contact(&self, uses: &Uses) {
        for (line, path, name) in &uses.0 {
            if name.split('.').next() == Some(CONTACT) {
                let message = format!(
                    "{name}: the contact is not read yet where this is looked at; say it by `data`, or read the contact in `when` or in an action"
                );
                self.faults.note(*line, path, message);
            }
        }
    }

    /// Whose records are no contacts of GHL's says which they are: else nobody would find them again.
    fn names_its_record(&self, table: &Table<'_>, kinds: &[event::Kind]) {
        if kinds.iter().all(trigger::is_of_ghl) {
            return;
        }
        let message = "missing: which record of its sender's an event is about, as \"data.id\"; what is kept the same needs it";
        self.faults
            .note(table.line(), &table.path_of("record"), message);
    }

    /// The events of one trigger are about one record, whichever flow says so.
    fn agree(&self, flow: &Flow, others: &[Flow], line: usize, path: &str) {
        let differs = others.iter().find(|other| {
            let has_both = flow.record.is_some() && other.record.is_some();
            has_both && flow.record != other.record && flow.meets(other)
        });
        if let Some(other) = differs {
            let message = format!(
                "flow {} says that the events of this trigger are about another record",
                other.name
            );
            self.faults.note(line, path, message);
        }
    }

    /// What a flow only hears of another one writes: else it would be news each time.
    fn is_written(&self, flow: &Flow, flows: &[Flow], line: usize, path: &str) {
        if let Some((field, to)) = flow.unwritten(flows) {
            let message = format!(
                "false, and no other flow that begins with such an event writes {field} to {to}: it would be news for ever"
            );
            self.faults.note(line, &format!("{path}.writes"), message);
        }
    }

    fn sync(&self, written: &'a Written, path: &str, uses: &mut Uses) -> Option<Sync> {
        let mut table = Table::of(written, path, self.faults)?;
        let to = table.texts("to");
        if to.is_empty() {
            self.faults.note(
                table.line(),
                &table.path_of("to"),
                "missing: the systems that it tells",
            );
        }
        let to = to
            .into_iter()
            .filter_map(|(text, line)| self.parsed::<Destination>(&table, "to", text, line));
        let to = to.map(|to| to.to_string()).collect();
        let writes = table.flag("writes").unwrap_or(true);
        let fields = table.required("fields");
        let fields = fields.map(|written| self.template(&table, "fields", written, uses));
        table.finish();
        Some(Sync {
            to,
            fields: fields?,
            writes,
        })
    }

    fn action(&self, mut table: Table<'a>, scope: &Scope<'_>) -> (Option<Action>, bool) {
        let (line, mut uses) = (table.line(), Uses::default());
        let name = self.name(&mut table, "name", false);
        let job_type = table.required_text("job");
        let job_type = job_type.and_then(|(text, line)| self.job_type(&table, text, line));
        let when = self.conditions(&mut table, &mut uses);
        let for_each = self.expression(&mut table, "for_each", &mut uses);
        let priority = table.text("priority");
        let priority = priority
            .and_then(|(text, line)| self.parsed::<Priority>(&table, "priority", text, line));
        let run_at = table.find("run_at");
        let run_at = run_at.map(|written| self.template(&table, "run_at", written, &mut uses));
        let max_attempts = table.find("max_attempts");
        let max_attempts = max_attempts.and_then(|written| self.max_attempts(&table, written));
        let payload = table.required("payload");
        if let (Some(written), Some(job_type)) = (payload, job_type) {
            Schema::of(job_type).check(written, &table.path_of("payload"), self.faults);
        }
        let payload = payload.map(|written| self.template(&table, "payload", written, &mut uses));
        table.finish();
        let scope = Scope {
            has_item: for_each.is_some(),
            ..*scope
        };
        let reads_contact = scope.check(&uses, self.faults);
        let action = job_type.zip(payload).map(|(job_type, payload)| Action {
            line,
            name,
            job_type,
            when,
            for_each,
            priority: priority.unwrap_or_default(),
            run_at,
            max_attempts,
            payload,
        });
        (action, reads_contact)
    }

    fn template(
        &self,
        table: &Table<'_>,
        name: &str,
        written: &Written,
        uses: &mut Uses,
    ) -> Template {
        Template::read(
            written,
            &table.path_of(name),
            &self.engine,
            uses,
            self.faults,
        )
    }

    fn name(&self, table: &mut Table<'a>, key: &'static str, required: bool) -> Option<String> {
        let (text, line) = if required {
            table.required_text(key)?
        } else {
            table.text(key)?
        };
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if !(1..=32).contains(&text.len()) || !text.chars().all(is_allowed) {
            let message = "must be 1 to 32 lower-case letters, digits, '-' and '_'";
            self.faults.note(line, &table.path_of(key), message);
            return None;
        }
        Some(text.to_owned())
    }

    /// What it begins with, and what such events hold; `None` if nobody knows that of all of them.
    fn kinds(&self, table: &mut Table<'a>) -> (Vec<event::Kind>, Option<Vec<&'static Trigger>>) {
        let texts = table.texts("on");
        if texts.is_empty() && table.find("on").is_none() {
            let path = table.path_of("on");
            self.faults.note(table.line(), &path, "missing");
        }
        let kinds = texts.into_iter().filter_map(|(text, line)| {
            let kind = self.parsed::<event::Kind>(table, "on", text, line)?;
            let trigger = self.trigger(table, &kind, line);
            Some((kind, trigger))
        });
        let (kinds, triggers): (Vec<_>, Vec<_>) = kinds.unzip();
        (kinds, triggers.into_iter().collect())
    }

    /// What the events of this kind hold, if anybody knows; whoever has no such connector gets none of a generic one's.
    fn trigger(
        &self,
        table: &Table<'_>,
        on: &event::Kind,
        line: usize,
    ) -> Option<&'static Trigger> {
        let known = Trigger::named(on.as_str());
        let of_a_connector = on.as_str().split_once('.').is_some_and(|(source, _)| {
            !TRIGGERS
                .iter()
                .any(|trigger| trigger.kind.split('.').next() == Some(source))
        });
        if known.is_none() && !of_a_connector {
            let told = written::unknown(on.as_str(), TRIGGERS.iter().map(|trigger| trigger.kind));
            let message =
                format!("no such trigger, {told}; `penstock-producer catalogue` lists them");
            self.faults.note(line, &table.path_of("on"), message);
        }
        known
    }

    fn tenants(&self, table: &mut Table<'a>) -> BTreeSet<Tenant> {
        let texts = table.texts("tenant");
        let tenants = texts
            .into_iter()
            .filter_map(|(text, line)| self.parsed(table, "tenant", text, line));
        tenants.collect()
    }

    fn every(
        &self,
        table: &mut Table<'a>,
        kinds: &[event::Kind],
        tenants: &BTreeSet<Tenant>,
    ) -> Option<Duration> {
        let is_scheduled = kinds.iter().any(|kind| kind.as_str() == SCHEDULE);
        if is_scheduled && kinds.len() > 1 {
            let message = format!("\"{SCHEDULE}\" stands alone: its events are about nobody");
            self.faults
                .note(table.line(), &table.path_of("on"), message);
        }
        let written = if is_scheduled {
            table.required_text("every")
        } else {
            table.text("every")
        };
        if is_scheduled && tenants.is_empty() {
            let message = "missing: a flow on a cadence says whose it is";
            self.faults
                .note(table.line(), &table.path_of("tenant"), message);
        }
        let (text, line) = written?;
        let path = table.path_of("every");
        if !is_scheduled {
            let message = format!("only a flow on = \"{SCHEDULE}\" has a cadence");
            self.faults.note(line, &path, message);
            return None;
        }
        match span::parse(text) {
            Ok(every) if CADENCE.contains(&every) => Some(every),
            Ok(_) => {
                self.faults.note(line, &path, "must be 10s to 7d");
                None
            }
            Err(error) => {
                self.faults.note(line, &path, error.to_string());
                None
            }
        }
    }

    fn conditions(&self, table: &mut Table<'a>, uses: &mut Uses) -> Vec<String> {
        let path = table.path_of("when");
        let texts = table.texts("when").into_iter();
        let conditions = texts.map(|(text, line)| {
            uses.note(line, &path, self.engine.check_expression(text), self.faults);
            text.to_owned()
        });
        conditions.collect()
    }

    /// Whether an expression looks at the contact.
    fn reads_contact(&self, text: &str) -> bool {
        let names = self.engine.check_expression(text).unwrap_or_default();
        names
            .iter()
            .any(|name| name.split('.').next() == Some(CONTACT))
    }

    fn expression(
        &self,
        table: &mut Table<'a>,
        name: &'static str,
        uses: &mut Uses,
    ) -> Option<String> {
        let (text, line) = table.text(name)?;
        let path = table.path_of(name);
        uses.note(line, &path, self.engine.check_expression(text), self.faults);
        Some(text.to_owned())
    }

    fn job_type(&self, table: &Table<'_>, text: &str, line: usize) -> Option<JobType> {
        let made_by_people = JobType::ALL.iter().filter(|job_type| job_type.is_public());
        let found = made_by_people
            .clone()
            .find(|job_type| job_type.as_str() == text);
        if found.is_none() {
            let told = written::unknown(text, made_by_people.map(|job_type| job_type.as_str()));
            let message =
                format!("no such job type, {told}; `penstock-producer catalogue` lists them");
            self.faults.note(line, &table.path_of("job"), message);
        }
        found.copied()
    }

    fn max_attempts(&self, table: &Table<'_>, written: &Written) -> Option<MaxAttempts> {
        let number = match &written.kind {
            Kind::Plain(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        let attempts = number.and_then(|number| MaxAttempts::try_from(number).ok());
        if attempts.is_none() {
            let path = table.path_of("max_attempts");
            self.faults
                .note(written.line, &path, "must be a number from 1 to 1000");
        }
        attempts
    }

    fn parsed<T: FromStr>(
        &self,
        table: &Table<'_>,
        name: &str,
        text: &str,
        line: usize,
    ) -> Option<T>
    where
        T::Err: ToString,
    {
        let parsed = text.parse();
        parsed
            .map_err(|error: T::Err| {
                self.faults
                    .note(line, &table.path_of(name), error.to_string());
            })
            .ok()
    }
}

/// A value without templates.
fn plain(written: &Written) -> Value {
    match &written.kind {
        Kind::Plain(value) => value.clone(),
        Kind::Text(text) => Value::String(text.clone()),
        Kind::List(items) => items.iter().map(plain).collect(),
        Kind::Table(members) => {
            let members = members.iter();
            let members = members.map(|member| (member.name.clone(), plain(&member.value)));
            Value::Object(members.collect())
        }
    }
}
