//! The HTTP client never sends anything twice by itself: a server with every bad habit counts what arrives of each call.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use penstock_shared::{
    ghl::{CallError, GhlClient, Limiter, Request},
    job::{AttachNote, Job, Payload},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// So many calls, over so many connections at once.
const CALLS: usize = 6_000;
const CALLERS: usize = 8;
/// A call that is never answered ends after this.
const TIMEOUT: Duration = Duration::from_millis(400);

const CREATED: &str =
    "HTTP/1.1 201 Created\r\ncontent-length: 21\r\n\r\n{\"note\":{\"id\":\"n1\"}}\n";

/// What a server does with a connection on which a request has arrived.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// Answers, and waits for the next.
    Answers,
    /// Answers, and closes just as the connection may be used again.
    AnswersAndCloses,
    /// The same, and what still comes is thrown back.
    AnswersAndResets,
    /// Answers, and says a moment later that nothing came: what front servers say on idle connections.
    AnswersAndTimesOut,
    /// Says that it is the last answer on this connection.
    SaysGoodbye,
    /// Says several things before the answer.
    SpeaksBefore,
    /// Closes without an answer.
    Closes,
    /// Resets without an answer.
    Resets,
    /// Closes in the middle of the answer's head.
    BreaksOff,
    /// Answers with this status and closes.
    Refuses(u16),
    /// Answers before it has read the request's body.
    IsRash,
    /// Closes once it has read a few bytes.
    IsShort,
}

const HABITS: [Habit; 15] = [
    Habit::Answers,
    Habit::AnswersAndCloses,
    Habit::AnswersAndCloses,
    Habit::AnswersAndResets,
    Habit::AnswersAndResets,
    Habit::AnswersAndTimesOut,
    Habit::SaysGoodbye,
    Habit::SpeaksBefore,
    Habit::Closes,
    Habit::Resets,
    Habit::BreaksOff,
    Habit::Refuses(408),
    Habit::Refuses(503),
    Habit::IsRash,
    Habit::IsShort,
];

/// A connection, with all that ever arrived on it.
struct Connection {
    stream: TcpStream,
    arrived: Vec<u8>,
    read: usize,
}

impl Connection {
    /// Reads more; whether there was any.
    async fn more(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.arrived.extend_from_slice(&chunk[..count]);
                true
            }
        }
    }

    /// Reads a whole request; whether one came.
    async fn request(&mut self) -> bool {
        loop {
            let text = String::from_utf8_lossy(&self.arrived[self.read..]).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let length = line.strip_prefix("content-length: ")?;
                    length.parse::<usize>().ok()
                });
                if body.len() >= length.unwrap_or(0) {
                    self.read = self.arrived.len();
                    return true;
                }
            }
            if !self.more().await {
                return false;
            }
        }
    }

    async fn say(&mut self, words: &str) {
        // The client may have gone.
        let _ = self.stream.write_all(words.as_bytes()).await;
    }

    /// Closes its own direction, and still counts what comes.
    async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
        while self.more().await {}
    }

    /// Throws away what comes from now on, and says so.
    async fn reset(mut self) -> Vec<u8> {
        // What has arrived by now is counted; what is on its way meets a closed port.
        while let Ok(true) = timeout(Duration::from_micros(1), self.more()).await {}
        let _ = self.stream.set_zero_linger();
        self.arrived
    }
}

/// Serves one connection with changing habits; returns all that arrived.
async fn serve(stream: TcpStream, seed: u64) -> Vec<u8> {
    let mut whims = StdRng::seed_from_u64(seed);
    let mut connection = Connection {
        stream,
        arrived: Vec::new(),
        read: 0,
    };
    loop {
        let habit = HABITS[whims.random_range(0..HABITS.len())];
        let moment = Duration::from_micros(whims.random_range(0..300));
        match habit {
            Habit::IsShort => {
                connection.more().await;
                return connection.reset().await;
            }
            Habit::IsRash => {
                connection.more().await;
                connection
                    .say("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")
                    .await;
                connection.close().await;
                return connection.arrived;
            }
            _ => {}
        }
        if !connection.request().await {
            return connection.arrived;
        }
        match habit {
            Habit::Answers => connection.say(CREATED).await,
            Habit::SpeaksBefore => {
                let before = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n";
                connection.say(&format!("{before}{CREATED}")).await;
            }
            Habit::AnswersAndCloses => {
                connection.say(CREATED).await;
                tokio::time::sleep(moment).await;
                connection.close().await;
                return connection.arrived;
            }
            Habit::AnswersAndResets => {
                connection.say(CREATED).await;
                tokio::time::sleep(moment).await;
                return connection.reset().await;
            }
            Habit::AnswersAndTimesOut => {
                connection.say(CREATED).await;
                tokio::time::sleep(moment).await;
                let late = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                connection.say(late).await;
                connection.close().await;
                return connection.arrived;
            }
            Habit::SaysGoodbye => {
                let last = CREATED.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
                connection.say(&last).await;
                connection.close().await;
                return connection.arrived;
            }
            Habit::BreaksOff => {
                connection.say("HTTP/1.1 201 Cre").await;
                connection.close().await;
                return connection.arrived;
            }
            Habit::Refuses(status) => {
                let refusal = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n");
                connection.say(&refusal).await;
                connection.close().await;
                return connection.arrived;
            }
            Habit::Resets => return connection.reset().await,
            Habit::Closes | Habit::IsRash | Habit::IsShort => {
                connection.close().await;
                return connection.arrived;
            }
        }
    }
}

