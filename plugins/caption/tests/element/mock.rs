//! A server of sorts: answers as a test says, and remembers what it was asked.

use base64::Engine;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::wait_until;

/// A request to `chat/completions`.
#[derive(Debug, Clone)]
pub struct Request {
    pub body: Value,
    pub headers: Vec<String>,
}

impl Request {
    /// All words of the last turn.
    pub fn text(&self) -> String {
        let last = self.body["messages"].as_array().unwrap().last().unwrap();
        match &last["content"] {
            Value::String(text) => text.clone(),
            parts => {
                let parts = parts.as_array().unwrap().iter();
                parts
                    .filter_map(|part| part["text"].as_str())
                    .collect::<Vec<_>>()
                    .join("|")
            }
        }
    }

    /// The pictures of all turns, in their order.
    pub fn pictures(&self) -> Vec<image::RgbImage> {
        let messages = self.body["messages"].as_array().unwrap();
        let parts = messages
            .iter()
            .filter_map(|message| message["content"].as_array())
            .flatten();
        parts
            .filter_map(|part| part["image_url"]["url"].as_str())
            .map(|url| {
                let data = url.strip_prefix("data:image/jpeg;base64,").unwrap();
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(data)
                    .unwrap();
                image::load_from_memory(&bytes).unwrap().to_rgb8()
            })
            .collect()
    }
}

/// How a request is answered: the number of the request, counted from 0, and the connection.
pub type Script = dyn Fn(usize, &Request, &mut TcpStream) + Send + Sync;

/// A server on the loopback interface.
pub struct Mock {
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    script: Box<Script>,
    models: Mutex<Value>,
    requests: Mutex<Vec<Request>>,
    count: AtomicUsize,
    /// Connections that the other side closed while an answer was awaited.
    closed: AtomicUsize,
    probes: AtomicUsize,
    stop: AtomicBool,
    address: std::net::SocketAddr,
}

impl Mock {
    /// A server that answers as `script` says.
    pub fn new(script: impl Fn(usize, &Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::with_owner("llamacpp", script)
    }

    /// A server of this kind.
    pub fn with_owner(
        owner: &str,
        script: impl Fn(usize, &Request, &mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            models: Mutex::new(
                json!({"object": "list", "data": [{"id": "mock-1", "owned_by": owner}]}),
            ),
            requests: Mutex::default(),
            count: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            probes: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            address,
        });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self {
            url: format!("http://{address}/v1"),
            shared,
        }
    }

    /// A server that always says this.
    pub fn saying(text: &'static str) -> Self {
        Self::new(move |_, _, stream| say(stream, &[text]))
    }

    /// A server that never answers; it notices when it is left.
    pub fn hung() -> Self {
        Self::new(|_, _, stream| hang(stream))
    }

    pub fn set_models(&self, models: Value) {
        *self.shared.models.lock().unwrap() = models;
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The request of this number, when it is there.
    #[track_caller]
    pub fn request(&self, n: usize) -> Request {
        wait_until("the request", || self.requests().len() > n);
        self.requests()[n].clone()
    }

    pub fn closed(&self) -> usize {
        self.shared.closed.load(Ordering::SeqCst)
    }

    pub fn probes(&self) -> usize {
        self.shared.probes.load(Ordering::SeqCst)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.shared.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let Some((line, headers, body)) = read(&stream) else {
            return;
        };
        if line.starts_with("GET") {
            self.probes.fetch_add(1, Ordering::SeqCst);
            let models = self.models.lock().unwrap().to_string();
            return respond(&mut stream, 200, "application/json", &models);
        }
        let body = serde_json::from_slice(&body).unwrap();
        let request = Request { body, headers };
        self.requests.lock().unwrap().push(request.clone());
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        (self.script)(n, &request, &mut stream);
        // Whether the other side left first.
        stream.set_nonblocking(true).unwrap();
        if matches!(stream.read(&mut [0; 1]), Ok(0)) {
            self.closed.fetch_add(1, Ordering::SeqCst);
        }
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn read(stream: &TcpStream) -> Option<(String, Vec<String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_string();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        headers.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, headers, body))
}

/// A response with a body.
pub fn respond(stream: &mut TcpStream, status: u16, mime: &str, body: &str) {
    respond_with(stream, status, &format!("Content-Type: {mime}"), body);
}

/// A response with these headers.
pub fn respond_with(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\n{headers}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

/// The beginning of a stream of events.
pub fn begin(stream: &mut TcpStream) {
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    );
    send(
        stream,
        &json!({"model": "mock-1", "choices": [{"delta": {"role": "assistant", "content": null}}]}),
    );
}

/// One event.
pub fn send(stream: &mut TcpStream, chunk: &Value) {
    let _ = write!(stream, "data: {chunk}\n\n");
    let _ = stream.flush();
}

/// Words.
pub fn send_words(stream: &mut TcpStream, words: &str) {
    send(
        stream,
        &json!({"choices": [{"delta": {"content": words}, "finish_reason": null}]}),
    );
}

/// The end of a stream.
pub fn end(stream: &mut TcpStream, finish: &str) {
    send(
        stream,
        &json!({"choices": [{"delta": {}, "finish_reason": finish}]}),
    );
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}});
    send(stream, &json!({"choices": [], "usage": usage}));
    let _ = write!(stream, "data: [DONE]\n\n");
}

/// A whole answer, in these pieces.
pub fn say(stream: &mut TcpStream, pieces: &[&str]) {
    begin(stream);
    pieces.iter().for_each(|piece| send_words(stream, piece));
    end(stream, "stop");
}

/// Waits until the other side leaves.
pub fn hang(stream: &mut TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
    let _ = stream.peek(&mut [0; 1]);
}
