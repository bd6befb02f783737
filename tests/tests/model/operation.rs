//! What can happen to a queue. Names of jobs and numbers of deliveries are drawn blindly: most meet something, the others test refusals.

use penstock_shared::{
    job::Priority,
    outcome::{Cause, Permit},
};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::spec::{
    IDS, Key, Named, Spec, Work, any_key, any_named, any_priority, any_spec, any_work,
};

/// How many workers there are.
pub(crate) const WORKERS: u8 = 3;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Enqueue {
        specs: Vec<Spec>,
        whole: bool,
    },
    Claim {
        worker: u8,
        slots: usize,
    },
    /// The last claim's answer was lost: it is asked for again.
    ClaimAgain {
        worker: u8,
    },
    /// A worker renews whatever it was ever given.
    Renew {
        worker: u8,
    },
    Pass {
        ms: u64,
    },
    Settle(Vec<Settle>),
    Advance {
        which: Which,
        answered: bool,
        intent: bool,
        again: bool,
    },
    Redrive {
        keys: Vec<Key>,
        priority: Priority,
        delay: u64,
        resend: bool,
    },
    Discard(Vec<Key>),
    /// A person looks at a dead letter, or remembers one looked at before, and replaces its payload.
    Edit {
        key: Key,
        work: Work,
        look: bool,
    },
    Resolve {
        key: Key,
        effect: Option<u8>,
    },
    Pause {
        tenant: u8,
    },
    Resume {
        tenant: u8,
    },
    SetQuotas {
        tenant: u8,
        burst: &'static str,
        daily: &'static str,
    },
    Learn {
        tenant: u8,
        id: u8,
        named: Vec<Named>,
    },
    Forget,
}

/// One of the deliveries that there ever were.
#[derive(Debug, Clone)]
pub(crate) struct Which {
    pub(crate) index: Index,
    /// Among all, not only among those that go on.
    pub(crate) any: bool,
}

/// The end of a delivery.
#[derive(Debug, Clone)]
pub(crate) struct Settle {
    pub(crate) which: Which,
    pub(crate) end: End,
    pub(crate) permit: Permit,
}

/// How a delivery ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Done {
        effect: Option<u8>,
    },
    Dead {
        cause: Cause,
    },
    Back {
        after: u64,
        attempt: bool,
        delivery: bool,
    },
    Throttled {
        wait: u64,
    },
}

/// The name of a note that was made.
pub(crate) fn effect(number: u8) -> String {
    format!("note-{number}")
}

fn any_which() -> impl Strategy<Value = Which> {
    let all = prop_oneof![5 => Just(false), 1 => Just(true)];
    (any::<Index>(), all).prop_map(|(index, any)| Which { index, any })
}

fn any_end() -> impl Strategy<Value = End> {
    let cause = prop::sample::select(vec![
        Cause::Rejected,
        Cause::Exhausted,
        Cause::Ambiguous,
        Cause::Poison,
    ]);
    let after = prop::sample::select(vec![0, 1, 1_000, 30_000]);
    prop_oneof![
        3 => prop::option::weighted(0.3, 0..3_u8).prop_map(|effect| End::Done { effect }),
        3 => cause.prop_map(|cause| End::Dead { cause }),
        3 => (after, any::<bool>(), any::<bool>())
            .prop_map(|(after, attempt, delivery)| End::Back { after, attempt, delivery }),
        1 => prop::sample::select(vec![500, 20_000]).prop_map(|wait| End::Throttled { wait }),
    ]
}

fn any_settle() -> impl Strategy<Value = Settle> {
    let permit = prop_oneof![
        3 => Just(Permit::Answered),
        1 => Just(Permit::Unanswered),
        1 => Just(Permit::Unsent),
    ];
    (any_which(), any_end(), permit).prop_map(|(which, end, permit)| Settle { which, end, permit })
}

/// Instants within a lease, its end, the windows' ends, the quarantine's, and more than a day.
fn any_pass() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 1..100_u64,
        3 => prop::sample::select(vec![700, 1_000, 1_300, 2_000, 3_333, 3_334]),
        2 => prop::sample::select(vec![4_999, 5_000, 5_001, 5_050, 6_000, 30_000]),
        1 => prop::sample::select(vec![45_000, 60_000, 65_000, 90_000_000]),
    ]
}

fn any_tenant() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(0_u8), 1 => Just(1)]
}

fn any_quotas() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![("2/1s", "12/1m"), ("1/5s", "3/1m"), ("6/5s", "20/1m")])
}

fn any_repair() -> impl Strategy<Value = Operation> {
    use Operation::{Discard, Edit, Redrive, Resolve};
    let delay = prop::sample::select(vec![0, 0, 700, 2_000]);
    let effect = prop::option::of(0..3_u8);
    prop_oneof![
        // All at once too: what is not dead is refused.
        3 => (vec(any_key(), 1..4), any_priority(), delay, any::<bool>()).prop_map(
            |(keys, priority, delay, resend)| Redrive { keys, priority, delay, resend }
        ),
        2 => any_priority().prop_map(|priority| {
            let keys = (0..IDS).map(|id| Key { tenant: 0, id }).collect();
            Redrive { keys, priority, delay: 700, resend: false }
        }),
        1 => vec(any_key(), 1..3).prop_map(Discard),
        1 => (any_key(), any_work(), any::<bool>())
            .prop_map(|(key, work, look)| Edit { key, work, look }),
        1 => (any_key(), effect).prop_map(|(key, effect)| Resolve { key, effect }),
    ]
}

fn any_control() -> impl Strategy<Value = Operation> {
    use Operation::{Forget, Learn, Pause, Resume, SetQuotas};
    prop_oneof![
        2 => any_tenant().prop_map(|tenant| Pause { tenant }),
        4 => any_tenant().prop_map(|tenant| Resume { tenant }),
        2 => (any_tenant(), any_quotas())
            .prop_map(|(tenant, (burst, daily))| SetQuotas { tenant, burst, daily }),
        4 => (any_tenant(), 0..2_u8, vec(any_named(), 1..3))
            .prop_map(|(tenant, id, named)| Learn { tenant, id, named }),
        1 => Just(Forget),
    ]
}

pub(crate) fn any_operation() -> impl Strategy<Value = Operation> {
    use Operation::{Advance, Claim, ClaimAgain, Enqueue, Pass, Renew, Settle};
    prop_oneof![
        6 => (vec(any_spec(), 1..5), prop::bool::weighted(0.2))
            .prop_map(|(specs, whole)| Enqueue { specs, whole }),
        8 => (0..WORKERS, 1..8_usize).prop_map(|(worker, slots)| Claim { worker, slots }),
        1 => (0..WORKERS).prop_map(|worker| ClaimAgain { worker }),
        2 => (0..WORKERS).prop_map(|worker| Renew { worker }),
        7 => any_pass().prop_map(|ms| Pass { ms }),
        8 => vec(any_settle(), 1..4).prop_map(Settle),
        2 => (any_which(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
            |(which, answered, intent, again)| Advance { which, answered, intent, again }
        ),
        3 => any_repair(),
        3 => any_control(),
    ]
}
