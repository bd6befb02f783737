//! A part of a Redis that is not ours alone.

use redis::RedisResult;

/// Keys in one look and in one removal.
const BATCH: usize = 1_000;

/// Removes every key of `namespace` from the Redis at `url`, and nothing else; returns how many there were.
pub async fn remove_namespace(url: &str, namespace: &str) -> RedisResult<usize> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let (mut cursor, mut removed) = (0_u64, 0);
    loop {
        let mut look = redis::cmd("SCAN");
        look.arg(cursor)
            .arg("MATCH")
            .arg(format!("{namespace}:*"))
            .arg("COUNT")
            .arg(BATCH);
        let (next, keys): (u64, Vec<Vec<u8>>) = look.query_async(&mut connection).await?;
        if !keys.is_empty() {
            removed += redis::cmd("UNLINK")
                .arg(keys)
                .query_async::<usize>(&mut connection)
                .await?;
        }
        if next == 0 {
            return Ok(removed);
        }
        cursor = next;
    }
}
