use super::*;
use std::sync::mpsc::{self, Receiver};

/// A server of sorts: answers every request with 200 and an empty object, and says what its
/// arguments are.
const SERVER: &str = r#"
import http.server, sys
print("arguments", *sys.argv[1:], flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die": import os; os.abort()
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *args): pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"#;

struct Rig {
    supervisor: Supervisor,
    news: Receiver<News>,
    _folder: tempfile::TempDir,
}

fn rig(command: impl FnOnce(&Path) -> String) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("server.py");
    std::fs::write(&script, SERVER).unwrap();
    std::fs::write(folder.path().join("model"), "").unwrap();
    let model = folder.path().join("model");
    let recipe = Recipe::new(&command(&script), model.to_str(), None).unwrap();
    let (told, news) = mpsc::channel();
    let log: Log = Arc::new(move |heard| {
        let _ = told.send(heard);
    });
    Rig {
        supervisor: Supervisor::start(recipe, log).unwrap(),
        news,
        _folder: folder,
    }
}

impl Rig {
    #[track_caller]
    fn wait_for(&self, wanted: impl Fn(&News) -> bool) -> News {
        loop {
            let news = self.news.recv_timeout(Duration::from_secs(60)).unwrap();
            if wanted(&news) {
                return news;
            }
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.supervisor.stop();
    }
}

fn is_alive(pid: u32) -> bool {
    // A zombie is dead, only not yet collected.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_is_started_started_again_and_killed() {
    let rig = rig(|script| format!("python3 -u '{}' 'two words'", script.display()));
    let News::Line(line) = rig.wait_for(|news| matches!(news, News::Line(_))) else {
        unreachable!()
    };
    assert!(line.starts_with("arguments two words --model /"), "{line}");
    assert!(line.contains("--host 127.0.0.1 --port "), "{line}");
    rig.wait_for(|news| *news == News::Ready);
    let base = rig.supervisor.base().unwrap();
    let first = rig.supervisor.pid().unwrap();
    // As if the model crashed.
    let _ = ureq::get(base.to_string().replace("/v1", "/die")).call();
    let ended = rig.wait_for(|news| matches!(news, News::Ended(..)));
    assert!(format!("{ended:?}").contains("signal: 6"), "{ended:?}");
    assert_eq!(rig.supervisor.base(), None);
    rig.wait_for(|news| *news == News::Ready);
    let second = rig.supervisor.pid().unwrap();
    assert!(first != second && !is_alive(first) && is_alive(second));
    assert_eq!(rig.supervisor.starts(), 2);
    rig.supervisor.stop();
    assert_eq!(rig.supervisor.base(), None);
    wait_until("its end", || !is_alive(second));
}

#[test]
fn what_the_server_started_is_killed_with_it() {
    let rig = rig(|_| "sh -c 'sleep 1000 & echo $!; wait'".into());
    let News::Line(line) = rig.wait_for(|news| matches!(news, News::Line(_))) else {
        unreachable!()
    };
    let grandchild: u32 = line.parse().unwrap();
    assert!(is_alive(grandchild));
    rig.supervisor.stop();
    wait_until("its end", || !is_alive(grandchild));
}

/// Not a test of its own: what the test below runs as another process, and kills.
#[test]
#[ignore = "a process for another test"]
fn host() {
    if std::env::var_os("VIGIL_TEST_HOST").is_none() {
        return;
    }
    let rig = rig(|_| "sh -c 'exec sleep 1000'".into());
    rig.wait_for(|news| matches!(news, News::Started(_)));
    println!("server {}", rig.supervisor.pid().unwrap());
    std::thread::sleep(Duration::from_secs(1000));
}

#[test]
fn the_server_does_not_outlive_a_process_that_is_killed() {
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spawn::tests::host", "--ignored", "--nocapture"])
        .env("VIGIL_TEST_HOST", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let server: u32 = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("server ")?.1.parse().ok())
        .unwrap();
    assert!(is_alive(server));
    host.kill().unwrap();
    host.wait().unwrap();
    wait_until("its end", || !is_alive(server));
}

#[test]
fn a_server_that_ends_at_once_is_started_again_less_and_less_often() {
    let rig = rig(|_| "sh -c 'echo no; exit 3'".into());
    let mut pauses = Vec::new();
    for _ in 0..2 {
        let ended = rig.wait_for(|news| matches!(news, News::Ended(..)));
        let News::Ended(how, pause) = ended else {
            unreachable!()
        };
        assert!(how.contains("exit status: 3"), "{how}");
        pauses.push(pause);
    }
    assert_eq!(pauses, [FIRST_PAUSE, FIRST_PAUSE * 2]);
}

#[test]
fn what_is_missing_is_named() {
    let recipe = |command, model, mmproj| Recipe::new(command, model, mmproj).unwrap_err();
    for (error, said) in [
        (recipe("", None, None), "spawn is empty"),
        (
            recipe("no-such-program-1", None, None),
            "\"no-such-program-1\"",
        ),
        (recipe("/etc/passwd", None, None), "\"/etc/passwd\""),
        (recipe("sh 'x", None, None), "is not closed"),
        (
            recipe("sh", Some("/no/model.gguf"), None),
            "spawn-model: there is no file \"/no/model.gguf\"",
        ),
        (recipe("sh", None, Some("/no/mm.gguf")), "spawn-mmproj"),
    ] {
        assert!(error.contains(said), "{error}");
    }
}
