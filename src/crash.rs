//! Places where a test may kill the process, as a power cut would. Without the feature `failpoints` there is nothing here.

/// Arms the points that `FAILPOINTS` names, for as long as the process lives.
#[cfg(feature = "failpoints")]
pub fn arm() {
    std::mem::forget(fail::FailScenario::setup());
}

#[cfg(not(feature = "failpoints"))]
pub fn arm() {}

/// Ends the process with SIGKILL if this point is armed: `FAILPOINTS="vote.cast=return"`.
#[cfg(feature = "failpoints")]
pub fn point(name: &str) {
    fail::fail_point!(name, |_| {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    });
}

#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn point(_: &str) {}
