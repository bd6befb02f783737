//! A short chaos run. `penstock-lab soak` makes long ones.

use std::time::Duration;

use penstock_tests::{
    harness::{Appendfsync, RedisOptions},
    lab::{chaos::Chaos, check::assert_kept, figures::Figures, workload::Size},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_while_everything_breaks() {
    let seed = rand::random_range(0..1_000_000);
    println!(
        "seed {seed}: penstock-lab soak --seed {seed} --for 40s --jobs 1500 repeats the attack"
    );
    let ran = Chaos {
        seed,
        size: Size::of(1500),
        workers: 3,
        over: Duration::from_secs(40),
        burst: "40/1s".into(),
        // The setting that promises that nothing is lost when Redis is killed, however slow the disk is.
        redis: RedisOptions {
            appendfsync: Appendfsync::Always,
            ..RedisOptions::default()
        },
        verbose: false,
    }
    .run()
    .await;
    println!("{}", Figures::of(&ran.history, &ran.course));
    assert_kept(&ran.history);
    assert!(
        !ran.history.retried.is_empty(),
        "nothing died to be retried"
    );
}
