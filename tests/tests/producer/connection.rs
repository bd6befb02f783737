//! `serve`: connections that are slow, many, kept or cut short, and its end.

use std::time::Duration;

use futures::future::join_all;
use penstock_tests::{fixture::job, harness::wait_until};
use tokio::net::TcpStream;

use crate::{
    service::Service,
    stage::{ACME, PATIENCE, Stage, text},
    wire::Wire,
};

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let mut wire = Wire::open(service.address).await;
    for id in ["a", "b"] {
        let body = text(&job(id));
        wire.announce(body.len()).await;
        wire.send(body).await;
        assert_eq!(wire.reply().await.body["jobs"][0]["id"], id);
        wire.ask("GET", &format!("/v1/jobs/{id}")).await;
        assert_eq!(wire.reply().await.body["state"], "ready");
        // Refusals do not end it either.
        wire.ask("GET", "/v1/jobs/nobody").await;
        assert_eq!(wire.reply().await.status, 404);
        wire.announce(2).await;
        wire.send("{}").await;
        assert_eq!(wire.reply().await.status, 422);
    }
    // Asked one behind the other without waiting, they are answered in order.
    for path in ["/livez", "/v1/jobs/a", "/v1/jobs/nobody"] {
        wire.ask("GET", path).await;
    }
    for status in [200, 200, 404] {
        assert_eq!(wire.reply().await.status, status);
    }
}

#[tokio::test]
async fn a_slow_body_holds_up_nobody_and_is_taken() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let body = text(&job("slow"));
    let mut slow = Wire::open(service.address).await;
    slow.announce(body.len()).await;
    for (index, piece) in body.as_bytes().chunks(16).enumerate() {
        let answer = service.post(text(&job(&format!("quick-{index}")))).await;
        assert_eq!(answer.status, 202);
        slow.send(piece).await;
    }
    assert_eq!(slow.reply().await.body["jobs"][0]["id"], "slow");
}

#[tokio::test]
async fn whoever_dawdles_is_let_go() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    let mut body = Wire::open(service.address).await;
    body.announce(100).await;
    body.send("{").await;
    let mut head = Wire::open(service.address).await;
    head.send("POST /v1/jobs HTTP/1.1\r\nhost: loc").await;
    let (reply, ()) = tokio::join!(body.reply(), head.let_go());
    assert_eq!(reply.status, 408);
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn a_body_that_is_cut_short_stores_nothing() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    for _ in 0..20 {
        let body = text(&job("a"));
        let mut wire = Wire::open(service.address).await;
        wire.announce(body.len()).await;
        wire.send(&body[..body.len() - 1]).await;
    }
    assert_eq!(service.get("/readyz").await.status, 200);
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn many_connections_at_once() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let mut wires = join_all((0..300).map(|_| Wire::open(service.address))).await;
    let bodies: Vec<String> = (0..300).map(|n| text(&job(&format!("n{n}")))).collect();
    // All are under way before the first is sent.
    join_all(
        wires
            .iter_mut()
            .zip(&bodies)
            .map(|(wire, body)| wire.announce(body.len())),
    )
    .await;
    join_all(
        wires
            .iter_mut()
            .zip(&bodies)
            .map(|(wire, body)| wire.send(body)),
    )
    .await;
    for reply in join_all(wires.iter_mut().map(Wire::reply)).await {
        assert_eq!(
            (reply.status, &reply.body["jobs"][0]["status"]),
            (202, &"accepted".into())
        );
    }
    assert_eq!(stage.count(ACME).await, 300);
}

#[tokio::test]
async fn bodies_that_do_not_say_their_length_share_the_memory() {
    /// So many times the most that a body may have is there for all of them.
    const SHARES: usize = 8;
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let mut open = Vec::new();
    for _ in 0..SHARES {
        let mut wire = Wire::open(service.address).await;
        wire.announce_unknown().await;
        open.push(wire);
    }
    let one_more = service.post(text(&job("more"))).await;
    one_more.retry_after(503);
    assert_eq!(stage.count(ACME).await, 0);
    // Given back, whether the body is stored, refused or cut.
    for round in 0..3 {
        let mut wire = open.pop().unwrap();
        if round > 0 {
            let body = [text(&job("a")), "{}".to_owned()][round - 1].clone();
            wire.send(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
                .await;
            assert_eq!(wire.reply().await.status, [202, 422][round - 1]);
        }
        drop(wire);
        let id = format!("after-{round}");
        wait_until("room for a job", PATIENCE, async || {
            (service.post(text(&job(&id))).await.status == 202).then_some(())
        })
        .await;
        let mut wire = Wire::open(service.address).await;
        wire.announce_unknown().await;
        open.push(wire);
    }
}

/// Waits until nobody is welcome any more.
async fn closed(service: &Service) {
    wait_until("the end of listening", PATIENCE, async || {
        TcpStream::connect(service.address).await.err().map(drop)
    })
    .await;
}

#[tokio::test]
async fn told_to_stop_it_answers_what_is_under_way() {
    let stage = Stage::start().await;
    for interrupt in [false, true] {
        let mut service = Service::start(&stage, &[]).await;
        let mut idle = Wire::open(service.address).await;
        idle.ask("GET", "/livez").await;
        assert_eq!(idle.reply().await.status, 200);
        let body = text(&job(&format!("late-{interrupt}")));
        let mut busy = Wire::open(service.address).await;
        busy.announce(body.len()).await;
        busy.send(&body[..30]).await;
        if interrupt {
            service.program.sigint();
        } else {
            service.program.sigterm();
        }
        closed(&service).await;
        idle.closed().await;
        assert!(service.program.exited().is_none());
        busy.send(&body[30..]).await;
        let reply = busy.reply().await;
        assert_eq!(
            (reply.status, &reply.body["jobs"][0]["status"]),
            (202, &"accepted".into())
        );
        busy.closed().await;
        assert_eq!(service.program.wait_exit(PATIENCE).await.code(), Some(0));
    }
    assert_eq!(stage.ids(ACME).await, ["late-false", "late-true"]);
}

#[tokio::test]
async fn what_takes_longer_than_its_grace_is_cut() {
    let stage = Stage::start().await;
    let mut service = Service::start(&stage, &[("PENSTOCK_GRACE", "300ms")]).await;
    let mut busy = Wire::open(service.address).await;
    busy.announce(100).await;
    service.program.sigterm();
    busy.closed().await;
    assert_eq!(service.program.wait_exit(PATIENCE).await.code(), Some(0));
    service
        .program
        .wait_for_line("PENSTOCK_GRACE", Duration::ZERO)
        .await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let stage = Stage::start().await;
    let mut service = Service::start(&stage, &[("PENSTOCK_GRACE", "1h")]).await;
    let mut busy = Wire::open(service.address).await;
    busy.announce(100).await;
    service.program.sigterm();
    closed(&service).await;
    service.program.sigterm();
    assert_eq!(service.program.wait_exit(PATIENCE).await.code(), Some(1));
    busy.closed().await;
}

#[tokio::test]
async fn it_stops_while_redis_is_away_too() {
    let mut stage = Stage::start().await;
    let mut service = Service::start(&stage, &[]).await;
    stage.redis.kill9();
    service.program.sigterm();
    assert_eq!(service.program.wait_exit(PATIENCE).await.code(), Some(0));
    let mut never = Service::begin(stage.producer(&[])).await;
    never.program.sigterm();
    assert_eq!(never.program.wait_exit(PATIENCE).await.code(), Some(0));
}
