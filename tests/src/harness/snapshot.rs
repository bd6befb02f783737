//! Everything that a Redis holds, in a form that can be compared.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value};

/// One key's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A string.
    Text(String),
    /// A list, in its order.
    List(Vec<String>),
    /// A set, sorted.
    Set(Vec<String>),
    /// A hash, by field.
    Hash(BTreeMap<String, String>),
    /// A sorted set: scores by member.
    Sorted(BTreeMap<String, f64>),
    /// A stream's entries, as Redis gives them.
    Stream(Value),
}

/// Every key with its value, in the order of the keys. Times of expiry are left out, since they pass. Bytes that are
/// no UTF-8 are shown escaped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot(pub BTreeMap<String, Entry>);

impl Snapshot {
    /// The snapshot without the keys that `dropped` names: those that change with every command, such as heartbeats.
    #[must_use]
    pub fn without(mut self, dropped: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|key, _| !dropped(key));
        self
    }

    pub(super) async fn take(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(connection).await?;
        let mut entries = BTreeMap::new();
        for key in keys {
            entries.insert(shown(&key), read(connection, &key).await?);
        }
        Ok(Self(entries))
    }
}

async fn read(connection: &mut MultiplexedConnection, key: &[u8]) -> RedisResult<Entry> {
    let kind: String = redis::cmd("TYPE").arg(key).query_async(connection).await?;
    Ok(match kind.as_str() {
        "list" => {
            Entry::List(texts(redis::cmd("LRANGE").arg(key).arg(0).arg(-1), connection).await?)
        }
        "set" => {
            let mut members = texts(redis::cmd("SMEMBERS").arg(key), connection).await?;
            members.sort();
            Entry::Set(members)
        }
        "hash" => {
            let fields: Vec<(Vec<u8>, Vec<u8>)> = redis::cmd("HGETALL")
                .arg(key)
                .query_async(connection)
                .await?;
            Entry::Hash(
                fields
                    .iter()
                    .map(|(field, value)| (shown(field), shown(value)))
                    .collect(),
            )
        }
        "zset" => {
            let ask = redis::cmd("ZRANGE")
                .arg(key)
                .arg(0)
                .arg(-1)
                .arg("WITHSCORES")
                .to_owned();
            let members: Vec<(Vec<u8>, f64)> = ask.query_async(connection).await?;
            Entry::Sorted(
                members
                    .iter()
                    .map(|(member, score)| (shown(member), *score))
                    .collect(),
            )
        }
        "stream" => Entry::Stream(
            redis::cmd("XRANGE")
                .arg(key)
                .arg("-")
                .arg("+")
                .query_async(connection)
                .await?,
        ),
        _ => Entry::Text(shown(
            &redis::cmd("GET")
                .arg(key)
                .query_async::<Vec<u8>>(connection)
                .await?,
        )),
    })
}

async fn texts(
    ask: &redis::Cmd,
    connection: &mut MultiplexedConnection,
) -> RedisResult<Vec<String>> {
    let values: Vec<Vec<u8>> = ask.query_async(connection).await?;
    Ok(values.iter().map(|value| shown(value)).collect())
}

fn shown(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), str::to_owned)
}
