//! The fault laboratory: real workers, a real Redis, the sandbox and the stand-ins for other systems, which are killed, stopped and cut off from each other; and a judge that compares
//! what was acknowledged with what these saw.
//!
//! Everything that is drawn (the jobs, the faults and their moments) comes from one seed, which is printed. The machine's own timing is not drawn, so a
//! seed repeats the attack, not each microsecond of it.

pub mod chaos;
pub mod check;
pub mod crash;
pub mod deploy;
pub mod figures;
pub mod history;
pub mod lapse;
pub mod ledger;
// What is drawn needs no more digits.
#[allow(clippy::cast_precision_loss)]
pub mod page;
pub mod plan;
pub mod power;
pub mod producer;
pub mod specimen;
pub mod stop;
pub mod trace;
pub mod workload;
pub mod world;
