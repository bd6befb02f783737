//! A child process that cannot outlive the process that started it.

use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Becomes the program, and leaves a watchdog behind that holds the other end of our lifeline. The lifeline closes
/// with our process, however that dies: then the watchdog kills the program and removes its directory. A line
/// written on it dismisses the watchdog. Forked twice, the watchdog is no child that the program might wonder about.
const BECOME_GUARDED: &str = r#"
exec 3<&0 </dev/null
directory=$1; shift
( ( read -r word <&3 || { kill -9 $$; sleep 0.2; [ -z "$directory" ] || rm -rf "$directory"; } ) >/dev/null 2>&1 & )
exec "$@" 3<&-
"#;

/// A running child and the lifeline that ends it with us.
#[derive(Debug)]
pub(super) struct Guarded {
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Guarded {
    /// Starts `command` (its program, arguments and environment; standard input is empty) in a process group of its
    /// own, so that Ctrl-C reaches only us. If we die, `directory` is removed after it.
    pub(super) fn spawn(command: &Command, directory: Option<&Path>) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", BECOME_GUARDED, "guard"]);
        shell.arg(directory.map_or(Path::new(""), |path| path));
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = shell
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let lifeline = child.stdin.take();
        Self { child, lifeline }
    }

    /// The streams and the exit of the child; its standard input is the lifeline.
    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit of the child, when it has ended.
    pub(super) fn exited(&mut self) -> Option<ExitStatus> {
        let status = self
            .child
            .try_wait()
            .expect("our own child can be waited for");
        if status.is_some() {
            self.dismiss_watchdog();
        }
        status
    }

    /// Sends a signal to the child, unless it has ended already.
    pub(super) fn signal(&mut self, signal: Signal) {
        if self.exited().is_none() {
            let pid = i32::try_from(self.child.id()).expect("process ids fit in 31 bits");
            kill(Pid::from_raw(pid), signal).expect("our own child can be signalled");
        }
    }

    /// SIGKILL, and waits until the child is gone.
    pub(super) fn kill9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.dismiss_watchdog();
        // It was killed, or had ended before.
        let _ = self.child.wait();
    }

    fn dismiss_watchdog(&mut self) {
        if let Some(mut lifeline) = self.lifeline.take() {
            // Where the write fails there is no watchdog left to be dismissed.
            let _ = std::io::Write::write_all(&mut lifeline, b"dismissed\n");
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill9();
    }
}
