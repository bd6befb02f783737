use penstock_shared::job::JobType;
use serde_json::{Value, json};

use super::*;

const SENT: u64 = 100_000_000;

fn note(id: &str, age_s: u64) -> Seen {
    let at = i64::try_from(SENT - age_s * 1_000).unwrap();
    Seen {
        id: id.into(),
        added: Timestamp::from_millisecond(at).ok(),
        likeness: Likeness::Equal,
        markers: vec![],
    }
}

fn marked(seen: Seen, marker: &str) -> Seen {
    Seen {
        markers: vec![marker.into()],
        ..seen
    }
}

fn sought() -> Sought {
    Sought {
        since_ms: Some(SENT),
        ..Sought::default()
    }
}

fn unclear(ids: &[&str]) -> Verdict {
    Verdict::Unclear(ids.iter().map(ToString::to_string).collect())
}

#[test]
fn without_markers_the_date_tells() {
    let ours = Verdict::Ours("n".into());
    assert_eq!(sought().judge(&[note("n", 0)]), ours);
    assert_eq!(sought().judge(&[note("n", 10), note("old", 3_601)]), ours);
    assert_eq!(sought().judge(&[note("n", 11)]), unclear(&["n"]));
    assert_eq!(sought().judge(&[note("n", 3_601)]), Verdict::Absent);
    assert_eq!(
        sought().judge(&[note("n", 0), note("m", 0)]),
        unclear(&["n", "m"])
    );
    let other = Seen {
        likeness: Likeness::Other,
        ..note("n", 0)
    };
    assert_eq!(sought().judge(&[other]), Verdict::Absent);
}

#[test]
fn what_was_made_when_the_call_could_have_no_effect_any_more_is_in_doubt() {
    let until = |until_ms| Sought {
        until_ms: Some(until_ms),
        ..sought()
    };
    let ours = Verdict::Ours("n".into());
    assert_eq!(until(SENT - 10_000).judge(&[note("n", 0)]), ours);
    assert_eq!(until(SENT - 10_001).judge(&[note("n", 0)]), unclear(&["n"]));
}

/// With the marker on somebody's identical text is not taken for one that Redis has forgotten; nor for none, since that may have gone without.
#[test]
fn where_it_should_have_a_marker_an_equal_one_is_in_doubt() {
    let sought = Sought {
        doubts_bare: true,
        ..sought()
    };
    assert_eq!(sought.judge(&[note("n", 0)]), unclear(&["n"]));
}

#[test]
fn where_no_date_can_be_compared_an_equal_one_is_in_doubt_however_old() {
    let task = Seen {
        added: None,
        ..note("t", 0)
    };
    assert_eq!(sought().judge(&[task]), unclear(&["t"]));
    let timeless = Sought::default();
    assert_eq!(timeless.judge(&[note("n", 9_000)]), unclear(&["n"]));
}

#[test]
fn a_marker_tells_for_certain() {
    let sought = Sought {
        markers: vec!["m1".into(), "m2".into()],
        ..sought()
    };
    let ours = Verdict::Ours("n".into());
    // However old, whatever its text, and whatever stands beside it.
    let own = Seen {
        likeness: Likeness::Other,
        added: None,
        ..marked(note("n", 0), "m2")
    };
    assert_eq!(
        sought.judge(&[note("x", 0), own.clone(), note("y", 60)]),
        ours
    );
    let foreign = marked(note("x", 0), "m9");
    assert_eq!(
        sought.judge(std::slice::from_ref(&foreign)),
        Verdict::Absent
    );
    assert_eq!(sought.judge(&[foreign, own.clone()]), ours);
    let both = [marked(note("twin", 0), "m1"), own];
    assert_eq!((sought.judge(&both), sought.has_twins(&both)), (ours, true));
    assert!(!sought.has_twins(&both[..1]));
    assert_eq!(sought.judge(&[note("x", 60)]), unclear(&["x"]));
    let all_marked = Sought {
        all_marked: true,
        ..sought
    };
    assert_eq!(all_marked.judge(&[note("x", 0)]), Verdict::Absent);
}

#[test]
fn of_another_life_of_the_job_the_date_tells() {
    let [own, other] = ["[ps-ABCDEFGHIJKLMNOP]", "[ps-ABCDEFGHIJKLZZZZ]"];
    let sought = Sought {
        markers: vec![own.into()],
        ..sought()
    };
    let ours = Verdict::Ours("n".into());
    assert_eq!(sought.judge(&[marked(note("n", 0), other)]), ours);
    let old = marked(note("old", 3_601), other);
    assert_eq!(sought.judge(std::slice::from_ref(&old)), Verdict::Absent);
    let all_marked = Sought {
        all_marked: true,
        ..sought
    };
    let recent = marked(note("n", 0), other);
    assert_eq!(all_marked.judge(&[recent]), Verdict::Absent);
}

