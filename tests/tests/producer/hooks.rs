//! Webhooks over real HTTP, signed as their senders sign them.

mod answers;
mod believed;
mod door;
mod durable;
mod once;
mod sender;
mod started;
