//! A server of models that has one habit.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// What a server does with a question.
#[derive(Clone, Copy)]
pub enum Habit {
    /// Nothing, until it is left.
    Hang,
    /// It answers after this time.
    Answer(Duration),
}

/// A server on the loopback interface; tells when questions come and when it is left.
pub struct Server {
    address: SocketAddr,
    /// When questions come.
    pub asked: Receiver<()>,
    /// When it is left before it answered.
    pub left: Receiver<Instant>,
}

impl Server {
    /// A server of this habit.
    pub fn start(habit: Habit) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (ask, asked) = mpsc::channel();
        let (leave, left) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (ask, leave) = (ask.clone(), leave.clone());
                std::thread::spawn(move || {
                    let Some(is_question) = read(&stream) else {
                        return;
                    };
                    let models = r#"{"data": [{"id": "m", "owned_by": "llamacpp"}]}"#;
                    let answer =
                        r#"{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}"#;
                    if !is_question {
                        return respond(stream, models);
                    }
                    let _ = ask.send(());
                    match habit {
                        Habit::Answer(after) => {
                            std::thread::sleep(after);
                            respond(stream, answer);
                        }
                        Habit::Hang => {
                            let _ = stream.peek(&mut [0; 1]);
                            let _ = leave.send(Instant::now());
                        }
                    }
                });
            }
        });
        Ok(Self {
            address,
            asked,
            left,
        })
    }

    /// Its address, as `base-url`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Reads a request; whether it is a question.
fn read(stream: &TcpStream) -> Option<bool> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let is_question = line.starts_with("POST");
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(is_question)
}

fn respond(mut stream: TcpStream, body: &str) {
    let length = body.len();
    // Nobody may be left to read it.
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}
