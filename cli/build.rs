//! Tells the linker what the release binary leaves out.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    // A tenth of the binary is functions whose code is the same for several types. On this target the linker is LLVM's
    // (Rust 1.90 and newer), which can fold them; nothing here compares addresses of functions.
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
        // Cargo forgets the profile's `strip` where the binary's own package has a profile, as this one has.
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
}
