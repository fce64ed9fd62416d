//! A model server that runs beside the pipeline: started, watched and ended here, so that a crash of
//! the model never touches the video.
//!
//! One thread starts the server on a free port of the loopback interface, waits until it is healthy,
//! starts it again when it ends, after a pause that grows, and kills it, with everything that it
//! started, when the last element goes. The kernel kills it if this process dies.

mod words;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getppid, kill_process_group,
    set_parent_process_death_signal, waitid,
};

use crate::client::Endpoint;
use crate::client::url::BaseUrl;

pub use words::words;

/// How often the server is looked at.
const TICK: Duration = Duration::from_millis(50);
/// First pause before it is started again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After so long the next failure is the first again.
const STEADY: Duration = Duration::from_secs(30);
/// Longest line of its output that is passed on, in bytes.
const LONGEST_LINE: u64 = 2000;

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// The program, as an absolute path.
    program: PathBuf,
    arguments: Vec<String>,
    model: Option<PathBuf>,
    mmproj: Option<PathBuf>,
}

impl Recipe {
    /// Reads the properties: a command with arguments, and the files of a model. Looks for them.
    ///
    /// # Errors
    /// What is missing, named with its property.
    pub fn new(command: &str, model: Option<&str>, mmproj: Option<&str>) -> Result<Self, String> {
        let mut arguments = words(command).map_err(|error| format!("spawn: {error}"))?;
        if arguments.is_empty() {
            return Err("spawn is empty: name a program, such as llama-server".into());
        }
        let program = arguments.remove(0);
        let program = find_program(&program).ok_or_else(|| {
            format!(
                "spawn: there is no program {program:?} on the path: install it, or give its path"
            )
        })?;
        let file = |property: &str, path: Option<&str>| match path {
            Some(path) if !Path::new(path).is_file() => {
                Err(format!("{property}: there is no file {path:?}"))
            }
            path => Ok(path.map(PathBuf::from)),
        };
        Ok(Self {
            program,
            arguments,
            model: file("spawn-model", model)?,
            mmproj: file("spawn-mmproj", mmproj)?,
        })
    }

    fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        if let Some(model) = &self.model {
            command.arg("--model").arg(model);
        }
        if let Some(mmproj) = &self.mmproj {
            command.arg("--mmproj").arg(mmproj);
        }
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command
    }
}

fn find_program(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let is_program = |path: &PathBuf| {
        std::fs::metadata(path)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return std::fs::canonicalize(name).ok().filter(is_program);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(is_program)
}

/// What happens to the server, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A line of its output.
    Line(String),
    /// It is started on this port.
    Started(u16),
    /// It answers.
    Ready,
    /// It ended, or could not be started; it is started again after this pause.
    Ended(String, Duration),
}

/// Hears the news; on threads of the supervisor.
pub type Log = Arc<dyn Fn(News) + Send + Sync>;

#[derive(Default)]
struct State {
    base: Option<BaseUrl>,
    pid: Option<u32>,
    stop: bool,
}

/// What is told of the server to whoever must not wait while it is started.
#[derive(Default)]
struct Told {
    /// The id of its process; 0: there is none.
    pid: AtomicU32,
    starts: AtomicU64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    told: Told,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, and says whether to stop.
    fn stopped_within(&self, time: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), time, |state| !state.stop);
        waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }
}

/// A server that is kept running.
#[derive(Clone)]
pub struct Supervisor(Arc<Shared>);

impl Endpoint for Supervisor {
    fn base(&self) -> Option<BaseUrl> {
        self.0.lock().base.clone()
    }
}

impl Supervisor {
    /// Starts a server and keeps it running until [`stop`](Self::stop).
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(recipe: Recipe, log: Log) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let supervisor = Self(shared.clone());
        std::thread::Builder::new()
            .name("caption server".into())
            .spawn(move || run(&recipe, &shared, &log))?;
        Ok(supervisor)
    }

    /// Kills the server; does not wait for it to be gone.
    pub fn stop(&self) {
        let mut state = self.0.lock();
        state.stop = true;
        state.base = None;
        // Under the lock, so that the number is still its.
        if let Some(pid) = state.pid {
            kill_group(pid);
        }
        drop(state);
        self.0.changed.notify_all();
    }

    /// How often it was started.
    pub fn starts(&self) -> u64 {
        self.0.told.starts.load(Ordering::Relaxed)
    }

    /// The id of its process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        let pid = self.0.told.pid.load(Ordering::Relaxed);
        (pid != 0).then_some(pid)
    }
}

fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // Gone already, or never a group of its own: nothing to be done.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn run(recipe: &Recipe, shared: &Shared, log: &Log) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let ended = match start(recipe, shared, log) {
            Ok((child, port)) => watch(child, port, shared, log),
            Err(error) => format!("it cannot be started: {error}"),
        };
        if shared.lock().stop {
            return;
        }
        if began.elapsed() > STEADY {
            pause = FIRST_PAUSE;
        }
        log(News::Ended(ended, pause));
        if shared.stopped_within(pause) {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn start(recipe: &Recipe, shared: &Shared, log: &Log) -> std::io::Result<(Child, u16)> {
    // Free now; somebody else may take it until the server does, and then it is started again.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut command = recipe.command(port);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let parent = Pid::from_raw(i32::try_from(std::process::id()).unwrap_or_default());
    // SAFETY: prctl and getppid are bare system calls: they neither allocate nor lock, as is required
    // between fork and exec.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // This process may have died before: then nobody would end the server.
            match getppid() == parent {
                true => Ok(()),
                false => Err(std::io::ErrorKind::NotFound.into()),
            }
        });
    }
    let mut child = {
        let mut state = shared.lock();
        if state.stop {
            return Err(std::io::Error::other("the element stops"));
        }
        let child = command.spawn()?;
        state.pid = Some(child.id());
        shared.told.pid.store(child.id(), Ordering::Relaxed);
        shared.told.starts.fetch_add(1, Ordering::Relaxed);
        child
    };
    log(News::Started(port));
    if let Some(output) = child.stdout.take() {
        pass_on(output, log.clone());
    }
    if let Some(output) = child.stderr.take() {
        pass_on(output, log.clone());
    }
    Ok((child, port))
}

/// Passes lines on until the output ends; on a thread of its own, or the server would stand still
/// when nobody reads.
fn pass_on(output: impl Read + Send + 'static, log: Log) {
    let read = move || {
        let mut reader = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
            {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let text = String::from_utf8_lossy(&line);
                    let text = crate::prompt::clean::line(&text, LONGEST_LINE as usize);
                    if !text.is_empty() {
                        log(News::Line(text));
                    }
                }
            }
        }
    };
    // Without the thread the log lacks lines, no more.
    let _ = std::thread::Builder::new()
        .name("caption server log".into())
        .spawn(read);
}

/// Watches a server until it ends, and says how.
fn watch(mut child: Child, port: u16, shared: &Shared, log: &Log) -> String {
    let mut ready = false;
    while !has_ended(&child) {
        if !ready && is_healthy(port) {
            ready = true;
            shared.lock().base = BaseUrl::parse(&format!("http://127.0.0.1:{port}/v1")).ok();
            log(News::Ready);
        }
        if shared.stopped_within(TICK) {
            break;
        }
    }
    // It may have left others of its group. Nobody else has its number until it is waited for.
    kill_group(child.id());
    {
        let mut state = shared.lock();
        state.base = None;
        state.pid = None;
        shared.told.pid.store(0, Ordering::Relaxed);
    }
    // Without the lock: one that has a GPU's memory to give back takes a while to be gone.
    let status = child.wait();
    status.map_or_else(|error| format!("it cannot be watched: {error}"), describe)
}

/// Whether a process has ended; it stays to be waited for.
fn has_ended(child: &Child) -> bool {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return true;
    };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

fn describe(status: ExitStatus) -> String {
    format!("it ended ({status})")
}

fn is_healthy(port: u16) -> bool {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(1)))
        .build()
        .new_agent();
    let response = agent.get(format!("http://127.0.0.1:{port}/health")).call();
    // 503 while the model is loaded; other servers have no such path.
    response.is_ok_and(|response| matches!(response.status().as_u16(), 200 | 404))
}

#[cfg(test)]
mod tests;
