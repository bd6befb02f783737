//! What holds a secret cannot be printed: not in a log line, not in a panic, not in an error.

use penstock_producer::Client;
use penstock_shared::{
    ghl::GhlClient,
    queue::{Location, Queue, Terms},
    settings::Settings,
};
use penstock_worker::tokens::Tokens;

use crate::{
    heard::Heard,
    stage::{KEY, Stage, TOKEN},
};

#[tokio::test]
async fn what_holds_a_secret() {
    let stage = Stage::start(&[]).await;
    let (url, keys) = (stage.redis.url(), format!("main:{KEY}"));
    let settings = Settings::load_from([
        ("PENSTOCK_REDIS_URL", url.as_str()),
        ("PENSTOCK_GHL_TOKEN", TOKEN),
        ("PENSTOCK_API_KEYS", "c4n4ry-one,c4n4ry-two"),
        ("PENSTOCK_ENCRYPTION_KEYS", keys.as_str()),
        ("PENSTOCK_ENCRYPT_PAYLOADS", "on"),
    ])
    .unwrap();
    let location = Location::from(&settings);
    let queue = Queue::connect(location.clone(), Terms::from(&settings))
        .await
        .unwrap();
    let api = GhlClient::new("http://127.0.0.1:1", settings.ghl.http_timeout, "test").unwrap();
    let mut heard = Heard::default();
    for (whose, shown) in [
        ("settings", format!("{settings:#?}")),
        ("location", format!("{location:?}")),
        ("keyring", format!("{:?}", settings.encryption)),
        ("queue", format!("{queue:?}")),
        ("client", format!("{:?}", Client::over(queue.clone()))),
        (
            "tokens",
            format!("{:?}", Tokens::new(&queue, &settings.ghl)),
        ),
        ("api", format!("{api:?}")),
    ] {
        assert!(!shown.is_empty());
        heard.hear(whose, shown);
    }
    heard.is_clean();
}

/// An address with a password is in no error of a Redis that is away, refuses, or is none.
#[tokio::test]
async fn errors_of_redis() {
    let stage = Stage::start(&[]).await;
    let right = stage.redis.url();
    let mut heard = Heard::default();
    for url in [
        right.replace("c4n4ry-password", "c4n4ry-wrong"),
        "redis://c4n4ry:c4n4ry@127.0.0.1:1/0".to_owned(),
        "redis://c4n4ry:c4n4ry@127.0.0.1:1/c4n4ry".to_owned(),
        "rediss://:c4n4ry@127.0.0.1:1".to_owned(),
        "redis+unix:///nowhere/socket?pass=c4n4ry".to_owned(),
        "redis://:c4n4ry@127.0.0.1:1,redis://:c4n4ry@127.0.0.1:2".to_owned(),
    ] {
        let settings = Settings::load_from([("PENSTOCK_REDIS_URL", url.as_str())]).unwrap();
        let connected = Queue::connect(Location::from(&settings), Terms::from(&settings)).await;
        let error = connected.unwrap_err();
        heard.hear("an error", format!("{error} {error:?}"));
    }
    heard.is_clean();
}