/// The call with this number: its mark stands in the first bytes of the request.
fn marked(number: usize, note: &AttachNote) -> Request {
    Request::create_note(&mark(number).parse().unwrap(), note)
}

fn mark(number: usize) -> String {
    format!("mark{number:06}x")
}

fn note() -> AttachNote {
    let note = json!({ "contact": { "id": "c" }, "body": "once ".repeat(200) });
    let job = json!({ "type": "AttachNote", "tenant": "t", "payload": note });
    match Job::from_value(job).unwrap().payload {
        Payload::AttachNote(note) => *note,
        other => panic!("not a note: {other:?}"),
    }
}

/// Makes the calls; what each came to.
async fn call_all(base: &str) -> HashMap<usize, Result<(), CallError>> {
    let client = GhlClient::new(base, TIMEOUT, "penstock/test").unwrap();
    let limiter = Arc::new(Limiter::default());
    let outcomes = Arc::new(Mutex::new(HashMap::new()));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, limiter, outcomes) =
            (client.clone(), Arc::clone(&limiter), Arc::clone(&outcomes));
        callers.spawn(async move {
            let (note, quota) = (note(), "1000000/10s".parse().unwrap());
            for number in (caller..CALLS).step_by(CALLERS) {
                let passage = limiter.pass("ghl/t", quota, quota).unwrap();
                let request = marked(number, &note);
                let reply = client.send(passage, &"pit".into(), &request).await;
                outcomes.lock().insert(number, reply.answer.map(drop));
            }
        });
    }
    callers.join_all().await;
    std::mem::take(&mut *outcomes.lock())
}

/// How often each mark arrived, in whole or in part, over all connections.
fn count(connections: &[Vec<u8>]) -> HashMap<usize, usize> {
    let mut arrivals = HashMap::new();
    for arrived in connections {
        let text = String::from_utf8_lossy(arrived);
        for found in text.split("/contacts/mark").skip(1) {
            let number = found.get(..6).and_then(|digits| digits.parse().ok());
            *arrivals.entry(number.unwrap_or(usize::MAX)).or_default() += 1;
        }
    }
    arrivals
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_twice_and_what_was_not_sent_never_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        let accept = async {
            for seed in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, seed));
            }
        };
        tokio::select! { () = accept => {}, _ = stopped => {} }
        connections.join_all().await
    });
    let outcomes = call_all(&base).await;
    stop.send(()).unwrap();
    let connections = server.await.unwrap();
    let arrivals = count(&connections);

    let mut tally: HashMap<&str, usize> = HashMap::new();
    for number in 0..CALLS {
        let arrived = arrivals.get(&number).copied().unwrap_or(0);
        assert!(
            arrived <= 1,
            "{number} arrived {arrived} times: {:?}",
            outcomes[&number]
        );
        let kind = match &outcomes[&number] {
            Ok(()) => "answered",
            Err(CallError::NotSent { .. }) => "not sent",
            Err(CallError::Unanswered { .. }) => "unanswered",
            Err(_) => "refused",
        };
        match kind {
            "answered" => assert_eq!(arrived, 1, "{number}"),
            "not sent" => assert_eq!(arrived, 0, "{number}"),
            _ => {}
        }
        *tally.entry(kind).or_default() += 1;
    }
    println!(
        "{CALLS} calls over {} connections: {tally:?}, none twice",
        connections.len()
    );
    for kind in ["answered", "unanswered", "refused"] {
        assert!(
            tally.get(kind).is_some_and(|count| *count > CALLS / 20),
            "{tally:?}"
        );
    }
}

/// Nobody listens there: nothing can have arrived, and the caller may count on it.
#[tokio::test]
async fn a_port_on_which_nobody_listens_is_not_sent_to() {
    let base = format!("http://127.0.0.1:{}", penstock_tests::harness::free_port());
    let client = GhlClient::new(&base, TIMEOUT, "penstock/test").unwrap();
    let quota = "10/10s".parse().unwrap();
    let passage = Limiter::default().pass("ghl/t", quota, quota).unwrap();
    let reply = client
        .send(passage, &"pit".into(), &marked(1, &note()))
        .await;
    assert!(
        matches!(reply.answer, Err(CallError::NotSent { .. })),
        "{reply:?}"
    );
}
