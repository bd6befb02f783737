//! The API itself: what it holds, what it refuses, and how a request changes it. Nothing here knows of connections, quotas or
//! faults; one call is one function from (world, input) to an answer.

pub(super) mod answer;
mod appointments;
mod business;
mod contact;
mod contacts;
mod directory;
pub(super) mod effect;
mod enrolment;
mod followers;
mod ids;
mod members;
mod normal;
mod notes;
pub(super) mod oauth;
pub(super) mod operation;
mod page;
mod search;
pub(super) mod seed;
mod shape;
mod shapes;
mod tags;
mod tasks;
mod world;

pub(super) use shape::faults as shape_faults;
pub(super) use world::World;
