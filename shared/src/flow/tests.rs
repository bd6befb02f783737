use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{event::Event, job::Payload};

const REPLY: &str = r#"
[vars]
staff = "+33611111111"

[[flow]]
name = "call-back"
on = "sms.reply"
when = "'call me' in data.message | lower"

  [[flow.do]]
  name = "contact"
  job = "UpsertContact"
  payload = { phone = "{{ person.phone }}", source = "SMS" }

  [[flow.do]]
  job = "CreateTask"
  priority = "high"
  [flow.do.payload]
  contact = "{{ person.ref }}"
  title = "Call {{ data.from }} back"
  dueDate = "{{ now | plus('1d') }}"
  body = "{{ data.nothing | default(data.message) }}"
"#;

fn event(kind: &str, data: &Value) -> Event {
    let event = json!({
        "source": "smsfactor", "kind": kind, "tenant": "loc", "id": "smsfactor:1",
        "contact": { "phone": "+33612345678" }, "data": data,
    });
    let job = json!({ "type": "HandleEvent", "tenant": "loc", "payload": { "event": event } });
    let Payload::HandleEvent(job) = crate::job::Job::from_value(job).unwrap().payload else {
        panic!("an event");
    };
    job.event
}

fn known() -> Known {
    Known {
        now: "2026-11-23T09:00:00.5Z".parse::<Timestamp>().unwrap(),
        contact: None,
        links: json!({}),
        news: None,
    }
}

fn faults(text: &str) -> Vec<String> {
    let faults = Flows::load(text).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn an_event_becomes_jobs() {
    let flows = Flows::load(REPLY.replace("data.nothing", "data.account_id").as_str()).unwrap();
    let reply = event(
        "sms.reply",
        &json!({ "from": "33612345678", "message": "Please CALL ME" }),
    );
    let plan = flows.plan(&reply, &known());
    assert_eq!(plan.broken, []);
    let jobs: Vec<_> = plan
        .jobs
        .iter()
        .map(|planned| serde_json::to_value(&planned.job).unwrap())
        .collect();
    let expected = [
        json!({
            "id": "smsfactor:1/call-back/contact", "tenant": "loc", "type": "UpsertContact",
            "payload": { "phone": "+33612345678", "source": "SMS" },
        }),
        json!({
            "id": "smsfactor:1/call-back/1", "tenant": "loc", "type": "CreateTask", "priority": "high",
            "payload": {
                "contact": { "phone": "+33612345678" }, "title": "Call 33612345678 back",
                "dueDate": "2026-11-24T09:00:00Z", "body": "Please CALL ME", "completed": false,
            },
        }),
    ];
    assert_eq!(jobs, expected);
    // Planned again they are the same jobs.
    assert_eq!(flows.plan(&reply, &known()).jobs, plan.jobs);
}

#[test]
fn what_does_not_hold_makes_nothing() {
    let flows = Flows::load(REPLY.replace("data.nothing", "data.account_id").as_str()).unwrap();
    let other = event(
        "sms.reply",
        &json!({ "from": "33612345678", "message": "Thanks" }),
    );
    assert!(flows.plan(&other, &known()).jobs.is_empty());
    let stop = event(
        "sms.stop",
        &json!({ "from": "33612345678", "message": "call me" }),
    );
    assert!(flows.plan(&stop, &known()).jobs.is_empty());
}

#[test]
fn every_fault_has_its_line() {
    assert_eq!(
        faults(REPLY),
        ["line 22: flow[0].do[1].payload.body: data.nothing: unknown"]
    );
    let text = r#"
[[flow]]
name = "Bad Name"
on = "sms.replies"
whn = "true"

  [[flow.do]]
  job = "CreateTaks"
  payload = {}

  [[flow.do]]
  job = "CreateTask"
  priority = "urgent"
  [flow.do.payload]
  contact = { id = "c", emial = "x" }
  title = "{{ data.message"
  dueDat = "{{ nwo }}"
"#;
    assert_eq!(
        faults(text),
        [
            "line 3: flow[0].name: must be 1 to 32 lower-case letters, digits, '-' and '_'",
            "line 4: flow[0].on: no such trigger, unknown; did you mean sms.reply?; `penstock-producer catalogue` lists them",
            "line 5: flow[0].whn: unknown; did you mean when?",
            "line 8: flow[0].do[0].job: no such job type, unknown; did you mean CreateTask?; `penstock-producer catalogue` lists them",
            "line 13: flow[0].do[1].priority: must be one of high, normal, low",
            "line 14: flow[0].do[1].payload.dueDate: missing",
            "line 15: flow[0].do[1].payload.contact.emial: unknown; did you mean email?",
            "line 16: flow[0].do[1].payload.title: syntax error: unexpected end of input, expected end of variable block",
            "line 17: flow[0].do[1].payload.dueDat: nwo: unknown",
            "line 17: flow[0].do[1].payload.dueDat: unknown; did you mean dueDate?",
        ]
    );
}

#[test]
fn what_is_always_wrong_is_found_before_any_event() {
    let text = r#"
[[flow]]
name = "note"
on = "ContactCreate"

  [[flow.do]]
  job = "AttachNote"
  [flow.do.payload]
  contact = "{{ person.ref }}"
  body = "Hello {{ data.firstName }}"
  color = "yellow"
"#;
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("line 6: flow note: do[0].payload.color: "),
        "{faults:?}"
    );
}

