//! `kspec explain`.

use kspec_diagnostics::{CATALOGUE, Code};

use crate::{
    args::Explain,
    context::Context,
    exit::{Exit, Failure},
};

pub(super) fn run(args: &Explain, context: &Context) -> Result<Exit, Failure> {
    let Some(text) = &args.code else {
        let list: String = CATALOGUE.iter().map(|info| format!("{}  {}\n", info.code, info.title)).collect();
        context.answer(&list);
        return Ok(Exit::Done);
    };
    let code = Code::parse(text).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no finding {text}"))
            .help("`kspec explain` without a code lists them all")
    })?;
    context.answer(code.info().page);
    Ok(Exit::Done)
}
