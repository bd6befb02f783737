//! Webhooks by the clock.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use futures::future::join_all;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{Duration, sleep_until},
};

use crate::{answer, figures::Figures, options::Options, stage::Stage};

/// Before the first is sent.
const BEFORE: Duration = Duration::from_millis(200);

/// Sends all that there are: each connection those whose turn it is, one after the other as on any connection.
pub(crate) async fn run(options: &Options, stage: &Stage) -> Figures {
    let mut shares = vec![VecDeque::new(); usize::from(options.connections)];
    for (number, request) in (0..).zip(stage.requests(options)) {
        let share = number as usize % shares.len();
        shares[share].push_back((options.due(number), request));
    }
    let address = stage.address();
    let streams = join_all(shares.iter().map(|_| TcpStream::connect(address))).await;
    let began = Arc::new(Instant::now() + BEFORE);
    let tasks = shares.into_iter().zip(streams).map(|(share, stream)| {
        let stream = stream.expect("it listens");
        tokio::spawn(send(share, stream, Arc::clone(&began)))
    });
    let mut figures = Figures::default();
    for told in join_all(tasks).await {
        figures.extend(told.expect("a sender ends"));
    }
    figures.took(began.elapsed());
    figures
}

/// How long each took from the moment at which it was to be sent, and whether its answer was right.
async fn send(
    share: VecDeque<(Duration, Vec<u8>)>,
    mut stream: TcpStream,
    began: Arc<Instant>,
) -> Vec<(Duration, bool)> {
    stream.set_nodelay(true).expect("a socket takes options");
    let (mut unread, mut told) = (Vec::with_capacity(4_096), Vec::with_capacity(share.len()));
    for (due, request) in share {
        let due = *began + due;
        sleep_until(due.into()).await;
        stream.write_all(&request).await.expect("it reads");
        let right = answer::read(&mut stream, &mut unread).await;
        told.push((due.elapsed(), right));
    }
    told
}
