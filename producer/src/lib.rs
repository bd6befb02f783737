//! The Rust client of Penstock, and what its intake programs are made of.
//!
//! ```no_run
//! use penstock_producer::{Client, Refusal};
//! use penstock_shared::{job::Job, settings::Settings};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(&Settings::load()?).await?;
//! let job = Job::parse(
//!     br#"{"type":"AddTags","tenant":"ve9EPM428h8vShlRW1KT","id":"order-4711",
//!          "payload":{"contact":{"email":"rosan@deos.com"},"tags":["customer"]}}"#,
//! )
//! .map_err(|faults| faults[0].clone())?;
//!
//! match client.enqueue(job).await {
//!     Ok(receipt) => println!("{} is {}", receipt.id, receipt.status),
//!     Err(Refusal::BacklogFull { retry_after, .. }) => println!("again in {retry_after:?}"),
//!     Err(refusal) => return Err(refusal.into()),
//! }
//! # Ok(())
//! # }
//! ```

pub mod catalogue;
mod client;
pub mod enqueue;
pub mod flows;
mod gather;
pub mod hooks;
pub mod http;
pub mod intake;
pub mod schema;

pub use client::{BatchRefusal, Client, Conflict, Receipt, Refusal, Standing, Status};
