//! The target's process group, apart from this program's: Ctrl-C in a terminal reaches only this program, so that the target can
//! still commit what it has read.

use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

/// The processes of a target, until it has ended. Clones are the same group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group(Arc<Mutex<Option<u32>>>);

impl Group {
    /// A command whose processes will be a group of their own.
    #[cfg(unix)]
    pub(crate) fn of_its_own(command: &mut Command) -> &mut Command {
        std::os::unix::process::CommandExt::process_group(command, 0)
    }

    /// A command whose processes will be a group of their own.
    #[cfg(windows)]
    pub(crate) fn of_its_own(command: &mut Command) -> &mut Command {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP)
    }

    /// The group of a command that has been started.
    pub(crate) fn of(child: &Child) -> Group {
        Group(Arc::new(Mutex::new(Some(child.id()))))
    }

    /// Call this when the target has ended: its process ID may be reused.
    pub(crate) fn has_ended(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Asks the target to end now. Where there are no signals, the end of its input has to do.
    pub(crate) fn terminate(&self) {
        let leader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(unix)]
        if let Some(leader) = leader.and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            // It may have ended this very moment.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::TERM);
        }
        drop(leader);
    }
}
