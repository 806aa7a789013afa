//! Turns the message files and the static files into code, so that a misspelt message or a missing file fails the build.
#[path = "build/assets.rs"]
mod assets;
#[path = "build/messages.rs"]
mod messages;

fn main() {
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    messages::generate(&out);
    assets::generate(&out);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=migrations");
}
