//! What the API answers: the first byte chooses the operation, the next two the status; lines up to an empty one are headers, the rest is
//! the body.

use http::{HeaderMap, HeaderName, HeaderValue};
use penstock_shared::ghl::{Answer, CallError, Operation, Reply};

use super::said;

const OPERATIONS: [Operation; 14] = [
    Operation::UpsertContact,
    Operation::CreateTask,
    Operation::CreateNote,
    Operation::AddTags,
    Operation::BulkTags,
    Operation::GetContact,
    Operation::SearchDuplicate,
    Operation::ListNotes,
    Operation::ListTasks,
    Operation::CreateContact,
    Operation::UpdateTask,
    Operation::SetBusiness,
    Operation::AddFollowers,
    Operation::AddToWorkflow,
];

/// No message is longer.
const LONGEST: usize = 400;

pub(super) fn response(bytes: &[u8]) -> u64 {
    let (operation, status, rest) = split(bytes);
    let (head, body) = cut(rest);
    let reply = Reply::read(operation, status, &headers_of(head), body);
    let came_to = match &reply.answer {
        Ok(answer) => said(&everything(answer)),
        Err(error) => {
            check(error);
            said(error)
        }
    };
    came_to ^ said(&reply.rate)
}

/// Headers alone, with a status that makes them count.
pub(super) fn headers(bytes: &[u8]) -> u64 {
    let reply = Reply::read(Operation::GetContact, 429, &headers_of(bytes), b"");
    if let Err(CallError::Throttled { retry_after }) = &reply.answer {
        assert!(retry_after.is_none_or(|wait| wait.as_secs() <= 3_600));
    }
    said(&reply.answer.err()) ^ said(&reply.rate)
}

fn split(bytes: &[u8]) -> (Operation, u16, &[u8]) {
    let Some(([operation, high, low], rest)) = bytes.split_first_chunk() else {
        return (Operation::GetContact, 200, bytes);
    };
    let status = 100 + u16::from_be_bytes([*high, *low]) % 900;
    let operation = OPERATIONS[usize::from(*operation) % OPERATIONS.len()];
    (operation, status, rest)
}

fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(2).position(|two| two == b"\n\n");
    end.map_or((&[], bytes), |end| (&bytes[..end], &bytes[end + 2..]))
}

fn headers_of(bytes: &[u8]) -> HeaderMap {
    let lines = bytes.split(|byte| *byte == b'\n').take(64);
    let named = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((
            name,
            HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?,
        ))
    });
    named.collect()
}

/// All that callers ask of an answer.
fn everything(answer: &Answer) -> impl std::fmt::Debug {
    let kind = |error: &CallError| {
        check(error);
        error.to_string()
    };
    (
        answer.contact().map(drop).map_err(|error| kind(&error)),
        answer
            .found_contact()
            .map(|found| found.is_some())
            .map_err(|error| kind(&error)),
        answer.note_id().map(drop).map_err(|error| kind(&error)),
        answer.task_id().map(drop).map_err(|error| kind(&error)),
        answer
            .notes()
            .map(|all| all.len().min(2))
            .map_err(|error| kind(&error)),
        answer
            .tasks()
            .map(|all| all.len().min(2))
            .map_err(|error| kind(&error)),
        answer
            .bulk_results()
            .map_err(|error| kind(&error))
            .map(|all| {
                let refused = all.iter().filter_map(|each| each.tags.as_ref().err());
                refused.map(kind).take(2).count()
            }),
        answer.set_ids().map(drop).map_err(|error| kind(&error)),
        answer.followers().map(drop).map_err(|error| kind(&error)),
        answer.succeeded().map_err(|error| kind(&error)),
    )
}

/// Its words go into logs and tables.
fn check(error: &CallError) {
    let told = error.to_string();
    assert!(
        told.chars().count() <= LONGEST,
        "{} characters",
        told.chars().count()
    );
    assert!(!told.chars().any(char::is_control), "{told:?}");
}
