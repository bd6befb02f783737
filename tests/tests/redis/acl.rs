//! The users that `penstock-admin acl` prints, on a real server: each program works as its own, and none may do what is another's.

use std::{net::SocketAddr, time::Duration};

use penstock_tests::harness::{
    Endpoint, Finished, Listen, Program, ProgramBuilder, RedisOptions, RedisServer, run, wait_until,
};
use penstock_tests::sandbox::{OAuthTerms, Options, Pick, Running, Sandbox};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::stage::PATIENCE;

const ROLES: [&str; 6] = [
    "client",
    "intake",
    "worker",
    "admin-read",
    "admin-write",
    "metrics",
];
const ACME: &str = "acme";
const APP: &str = "app1-main";
const ACCOUNTS: &[(&str, &str)] = &[
    ("PENSTOCK_GHL_TOKEN", "none"),
    ("PENSTOCK_GHL_CLIENT_ID", APP),
    ("PENSTOCK_GHL_CLIENT_SECRET", "secret"),
    (
        "PENSTOCK_GHL_REDIRECT_URI",
        "http://127.0.0.1/oauth/callback",
    ),
    (
        "PENSTOCK_ENCRYPTION_KEYS",
        "k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ),
];

struct Guarded {
    redis: RedisServer,
    address: SocketAddr,
    sandbox: Running,
    _users: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        Self::on(RedisOptions::default(), Options::default()).await
    }

    async fn on(redis: RedisOptions, sandbox: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (words, users) = (
            directory.path().join("words"),
            directory.path().join("users.acl"),
        );
        let lines: Vec<_> = ROLES
            .iter()
            .map(|role| format!("{role}:word-of-{role}"))
            .collect();
        std::fs::write(&words, lines.join("\n")).unwrap();
        let printed = run(
            "penstock-admin",
            ["acl", "--file", "--passwords-from", words.to_str().unwrap()],
            &[],
            "",
        )
        .await;
        assert!(
            printed.code == Some(0) && !printed.stdout.contains("word-of"),
            "{printed:?}"
        );
        std::fs::write(&users, printed.stdout).unwrap();
        let redis = RedisServer::start(RedisOptions {
            listen: Listen::Tcp,
            config: vec![("aclfile".into(), users.to_str().unwrap().into())],
            ..redis
        })
        .await;
        let Endpoint::Tcp(address) = redis.endpoint() else {
            panic!("it listens at an address")
        };
        let sandbox = Sandbox::start(sandbox).await.unwrap();
        sandbox
            .seed_contact(&json!({ "id": "c-0", "locationId": ACME }))
            .unwrap();
        Self {
            redis,
            address,
            sandbox,
            _users: directory,
        }
    }

    fn url(&self, role: &str) -> String {
        format!("redis://penstock-{role}:word-of-{role}@{}", self.address)
    }

    fn program(&self, name: &str, role: &str) -> ProgramBuilder {
        Program::new(name)
            .env("PENSTOCK_REDIS_URL", self.url(role))
            .env("PENSTOCK_GHL_BASE_URL", self.sandbox.url())
            .env("PENSTOCK_GHL_TOKEN", "pit-test")
    }

    async fn run(&self, role: &str, name: &str, args: &[&str], stdin: &str) -> Finished {
        run(
            name,
            args,
            &[("PENSTOCK_REDIS_URL", &self.url(role))],
            stdin,
        )
        .await
    }

    async fn admin(&self, role: &str, args: &[&str]) -> Value {
        let ended = self
            .run(
                role,
                "penstock-admin",
                &[args, &["-o", "json"]].concat(),
                "",
            )
            .await;
        assert_eq!(
            ended.code,
            Some(0),
            "{role} {args:?}: {}\n{}",
            ended.stderr,
            self.refusals().await
        );
        ended.json()
    }

    /// Stores a job, as one who may do nothing else.
    async fn enqueue(&self, job: &str) {
        let enqueued = self
            .run("client", "penstock-producer", &["enqueue"], job)
            .await;
        let refusals = self.refusals().await;
        assert_eq!(enqueued.code, Some(0), "{}\n{refusals}", enqueued.stderr);
    }

    /// The same of a note with this id, until it is there.
    async fn deliver(&self, id: &str) {
        self.enqueue(&note(id, "c-0")).await;
        self.until(id, "done").await;
    }

    /// What Redis has refused so far.
    async fn refusals(&self) -> String {
        format!("{:?}", self.redis.cli(["ACL", "LOG"]).await)
    }

    async fn until(&self, id: &str, state: &str) {
        wait_until(&format!("{id} to be {state}"), PATIENCE, || async {
            let shown = self
                .run(
                    "admin-read",
                    "penstock-admin",
                    &["job", "show", id, "-o", "json"],
                    "",
                )
                .await;
            (shown.code == Some(0) && shown.json()["state"] == state).then_some(())
        })
        .await;
    }

    /// The intake, when it is ready; and where it takes jobs.
    async fn serve(&self) -> (Program, reqwest::Client, String) {
        self.serve_with(&[]).await
    }

    async fn serve_with(&self, settings: &[(&str, &str)]) -> (Program, reqwest::Client, String) {
        let port = penstock_tests::harness::free_port();
        let address = format!("127.0.0.1:{port}");
        let service = settled(self.program("penstock-producer", "intake"), settings)
            .args(["serve", "--listen", &address])
            .start();
        let http = reqwest::Client::builder();
        let http = http.redirect(reqwest::redirect::Policy::none());
        let http = http.build().unwrap();
        let base = format!("http://{address}/v1/jobs");
        let ready = format!("http://{address}/readyz");
        wait_until("the intake to be ready", PATIENCE, || async {
            let told = http.get(&ready).send().await.ok()?;
            told.status().is_success().then_some(())
        })
        .await;
        (service, http, base)
    }

    /// What Redis says to a command of this role's user.
    async fn says(&self, role: &str, command: &[&str]) -> Result<redis::Value, String> {
        let client = redis::Client::open(self.url(role)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut sent = redis::Cmd::new();
        sent.arg(command);
        let said = sent.query_async(&mut connection).await;
        said.map_err(|error: redis::RedisError| error.code().unwrap_or_default().to_owned())
    }
}

fn settled(program: ProgramBuilder, settings: &[(&str, &str)]) -> ProgramBuilder {
    let all = settings.iter();
    all.fold(program, |program, (name, value)| program.env(name, value))
}

fn note(id: &str, contact: &str) -> String {
    json!({"type": "AttachNote", "tenant": ACME, "id": id, "payload": {"contact": {"id": contact}, "body": id}}).to_string()
}

#[tokio::test]
async fn each_program_works_as_its_own_user() {
    let guarded = Guarded::start().await;
    let worker = guarded.program("penstock-worker", "worker").start();
    worker.wait_for_line("ready worker=", PATIENCE).await;
    let jobs = [note("a", "c-0"), note("b", "c-0"), note("lost", "nobody")].join("\n");
    let enqueued = guarded
        .run("client", "penstock-producer", &["enqueue"], &jobs)
        .await;
    assert_eq!(
        enqueued.code,
        Some(0),
        "{}\n{}",
        enqueued.stderr,
        guarded.refusals().await
    );
    guarded.until("b", "done").await;
    guarded.until("lost", "dead").await;

    let (service, http, base) = guarded.serve().await;
    let posted = http
        .post(&base)
        .body(note("c", "c-0"))
        .header("content-type", "application/json")
        .send()
        .await
        .unwrap();
    let status = posted.status();
    let said = posted.text().await.unwrap();
    assert_eq!(status, 202, "{said}\n{}", guarded.refusals().await);
    guarded.until("c", "done").await;
    for (id, state) in [("c", "done"), ("lost", "dead")] {
        let told: Value = http
            .get(format!("{base}/{id}"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(told["state"], state, "{told} {}", guarded.refusals().await);
    }
    drop(service);

    for args in [
        &["stats"][..],
        &["tenants"],
        &["job", "show", "a"],
        &["job", "why", "a"],
        &["dead", "list"],
        &["dead", "causes"],
        &["dead", "show", "lost"],
        &["dead", "export"],
    ] {
        guarded.admin("admin-read", args).await;
    }
    guarded.admin("metrics", &["stats"]).await;
    // It is a right that is missing, and not the functions.
    let pause = ["tenant", "pause", ACME];
    let refused = guarded
        .run("admin-read", "penstock-admin", &pause, "")
        .await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in ["NOPERM in the script govern", "lacks a right"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    for args in [
        &["tenant", "pause", ACME][..],
        &["tenant", "set", ACME, "--burst", "50/10s"],
        &["tenant", "resume", ACME],
        &["dead", "retry", "lost"],
    ] {
        guarded.admin("admin-write", args).await;
    }
    guarded.until("lost", "dead").await;
    let deleted = guarded
        .admin("admin-write", &["dead", "delete", "lost"])
        .await;
    assert_eq!(deleted["changed"], 1, "{deleted}");
}

/// Whoever looks at a lane first when its permits have come back, or do so at other moments, writes that down.
#[tokio::test]
async fn whatever_became_of_the_permits_who_stores_jobs_needs_no_more_rights() {
    let redis = RedisOptions {
        own_clock: true,
        ..RedisOptions::default()
    };
    let mut sandbox = Options::default();
    sandbox.quota.burst.window = Duration::from_secs(1);
    let guarded = Guarded::on(redis, sandbox).await;
    let worker = async |daily: &str| {
        let worker = guarded.program("penstock-worker", "worker");
        let worker = worker.env("PENSTOCK_GHL_BURST", "100/1s");
        let worker = worker.env("PENSTOCK_GHL_DAILY", daily).start();
        worker.wait_for_line("ready worker=", PATIENCE).await;
        worker
    };
    let first = worker("200000/1d").await;
    guarded.deliver("first").await;
    // A window, and the longest that an idle worker does not look.
    sleep(Duration::from_millis(2_500)).await;
    guarded.deliver("quiet").await;
    guarded.redis.set_clock(60_000);
    first.wait_for_line("clock was set", PATIENCE).await;
    guarded.deliver("set").await;
    let _second = worker("200000/2d").await;
    guarded.deliver("other").await;
}

/// An account is connected by the intake, allowed to write by an administrator, and called by a worker, whose token has ended.
#[tokio::test]
async fn each_program_sees_to_accounts_as_its_own_user() {
    let sandbox = Options {
        oauth: Some(OAuthTerms::new(APP, "secret".into())),
        ..Options::default()
    };
    let guarded = Guarded::on(RedisOptions::default(), sandbox).await;
    let marketplace = guarded.sandbox.marketplace().unwrap();
    marketplace.set_pick(Some(Pick::Location(ACME.to_owned())));
    let worker = guarded.program("penstock-worker", "worker");
    let worker = settled(worker, ACCOUNTS).start();
    worker.wait_for_line("ready worker=", PATIENCE).await;
    let (service, http, base) = guarded.serve_with(ACCOUNTS).await;
    let base = base.trim_end_matches("/v1/jobs");
    let away = http
        .get(format!("{base}/oauth/install"))
        .send()
        .await
        .unwrap();
    let cookie = away.headers()["set-cookie"].to_str().unwrap().to_owned();
    let choose = away.headers()["location"].to_str().unwrap().to_owned();
    let (_, query) = choose.split_once('?').unwrap();
    let url = format!("{}/v2/oauth/chooselocation?{query}", guarded.sandbox.url());
    let back = http.get(url).send().await.unwrap();
    let back = back.headers()["location"].to_str().unwrap().to_owned();
    let (_, query) = back.split_once('?').unwrap();
    let back = http.get(format!("{base}/oauth/callback?{query}"));
    let page = back.header("cookie", cookie).send().await.unwrap();
    let (status, said) = (page.status(), page.text().await.unwrap());
    assert_eq!(status, 200, "{said}\n{}", guarded.refusals().await);
    drop(service);
    let listed = guarded.admin("admin-read", &["tokens", "list"]).await;
    assert_eq!(listed[0]["kind"], "location", "{listed}");
    marketplace.expire(ACME);
    guarded.enqueue(&note("a", "c-0")).await;
    guarded
        .admin("admin-write", &["tenant", "allow-writes", ACME])
        .await;
    guarded.until("a", "done").await;
    assert_eq!(marketplace.grants()[0].refreshes, 1);
}

#[tokio::test]
async fn a_failed_attempt_takes_no_more_rights() {
    let guarded = Guarded::start().await;
    let worker = guarded.program("penstock-worker", "worker").start();
    worker.wait_for_line("ready worker=", PATIENCE).await;
    let (_service, http, base) = guarded.serve().await;
    guarded.sandbox.set_faults(["503:count=1".parse().unwrap()]);
    let tag = json!({"type": "AddTags", "tenant": ACME, "id": "d", "payload": {"contact": {"id": "c-0"}, "tags": ["vip"]}});
    guarded.enqueue(&tag.to_string()).await;
    guarded.until("d", "done").await;
    let told = http.get(format!("{base}/d")).send().await.unwrap();
    let (status, said) = (told.status(), told.text().await.unwrap());
    let refusals = guarded.refusals().await;
    assert_eq!(status, 200, "{said}\n{refusals}");
}

/// Nobody has loaded the functions yet: who may not has to wait for who may.
#[tokio::test]
async fn a_fresh_redis_waits_for_a_program_that_may_load_the_functions() {
    let guarded = Guarded::start().await;
    for role in ["admin-read", "metrics"] {
        let stats = guarded.admin(role, &["stats"]).await;
        assert_eq!(stats["doneTotal"], 0, "{stats}");
    }
    let jobs = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(jobs.path(), note("a", "c-0")).unwrap();
    let mut enqueue = guarded
        .program("penstock-producer", "client")
        .arg("enqueue")
        .arg(jobs.path())
        .start();
    let said = enqueue.wait_for_line("may not load them", PATIENCE).await;
    assert!(
        said.contains("a worker") && said.contains("`admin-write`") && !said.contains("password"),
        "{said}"
    );
    let worker = guarded.program("penstock-worker", "worker").start();
    worker.wait_for_line("ready worker=", PATIENCE).await;
    assert_eq!(enqueue.wait_exit(PATIENCE).await.code(), Some(0));
    guarded.until("a", "done").await;
}

type Commands = &'static [&'static [&'static str]];

const JOB: &str = "penstock:{0}:job:acme";
const GONE: Commands = &[
    &["DEL", JOB],
    &["UNLINK", JOB],
    &["HDEL", JOB, "a"],
    &["RENAME", JOB, "x"],
    &["DEL", "penstock:{0}:dead"],
    &["ZREM", "penstock:{0}:dead", "acme/a"],
    &["FLUSHALL"],
    &["FLUSHDB"],
];
const ENUMERATED: Commands = &[
    &["HGETALL", JOB],
    &["HKEYS", JOB],
    &["HVALS", JOB],
    &["HSCAN", JOB, "0"],
    &["KEYS", "*"],
    &["SCAN", "0"],
    &["RANDOMKEY"],
];
const POWERS: Commands = &[
    &["CONFIG", "GET", "requirepass"],
    &["CONFIG", "SET", "appendonly", "no"],
    &["ACL", "LIST"],
    &["MONITOR"],
    &["SHUTDOWN"],
    &["REPLICAOF", "NO", "ONE"],
    &["SET", "elsewhere", "1"],
    &["GET", "elsewhere"],
    &["SCRIPT", "FLUSH"],
    &["FUNCTION", "FLUSH"],
    &["FUNCTION", "DUMP"],
    &["CLIENT", "KILL", "TYPE", "normal"],
    &["DEBUG", "SLEEP", "0"],
];
const LIBRARY: Commands = &[
    &["FUNCTION", "LOAD", "REPLACE", "#!lua name=x\n"],
    &["EVAL", "return 1", "0"],
];
const LETTERS: Commands = &[
    &["ZRANGE", "penstock:{0}:dead", "0", "-1"],
    &["HGETALL", "penstock:{0}:run:acme/a"],
    &["LRANGE", "penstock:{0}:history:acme/a", "0", "-1"],
    &["HGETALL", "penstock:{0}:effects:acme"],
];
const TRUSTED_WITH: Commands = &[
    &["HMGET", "penstock:{0}:run:acme/a", "cause", "error"],
    &["ZRANGE", "penstock:{0}:lanes", "0", "-1"],
    &["LRANGE", "penstock:{0}:line:ghl/acme", "0", "-1"],
    &["LPOP", "penstock:{0}:line:ghl/acme"],
    &["ZREM", "penstock:{0}:due:ghl/acme", "1a"],
];
const STORED: Commands = &[&["HGET", JOB, "a"], &["HMGET", JOB, "a"]];
const WRITTEN: Commands = &[
    &["HSET", JOB, "a", "x"],
    &["HINCRBY", "penstock:{0}:counts", "open", "1"],
    &["ZADD", "penstock:{0}:lanes", "1", "x"],
];
const LISTED: &str = "penstock:{0}:listed:acme/l";
const POLLED: Commands = &[
    &["HMGET", LISTED, "1"],
    &["HSCAN", LISTED, "0"],
    &["HSET", LISTED, "1", "x"],
    &["HDEL", LISTED, "1"],
    &["HGET", "penstock:{0}:polls:acme", "replies"],
    &["ZADD", "penstock:{0}:moments:acme", "GT", "1", "tick"],
    &["ZSCORE", "penstock:{0}:moments:acme", "tick"],
    &["PEXPIRE", "penstock:{0}:storm:acme/x/1", "1"],
    &["SET", "penstock:{0}:storm:acme/x/1", "1", "NX", "PX", "1"],
    &["ZREMRANGEBYSCORE", "penstock:{0}:gusts:acme/x", "-inf", "1"],
    &["ZCOUNT", "penstock:{0}:gusts:acme/x", "(1", "+inf"],
];
const GRANT: &str = "penstock:{0}:grant:location/app/acme";
const GRANTS_READ: Commands = &[
    &["HGETALL", GRANT],
    &["HGET", GRANT, "secrets"],
    &["ZRANGE", "penstock:{0}:grants", "0", "-1"],
];
const GRANTS_WRITTEN: Commands = &[
    &["HSET", GRANT, "secrets", "x"],
    &["ZADD", "penstock:{0}:grants", "1", "location/app/acme"],
    &["HSET", "penstock:{0}:writes", "acme", "1"],
    &["SET", "penstock:{0}:install:x", "1"],
];
const GRANTS_GONE: Commands = &[
    &["DEL", GRANT],
    &["HDEL", GRANT, "secrets"],
    &["ZREM", "penstock:{0}:grants", "location/app/acme"],
    &["HDEL", "penstock:{0}:writes", "acme"],
    &["DEL", "penstock:{0}:install:x"],
    &["PEXPIRE", GRANT, "1"],
];
const REFUSED: [(&str, &[Commands]); 6] = [
    (
        "client",
        &[
            GONE,
            ENUMERATED,
            POWERS,
            LIBRARY,
            LETTERS,
            GRANTS_READ,
            GRANTS_WRITTEN,
            GRANTS_GONE,
        ],
    ),
    ("intake", &[GONE, POWERS, LIBRARY, GRANTS_GONE]),
    ("worker", &[POWERS]),
    (
        "admin-read",
        &[GONE, POWERS, LIBRARY, WRITTEN, GRANTS_WRITTEN, GRANTS_GONE],
    ),
    ("admin-write", &[POWERS]),
    (
        "metrics",
        &[
            GONE,
            ENUMERATED,
            POWERS,
            LIBRARY,
            LETTERS,
            STORED,
            WRITTEN,
            GRANTS_READ,
            GRANTS_WRITTEN,
            GRANTS_GONE,
        ],
    ),
];

#[tokio::test]
async fn no_user_may_do_what_is_anothers() {
    let guarded = Guarded::start().await;
    let worker = guarded.program("penstock-worker", "worker").start();
    worker.wait_for_line("ready worker=", PATIENCE).await;
    let job = note("a", "nobody");
    let enqueued = guarded
        .run("client", "penstock-producer", &["enqueue"], &job)
        .await;
    assert_eq!(enqueued.code, Some(0), "{}", enqueued.stderr);
    guarded.until("a", "dead").await;
    for (role, refused) in REFUSED {
        for command in refused.iter().copied().flatten() {
            let said = guarded.says(role, command).await;
            assert_eq!(said, Err("NOPERM".into()), "{role}: {command:?}");
        }
    }
    // README says it: their scripts need that.
    for role in ["client", "intake"] {
        for command in TRUSTED_WITH {
            let said = guarded.says(role, command).await;
            assert!(said.is_ok(), "{role}: {command:?}");
        }
    }
    for command in [GRANTS_READ, GRANTS_WRITTEN].concat() {
        let said = guarded.says("intake", command).await;
        assert!(said.is_ok(), "intake: {command:?}");
    }
    for command in POLLED {
        for role in ["client", "intake", "metrics"] {
            let said = guarded.says(role, command).await;
            assert_eq!(said, Err("NOPERM".into()), "{role}: {command:?}");
        }
        let said = guarded.says("worker", command).await;
        assert!(said.is_ok(), "worker: {command:?}");
    }
    // That they are refused is no accident of a command that nobody may send.
    let read = guarded.says("admin-read", &["HGET", JOB, "a"]).await;
    let deleted = guarded.says("admin-write", &["DEL", "penstock:{0}:none"]);
    assert!(read.is_ok() && deleted.await.is_ok());
}

#[tokio::test]
async fn the_commands_are_taken_as_they_are_printed() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    let printed = run(
        "penstock-admin",
        [
            "acl",
            "-o",
            "json",
            "--user-prefix",
            "crm",
            "--namespace",
            "other",
        ],
        &[],
        "",
    )
    .await;
    for user in printed.json().as_array().unwrap() {
        let rules = user["rules"].as_str().unwrap();
        assert!(
            rules.contains("off ") && rules.contains("~other:{0}:"),
            "{rules}"
        );
    }
    assert!(printed.stdout.starts_with("[\n  {\n"), "{printed:?}");
    let crooked = ["acl", "--namespace", "{other}"];
    let refused = run("penstock-admin", crooked, &[], "").await;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("1 to 64 of the characters"),
        "{refused:?}"
    );
    let plain = run("penstock-admin", ["acl"], &[], "").await.stdout;
    assert_eq!(plain.lines().count(), ROLES.len());
    for line in plain.lines() {
        // As redis-cli parts them: a selector is one word in quotes.
        let mut words: Vec<String> = Vec::new();
        for (at, part) in line.split('"').enumerate() {
            match at % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        redis.cli(words).await;
    }
    let users: Vec<String> = redis.get(["ACL", "USERS"]).await;
    assert_eq!(users.len(), ROLES.len() + 1, "{users:?}");
}

#[tokio::test]
async fn a_line_that_is_no_password_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "client:word\nclerk:word\n").unwrap();
    let ended = run(
        "penstock-admin",
        ["acl", "--passwords-from", file.path().to_str().unwrap()],
        &[],
        "",
    )
    .await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("line 2: write ROLE:PASSWORD"),
        "{}",
        ended.stderr
    );
}