#[test]
fn a_marker_that_the_job_itself_quotes_tells_of_nobody() {
    let sought = Sought {
        markers: vec!["m1".into()],
        quoted: vec!["old".into()],
        ..sought()
    };
    let ours = Verdict::Ours("n".into());
    assert_eq!(sought.judge(&[marked(note("n", 0), "old")]), ours);
    assert_eq!(sought.judge(&[marked(note("n", 0), "m9")]), Verdict::Absent);
}

#[test]
fn what_is_alike_is_in_doubt_within_the_calls_window() {
    let alike = |age_s| Seen {
        likeness: Likeness::Alike,
        ..note("n", age_s)
    };
    assert_eq!(sought().judge(&[alike(0)]), unclear(&["n"]));
    assert_eq!(sought().judge(&[alike(11)]), Verdict::Absent);
    let undated = Seen {
        added: None,
        ..alike(0)
    };
    assert_eq!(sought().judge(&[undated]), unclear(&["n"]));
    let beside = [note("m", 0), alike(0)];
    assert_eq!(sought().judge(&beside), unclear(&["m", "n"]));
    let marked_one = Sought {
        markers: vec!["m1".into()],
        ..sought()
    };
    let another = marked(alike(0), "m9");
    assert_eq!(marked_one.judge(&[another]), Verdict::Absent);
    let own = marked(alike(0), "m1");
    assert_eq!(marked_one.judge(&[own]), Verdict::Ours("n".into()));
}

#[test]
fn where_all_are_marked_only_a_whole_body_tells_that_it_has_none() {
    let all_marked = Sought {
        markers: vec!["m1".into()],
        all_marked: true,
        ..sought()
    };
    assert_eq!(all_marked.judge(&[note("n", 0)]), Verdict::Absent);
    let hidden_or_cut_off = Seen {
        likeness: Likeness::Alike,
        ..note("n", 0)
    };
    assert_eq!(all_marked.judge(&[hidden_or_cut_off]), unclear(&["n"]));
}

fn listed(job_type: JobType, payload: &Value, body: Value) -> Seen {
    let payload = Payload::parse(job_type, payload.to_string().as_bytes()).unwrap();
    let answer = Answer {
        status: 200,
        body,
        trace_id: None,
    };
    seen(&payload, &answer).unwrap().remove(0)
}

#[test]
fn a_note_is_compared_by_all_that_the_list_shows() {
    let like = |note: Value| {
        let job = json!({"contact": {"id": "c1"}, "title": "Call", "body": "It's done"});
        listed(JobType::AttachNote, &job, json!({ "notes": [note] })).likeness
    };
    let note = json!({"id": "n", "body": "it&#x27;s done", "title": "Call"});
    assert_eq!(like(note), Likeness::Alike);
    let note = json!({"id": "n", "body": "It&#x27;s done"});
    assert_eq!(like(note), Likeness::Equal);
    assert_eq!(like(json!({"id": "n"})), Likeness::Alike);
    let note = json!({"id": "n", "body": "It's done", "title": "Mail"});
    assert_eq!(like(note), Likeness::Other);
}

#[test]
fn a_task_is_compared_by_title_and_day() {
    let like = |due: Value| {
        let job =
            json!({"contact": {"id": "c1"}, "title": "Call", "dueDate": "2026-12-01T09:00:00Z"});
        let task = json!({"id": "t", "title": "Call", "body": "-", "dueDate": due});
        listed(JobType::CreateTask, &job, json!({ "tasks": [task] })).likeness
    };
    assert_eq!(like(json!("2026-12-01T09:00:00.000Z")), Likeness::Equal);
    for unknown in [json!(null), json!(1_796_115_600), json!("2026-12-01")] {
        assert_eq!(like(unknown), Likeness::Equal);
    }
    assert_eq!(like(json!("2026-12-01T00:00:00Z")), Likeness::Alike);
    assert_eq!(like(json!("2026-12-02T09:00:00Z")), Likeness::Other);
}

#[test]
fn a_marker_is_found_however_its_brackets_are_written() {
    let written = "Hello &#91;ps-ABCDEFGHIJKLMNOP&#93;";
    assert_eq!(markers(Some(written)), ["[ps-ABCDEFGHIJKLMNOP]"]);
}
