//! A client that hangs up while BEGIN is in flight must not poison a pooled connection: with sqlx 0.9 a cancelled
//! `pool.begin()` returns a connection with an open transaction, and the next write is acknowledged and lost.
//! `Db::begin` opens transactions in a task that no client can cancel.
use crate::support::Desk;
use countersign::{
    auth::{Operator, RequestsExecute, Service},
    db::Db,
    live::Live,
};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixStream},
};

/// Carries bytes to the database's socket, 25 ms late each way.
async fn slow_road(socket: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&socket).await.unwrap();
            let ((cr, cw), (sr, sw)) = (client.into_split(), server.into_split());
            tokio::spawn(carry(cr, sw));
            tokio::spawn(carry(sr, cw));
        }
    });
    port
}

async fn carry(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) {
    let mut buffer = [0; 8192];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        tokio::time::sleep(Duration::from_millis(25)).await;
        if to.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
}

#[tokio::test]
async fn a_write_after_a_cancelled_begin_is_not_lost() {
    let desk = Desk::open().await;
    let url = url::Url::parse(&desk.app_url().await).unwrap();
    let folder = url.query_pairs().find(|(k, _)| k == "host").unwrap().1.into_owned();
    let port = slow_road(format!("{folder}/.s.PGSQL.5432")).await;
    let slow = format!("postgres://countersign_app@127.0.0.1:{port}/{}?sslmode=disable", desk.database);
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    for cancel_after in [52, 56, 65, 70, 80, 95, 110, 130] {
        let db = Db::connect(&slow, Live::new().0).await.unwrap();
        // warm: the pool has its connection
        drop(db.begin(&executor).await.unwrap());
        // its rollback takes the slow road too; only then is it back in the pool
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = tokio::time::timeout(Duration::from_millis(cancel_after), db.begin(&executor)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let key = [cancel_after as u8; 32];
        db.create_session(&key, None, serde_json::json!({})).await.unwrap();
        let mut other = PgConnection::connect(&desk.owner_url().await).await.unwrap();
        let seen: bool = sqlx::query_scalar("select exists (select from session where id_hash = $1)")
            .bind(&key[..])
            .fetch_one(&mut other)
            .await
            .unwrap();
        assert!(seen, "acknowledged and lost, cancelled after {cancel_after} ms");
        db.close().await;
    }
}
