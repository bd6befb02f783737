//! A worker that can do nothing says so and ends.

use penstock_tests::harness::{Finished, RedisOptions, RedisServer, free_port, run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

async fn worker(redis: &str, settings: &[(&str, &str)]) -> Finished {
    let place = [
        ("PENSTOCK_REDIS_URL", redis),
        ("PENSTOCK_GHL_TOKEN", "pit-test"),
        ("PENSTOCK_GHL_BASE_URL", "http://127.0.0.1:9"),
    ];
    let none: [&str; 0] = [];
    run(
        "penstock-worker",
        none,
        &[place.as_slice(), settings].concat(),
        "",
    )
    .await
}

/// It could not be done, and it says why.
async fn fails(redis: &str, settings: &[(&str, &str)], why: &str) {
    ends(redis, settings, 1, why).await;
}

/// What it was told makes no sense, and it says what.
async fn refuses(redis: &str, settings: &[(&str, &str)], why: &str) {
    ends(redis, settings, 2, why).await;
}

async fn ends(redis: &str, settings: &[(&str, &str)], code: i32, why: &str) {
    let ended = worker(redis, settings).await;
    assert_eq!(ended.code, Some(code), "{settings:?}: {}", ended.stderr);
    let said = ended.stderr.lines().last().unwrap_or_default();
    assert!(said.starts_with("error: ") && said.contains(why), "{said}");
}

#[tokio::test]
async fn without_a_redis() {
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    fails(&nobody, &[], "is PENSTOCK_REDIS_URL right?").await;
    // And it says where it looked.
    fails(&nobody, &[], &nobody).await;
}

#[tokio::test]
async fn with_a_redis_that_it_may_not_or_cannot_use() {
    let locked = RedisServer::start(RedisOptions {
        requirepass: Some("secret".into()),
        ..RedisOptions::default()
    })
    .await;
    let without = locked.url().replace("?pass=secret", "");
    fails(&without, &[], "Redis denies access").await;
    let wrong = locked.url().replace("secret", "other-word");
    fails(&wrong, &[], "Redis denies access").await;

    let config = |name: &str, value: &str| RedisOptions {
        config: vec![(name.into(), value.into())],
        ..RedisOptions::default()
    };
    let replica = RedisServer::start(config("replicaof", "127.0.0.1 1")).await;
    fails(&replica.url(), &[], "read-only replica").await;

    let evicting = RedisServer::start(config("maxmemory-policy", "allkeys-lru")).await;
    fails(&evicting.url(), &[], "set it to noeviction").await;
}

#[tokio::test]
async fn with_a_redis_that_keeps_less_than_it_shall_or_is_laid_out_otherwise() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    let always = [("PENSTOCK_DURABILITY", "always")];
    fails(&redis.url(), &always, "`appendfsync always`").await;
    redis
        .cli(["HSET", "penstock:{0}:config", "shards", "4"])
        .await;
    fails(&redis.url(), &[], "was laid out with 4").await;
    let format = ["HSET", "penstock:{0}:config", "shards", "1", "format", "9"];
    redis.cli(format).await;
    fails(&redis.url(), &[], "this program knows format 2").await;
}

/// Something that says this of itself when it is asked for INFO; all else it takes without a word.
async fn redis_that_says(info: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let info = format!("${}\r\n{info}\r\n", info.len());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let info = info.clone();
            tokio::spawn(async move {
                let mut asked = vec![0; 4096];
                while let Ok(length @ 1..) = client.read(&mut asked).await {
                    let text = String::from_utf8_lossy(&asked[..length]).into_owned();
                    for command in text.split('*').skip(1) {
                        let answer = if command.contains("INFO\r\n") && !command.contains("SETINFO")
                        {
                            info.as_str()
                        } else {
                            "+OK\r\n"
                        };
                        client.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    format!("redis://{address}")
}

#[tokio::test]
async fn with_a_redis_that_is_too_old() {
    let old = redis_that_says("redis_version:6.2.14\r\nrole:master\r\n").await;
    fails(&old, &[], "Redis 6.2.14 is too old: version 7 or later").await;
}

/// While it loads, Redis says that it has no append-only file.
#[tokio::test]
async fn with_a_redis_that_is_loading() {
    let info = "redis_version:7.2.0\r\nrole:master\r\nloading:1\r\naof_enabled:0\r\n";
    let loading = redis_that_says(info).await;
    let always = [("PENSTOCK_DURABILITY", "always")];
    fails(&loading, &always, "it is loading").await;
}

#[tokio::test]
async fn with_something_that_is_no_redis() {
    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = web.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = web.accept().await {
            let refusal = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
            let _ = client.write_all(refusal).await;
        }
    });
    let url = format!("redis://user:hidden@{address}");
    let ended = worker(&url, &[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let said = ended.stderr.lines().last().unwrap_or_default();
    assert!(
        said.contains(&address) && said.contains("PENSTOCK_REDIS_URL"),
        "{said}"
    );
    assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
}

#[tokio::test]
async fn with_a_metrics_address_that_is_taken() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let metrics = [("PENSTOCK_METRICS_LISTEN", address.as_str())];
    fails(&redis.url(), &metrics, "PENSTOCK_METRICS_LISTEN").await;
}

#[tokio::test]
async fn with_settings_that_make_no_sense() {
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    for (name, value) in [
        ("PENSTOCK_REDIS_URL", "http://127.0.0.1"),
        ("PENSTOCK_REDIS_URL", "redis://10.0.0.1:6379,10.0.0.2:6379"),
        ("PENSTOCK_LEASE", "0s"),
        ("PENSTOCK_LEASE", "soon"),
        ("PENSTOCK_CONCURRENCY", "0"),
        ("PENSTOCK_GHL_BURST", "0/10s"),
        ("PENSTOCK_GHL_BASE_URL", "localhost"),
        ("PENSTOCK_BACKOFF", "10m..1s"),
        ("PENSTOCK_MAX_ATTEMPTS", "0"),
        ("PENSTOCK_METRICS_LISTEN", "everywhere"),
        ("PENSTOCK_LOG", "penstock=shouting"),
    ] {
        refuses(&nobody, &[(name, value)], name).await;
    }
    let windows = [
        ("PENSTOCK_GHL_BURST", "1/2d"),
        ("PENSTOCK_GHL_DAILY", "9/1d"),
    ];
    refuses(&nobody, &windows, "PENSTOCK_GHL_DAILY").await;
    let kept = [("PENSTOCK_RETENTION", "1s"), ("PENSTOCK_QUARANTINE", "30s")];
    refuses(&nobody, &kept, "PENSTOCK_QUARANTINE").await;
}