#[test]
fn a_flow_that_fails_harms_no_other() {
    let text = r#"
[[flow]]
name = "breaks"
on = "sms.reply"
do = [{ job = "UpsertContact", payload = { phone = "{{ data.from }}" } }]

[[flow]]
name = "works"
on = "sms.reply"
do = [{ job = "UpsertContact", payload = { phone = "{{ person.phone }}" } }]
"#;
    let flows = Flows::load(text).unwrap();
    let reply = event(
        "sms.reply",
        &json!({ "from": "33612345678", "message": "x" }),
    );
    let plan = flows.plan(&reply, &known());
    assert_eq!(plan.jobs.len(), 1);
    let broken = plan.broken[0].to_string();
    assert!(
        broken.starts_with("flow breaks: do[0].payload.phone: "),
        "{broken}"
    );
    assert!(!broken.contains("336123"), "{broken}");
}

#[test]
fn what_looks_at_the_contact_waits_for_it() {
    let text = r#"
[[flow]]
name = "greet"
on = "TaskCreate"
do = [{ job = "AttachNote", payload = { contact = "{{ person.ref }}", body = "Task for {{ contact.firstName }}" } }]
"#;
    let flows = Flows::load(text).unwrap();
    let task = event("TaskCreate", &json!({}));
    let first = flows.plan(&task, &known());
    assert!(first.jobs.is_empty() && !first.reads_contact.is_empty());
    let contact = Some(json!({ "firstName": "Ada" }));
    let second = flows.plan(&task, &Known { contact, ..known() });
    assert_eq!(
        second.jobs[0].job.payload.to_value()["body"],
        "Task for Ada"
    );
}

/// To read it costs a call.
#[test]
fn the_contact_is_read_only_where_the_rest_of_when_holds() {
    let text = r#"
[[flow]]
name = "greet"
on = "TaskCreate"
when = ["contact.firstName", "data.title is startingwith('SMS:')"]
do = [{ job = "AttachNote", payload = { contact = "{{ person.ref }}", body = "{{ data.title }}" } }]
"#;
    let flows = Flows::load(text).unwrap();
    let reads = |title: &str| {
        let task = event("TaskCreate", &json!({ "title": title }));
        flows.plan(&task, &known()).reads_contact
    };
    assert!(reads("Call").is_empty());
    assert!(reads("SMS: hello").contains("greet"));
}

