//! A plain client: what is sent is seen in the test, byte for byte.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::serving::{PATIENCE, Serving};

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// The header's value; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {self:?}"))
    }

    /// The text of an error, whose status it checks.
    #[track_caller]
    pub(crate) fn detail(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        match &self.json()["detail"] {
            Value::String(text) => text.clone(),
            other => panic!("the detail is {other}"),
        }
    }
}

/// A connection that stays open.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(serving: &Serving) -> Connection {
        Connection {
            stream: TcpStream::connect(serving.address).await.unwrap(),
            read: Vec::new(),
        }
    }

    /// The same, from another address of loopback.
    pub(crate) async fn open_from(serving: &Serving, address: &str) -> Connection {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(format!("{address}:0").parse().unwrap())
            .unwrap();
        Connection {
            stream: socket.connect(serving.address).await.unwrap(),
            read: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends what may find the connection closed already.
    pub(crate) async fn try_send(&mut self, text: &str) -> bool {
        self.stream.write_all(text.as_bytes()).await.is_ok()
    }

    /// Reads until `enough` of what was read says where the part that is wanted ends.
    async fn take(&mut self, enough: impl Fn(&[u8]) -> Option<usize>) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = enough(&self.read) {
                return Some(self.read.drain(..end).collect());
            }
            let mut buffer = [0; 16 * 1024];
            let reading = timeout(PATIENCE, self.stream.read(&mut buffer));
            match reading.await.expect("something comes, or the end") {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.read.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Text up to and with `end`; `None` if the connection ends before.
    pub(crate) async fn until(&mut self, end: &str) -> Option<String> {
        let end = end.as_bytes();
        let found = self
            .take(|read| {
                let at = read.windows(end.len()).position(|window| window == end)?;
                Some(at + end.len())
            })
            .await?;
        Some(String::from_utf8(found).unwrap())
    }

    /// The head of an answer: its status and its headers.
    pub(crate) async fn head(&mut self) -> Option<Reply> {
        let head = self.until("\r\n\r\n").await?;
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").expect("a header line"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Some(Reply {
            status,
            headers,
            body: String::new(),
        })
    }

    /// An answer whose head tells how long it is.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let mut reply = self.head().await?;
        let length: usize = match reply.header("content-length") {
            "" => 0,
            length => length.parse().unwrap(),
        };
        let body = self.take(|read| (read.len() >= length).then_some(length));
        reply.body = String::from_utf8(body.await?).unwrap();
        Some(reply)
    }

    /// Whether the server closes without saying more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let more = self.take(|read| (!read.is_empty()).then_some(read.len()));
        more.await.is_none()
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let _ = self.take(|_| None).await;
        std::mem::take(&mut self.read)
    }
}

impl Serving {
    /// One request as text, on a connection of its own.
    pub(crate) async fn raw(&self, request: &str) -> Reply {
        let mut connection = Connection::open(self).await;
        connection.send(request).await;
        let head_only = request.starts_with("HEAD ");
        let reply = if head_only {
            connection.head().await
        } else {
            connection.reply().await
        };
        reply.unwrap_or_else(|| panic!("no answer to {request}"))
    }

    /// A request with headers of the test's choice, `host` among them if need be.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        self.raw(&(request + "connection: close\r\n\r\n")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[]).await
    }

    /// A POST as curl sends it: without body, length or content type.
    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.ask("POST", path, &[]).await
    }

    pub(crate) async fn post_body(&self, path: &str, body: &str) -> Reply {
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ))
        .await
    }

    pub(crate) async fn query(&self, query: &str) -> Reply {
        let body = json!({ "query": query }).to_string();
        self.post_body("/atomspace/query", &body).await
    }
}
