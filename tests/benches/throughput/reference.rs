//! Plain `LPUSH` and `RPOP`, unpipelined: what this Redis on this machine can do at all, for ratios.

use futures::future::join_all;
use redis::aio::MultiplexedConnection;

use crate::{meter::Meter, options::Options, report::Figures, stage::Stage};

const KEY: &str = "reference";

/// Each connection pushes its part and pops as many, one command after the other; a "job" is one command.
pub(crate) async fn run(options: &Options, connections: u32) -> Figures {
    let stage = Stage::start(options).await;
    let each = options.jobs / 2 / connections;
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(stage.redis.connect().await.expect("the server answers"));
    }
    let meter = Meter::start(&stage.redis, &[]).await;
    let tasks = open
        .into_iter()
        .map(|connection| tokio::spawn(push_pop(connection, each)));
    for ended in join_all(tasks).await {
        ended.expect("the task ends");
    }
    meter.stop_plain(each * connections * 2).await
}

async fn push_pop(mut connection: MultiplexedConnection, count: u32) {
    let payload = [b'x'; 300];
    for _ in 0..count {
        let mut command = redis::cmd("LPUSH");
        command.arg(KEY).arg(&payload[..]);
        let () = command
            .query_async(&mut connection)
            .await
            .expect("it pushes");
    }
    for _ in 0..count {
        let popped: Option<Vec<u8>> = redis::cmd("RPOP")
            .arg(KEY)
            .query_async(&mut connection)
            .await
            .expect("it pops");
        assert!(popped.is_some(), "nothing was left to pop");
    }
}
