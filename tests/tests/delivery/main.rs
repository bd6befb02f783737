//! What a worker makes of the API's and Redis' answers, and load: real workers, a real Redis and the sandbox, whose ledger tells every call.

mod age;
mod breaker;
#[cfg(target_os = "linux")]
mod clock;
mod cluster;
mod coalesce;
mod creation;
mod disk;
mod flow;
mod load;
mod lookup;
mod many;
mod marked;
mod news;
mod parent;
mod pull;
mod quiet;
mod refusal;
mod stage;
mod sweep;
mod throttle;
mod token;
mod unanswered;
mod writes;