#[test]
fn each_item_is_a_job() {
    let text = r#"
[vars]
steps = ["Welcome call", "Send contract"]

[[flow]]
name = "onboard"
on = "smore.response"

  [[flow.do]]
  job = "CreateTask"
  for_each = "vars.steps"
  payload = { contact = "{{ person.ref }}", title = "{{ item }}", dueDate = "{{ now | plus('2d') }}" }
"#;
    let flows = Flows::load(text).unwrap();
    let plan = flows.plan(&event("smore.response", &json!({})), &known());
    let ids: Vec<_> = plan
        .jobs
        .iter()
        .map(|planned| planned.job.id.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(ids, ["smsfactor:1/onboard/0.0", "smsfactor:1/onboard/0.1"]);
}

#[test]
fn a_cadence_says_whose_it_is() {
    let text = "[[flow]]\nname = 'pull'\non = 'schedule'\ndo = [{ job = 'UpsertContact', payload = { email = 'a@b.io' } }]\n";
    let faults = faults(text);
    assert_eq!(faults.len(), 2, "{faults:?}");
    let text = text.replace("on =", "tenant = 'loc'\nevery = '15m'\non =");
    let flows = Flows::load(&text).unwrap();
    assert_eq!(
        flows.iter().next().unwrap().every,
        Some(Duration::from_secs(900))
    );
}

/// What one action makes, the next may refer to: that is no fault of a flow that is only tried out.
#[test]
fn an_action_may_refer_to_the_one_before() {
    let text = r#"
[[flow]]
name = "link"
on = "ContactCreate"

  [[flow.do]]
  name = "made"
  job = "HttpCall"
  payload = { connection = "crm", method = "POST", path = "/profiles", result = { id = "/id" } }

  [[flow.do]]
  job = "LinkRecord"
  payload = { contact = { id = "{{ person.id }}" }, system = "crm", record = { job = "{{ jobs.made }}", pointer = "/id" } }
"#;
    assert!(Flows::load(text).is_ok(), "{:?}", Flows::load(text));
    assert_eq!(
        faults(&text.replace("jobs.made", "jobs.mad")),
        ["line 13: flow[0].do[1].payload.record.job: jobs.mad: unknown; did you mean made?"]
    );
}

#[test]
fn one_flow_may_begin_with_several_kinds() {
    let text = r#"
[[flow]]
name = "keep"
on = ["sms.reply", "sms.stop"]
do = [{ job = "UpsertContact", payload = { phone = "{{ person.phone }}", source = "{{ data.message }}" } }]
"#;
    let flows = Flows::load(text).unwrap();
    for (kind, jobs) in [("sms.reply", 1), ("sms.stop", 1), ("sms.click", 0)] {
        let plan = flows.plan(&event(kind, &json!({ "message": "x" })), &known());
        assert_eq!((plan.jobs.len(), plan.broken), (jobs, vec![]), "{kind}");
    }
    let misspelt = text
        .replace("sms.stop", "sms.stopp")
        .replace("data.message", "data.date2");
    assert_eq!(
        faults(&misspelt),
        [
            "line 4: flow[0].on: no such trigger, unknown; did you mean sms.stop?; `penstock-producer catalogue` lists them",
        ]
    );
    let cadence = text.replace("sms.stop", "schedule");
    let faults = faults(&cadence);
    assert!(
        faults.iter().any(|fault| fault.contains("stands alone")),
        "{faults:?}"
    );
}

/// What keeps something the same, of this trigger.
fn keeping(name: &str, on: &str, more: &str) -> String {
    format!(
        r#"
[[flow]]
name = "{name}"
on = "{on}"
{more}
sync = {{ to = ["crm", "erp"], fields = {{ name = "{{{{ data.name }}}}", phone = "{{{{ data.phone }}}}" }} }}
do = [{{ job = "HttpCall", payload = {{ connection = "crm", method = "PATCH", path = "/p", body = "{{{{ changed }}}}" }} }}]
"#
    )
}

#[test]
fn what_is_kept_the_same_says_which_record_it_is_of() {
    assert_eq!(
        faults(&keeping("one", "shop.order", "")),
        [
            "line 2: flow[0].record: missing: which record of its sender's an event is about, as \"data.id\"; what is kept the same needs it"
        ]
    );
    let one = keeping("one", "shop.order", "record = 'data.number'");
    assert!(Flows::load(&one).is_ok());
    // Of one trigger it is the same, unless they are of different tenants.
    let other = keeping("other", "shop.order", "record = 'data.id'");
    let both = format!("{one}{other}");
    assert_eq!(
        faults(&both),
        [
            "line 12: flow[1].record: flow one says that the events of this trigger are about another record"
        ]
    );
    let apart = both.replacen("on =", "tenant = 'a'\non =", 1);
    let apart = apart.replacen("name = \"other\"", "name = \"other\"\ntenant = 'b'", 1);
    assert!(Flows::load(&apart).is_ok(), "{:?}", Flows::load(&apart));
}

/// It is decided what is new before the contact is read.
#[test]
fn what_is_kept_the_same_is_not_said_by_the_contact() {
    let text = keeping("one", "ContactUpdate", "when = 'contact.name'")
        .replace("data.name", "contact.name")
        .replace("data.phone", "contact.phone");
    let faults = faults(&text);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with(
            "line 6: flow[0].sync.fields.name: contact.name: the contact is not read yet"
        ),
        "{faults:?}"
    );
}

