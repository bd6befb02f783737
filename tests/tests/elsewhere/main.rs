//! Jobs for other systems than GHL: real workers, a real Redis, and the stand-ins for `SMSFactor` and Smore, whose ledgers tell every call.

mod calls;
mod killed;
mod limits;
mod lists;
mod polls;
mod schedule;
mod sms;
mod stage;
mod storms;
mod strange;
mod unknown;
mod wire;