/// What is new is another thing for each system; and a flow whose condition does not hold has told nobody.
#[test]
fn a_flow_is_followed_by_what_the_systems_that_it_tells_lack() {
    let text = keeping(
        "one",
        "shop.order",
        "record = 'data.number'\nwhen = 'data.is_customer'",
    );
    let flows = Flows::load(&text).unwrap();
    let order = json!({ "number": 1, "name": "Ada", "phone": "+1", "is_customer": true });
    let order = event("shop.order", &order);
    let word = flows.word(&order, &known()).unwrap();
    assert_eq!(word.to, ["crm", "erp"].map(str::to_owned).into());
    let body = |news: &News| {
        let plan = flows.plan(
            &order,
            &Known {
                news: Some(news.clone()),
                ..known()
            },
        );
        assert_eq!(plan.broken, []);
        let jobs = plan.jobs.into_iter();
        let bodies = jobs.map(|planned| planned.job.payload.to_value()["body"].clone());
        bodies.collect::<Vec<_>>()
    };
    let mut news = News::all_of(&word);
    assert_eq!(body(&news), [json!({ "name": "Ada", "phone": "+1" })]);
    // One lacks the one, the other nothing; who else lacks something is not told by it, nor what it does not keep.
    let lacking = [("crm", "phone"), ("sms", "name"), ("erp", "city")];
    let lacking = lacking.map(|(to, field)| (to.to_owned(), [field.to_owned()].into()));
    news.lacking = lacking.into();
    news.values.insert("city".to_owned(), json!("Paris"));
    assert_eq!(body(&news), [json!({ "phone": "+1" })]);
    let told = flows.named("one").unwrap().tells(&news);
    let phone = json!({ "phone": "+1" });
    assert_eq!(
        told,
        [("crm".to_owned(), phone.as_object().unwrap().clone())]
    );
    news.only_to = Some("erp".to_owned());
    assert_eq!(body(&news), [json!(null); 0]);
    news.only_to = None;
    news.withheld.insert("one".to_owned());
    assert_eq!(body(&news), [json!(null); 0]);
    let nobody = json!({ "number": 1, "name": "Ada" });
    let nobody = event("shop.order", &nobody);
    let news = News::all_of(&flows.word(&nobody, &known()).unwrap());
    let plan = flows.plan(
        &nobody,
        &Known {
            news: Some(news),
            ..known()
        },
    );
    assert_eq!((plan.jobs, plan.broken), (vec![], vec![]));
}

/// It would be told each time what nobody has written.
#[test]
fn what_a_flow_only_hears_of_another_writes() {
    let writes = keeping("one", "ContactUpdate", "");
    let hears = keeping("two", "ContactUpdate", "").replace("sync = {", "sync = { writes = false,");
    let alone = "line 6: flow[0].sync.writes: false, and no other flow that begins with such an event writes name to crm: it would be news for ever";
    assert_eq!(faults(&hears), [alone]);
    assert_eq!(
        faults(&format!("{hears}{hears}").replacen("two", "one", 1))[0],
        alone
    );
    let less = writes.replace("phone =", "telephone =");
    let less = faults(&format!("{hears}{less}"));
    assert!(less[0].contains(" writes phone to crm: "), "{less:?}");
    let elsewhere = keeping("one", "ContactCreate", "");
    assert_eq!(faults(&format!("{hears}{elsewhere}")), [alone]);
    let flows = Flows::load(&format!("{hears}{writes}")).unwrap();
    let writing = ["one", "two"].map(|name| flows.named(name).unwrap().writes());
    assert_eq!(writing, [true, false]);
    assert_eq!(
        faults(&hears.replace("false", "'no'")),
        ["line 6: flow[0].sync.writes: expected true or false, found a text"]
    );
}

/// One that fails is not followed, and hides nothing from the others.
#[test]
fn what_cannot_be_said_of_a_record_breaks_its_own_flow_alone() {
    let one = keeping("one", "shop.order", "record = 'data.number'");
    let broken = one
        .replace("\"one\"", "\"breaks\"")
        .replace("{{ data.phone }}", "{{ data.phone.x.y + 1 }}");
    let flows = Flows::load(&format!("{broken}{one}")).unwrap();
    let order = event("shop.order", &json!({ "number": 1, "name": "Ada" }));
    let word = flows.word(&order, &known()).unwrap();
    assert_eq!(word.fields["name"], "Ada");
    assert_eq!(word.broken.len(), 1);
    assert_eq!(word.broken[0].flow, "breaks");
}
