//! `kspec net`.

use std::path::Path;

use kspec_analysis::net::{self, Exposure, Ipv6, NetOptions, Network};
use kspec_query::{
    Model, Packet, Place, PlaceError,
    document::QUERY_FORMAT,
    net_document::{NetDiffDocument, ProbeDocument, ReachDocument},
    net_graph::{PageData, SummaryDocument, in_doubt},
    paths::nodes_there_are,
    place, port,
};

use super::{
    access::read_text,
    check::json,
    model::{self, Asked},
};
use crate::{
    args::{
        BlocksArgs, Graph, GraphFormat, Net, NetDiff, NetQuestion, PacketArgs, Probe, ReachArgs, ReachFormat,
        ReportFormat,
    },
    context::Context,
    exit::{Exit, Failure},
    render,
};

/// Single addresses are answered in both families, whether or not a policy names one.
fn every_address(blocks: BlocksArgs) -> NetOptions {
    NetOptions { ipv6: Ipv6::Always, blocks: blocks.mode() }
}

/// Addresses of IPv6 where some policy names one.
fn named_addresses(blocks: BlocksArgs) -> NetOptions {
    NetOptions { ipv6: Ipv6::WhenNamed, blocks: blocks.mode() }
}

pub(super) fn run(args: &Net, context: &Context) -> Result<Exit, Failure> {
    match &args.question {
        NetQuestion::Reach(args) => reach(args, context),
        NetQuestion::Probe(args) => probe(args, false, context),
        NetQuestion::Explain(args) => probe(args, true, context),
        NetQuestion::Diff(args) => diff(args, context),
        NetQuestion::Graph(args) => graph(args, context),
    }
}

fn reach(args: &ReachArgs, context: &Context) -> Result<Exit, Failure> {
    if args.summary && args.output == ReachFormat::Csv {
        return Err(Failure::new(Exit::Usage, "--summary has no csv: its rows are not between two ends")
            .help("pass -o human or -o json"));
    }
    let Asked { model, .. } = match model::read(&args.cluster, context)? {
        Ok(asked) => asked,
        Err(exit) => return Ok(exit),
    };
    complete(&model)?;
    let reach = net::reach(&model.cluster, &named_addresses(args.blocks));
    if args.summary {
        let document = SummaryDocument::new(&reach);
        context.answer(&match args.output {
            ReachFormat::Json => json(&document),
            ReachFormat::Human | ReachFormat::Csv => render::net::summary(&document),
        });
        return Ok(certain(&document.ambiguous_because, &document.unknown_because, context));
    }
    let document = ReachDocument::new(&reach);
    context.answer(&match args.output {
        ReachFormat::Human => render::net::reach(&document),
        ReachFormat::Csv => render::net::csv(&document),
        ReachFormat::Json => json(&document),
    });
    let ambiguous: Vec<String> = document.ambiguous.iter().flat_map(|row| row.because.clone()).collect();
    Ok(certain(&ambiguous, &document.unknown_because, context))
}

fn graph(args: &Graph, context: &Context) -> Result<Exit, Failure> {
    let Asked { model, .. } = match model::read(&args.cluster, context)? {
        Ok(asked) => asked,
        Err(exit) => return Ok(exit),
    };
    complete(&model)?;
    let reach = net::reach(&model.cluster, &named_addresses(args.blocks));
    let text = match args.output {
        GraphFormat::Dot => render::graph::dot(&SummaryDocument::new(&reach)),
        GraphFormat::Svg => render::graph::svg(&SummaryDocument::new(&reach)),
        GraphFormat::Html => render::graph::page(&PageData::new(&reach)),
    };
    match &args.out {
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::io(path, &error))?,
        None => context.answer(&text),
    }
    let unknown: Vec<String> = reach.unknown_because.iter().map(kspec_plan::short).collect();
    Ok(certain(&in_doubt(&reach), &unknown, context))
}

/// As [`decided`], where some connections may not be defined.
fn certain(ambiguous: &[String], unknown: &[String], context: &Context) -> Exit {
    let exit = decided(unknown, context);
    if ambiguous.is_empty() {
        return exit;
    }
    context.note_always(
        "unknown: of some connections it is not defined whether they are allowed (`net reach -o human` and `-o json` list them)",
    );
    Exit::Unknown
}

fn probe(args: &Probe, explain: bool, context: &Context) -> Result<Exit, Failure> {
    let packets = match &args.packet.batch {
        Some(path) => batch(path)?,
        None => vec![(String::new(), packet(&args.packet)?)],
    };
    let Asked { model, .. } = match model::read(&args.cluster, context)? {
        Ok(asked) => asked,
        Err(exit) => return Ok(exit),
    };
    complete(&model)?;
    let network = Network::new(&model.cluster, &every_address(args.blocks));
    let mut questions = Vec::new();
    for (at, packet) in &packets {
        let end = |text: &str| {
            place(&network, text).map_err(|error| {
                let failure = Failure::new(Exit::Unknown, format!("{at}{error}"));
                match error {
                    PlaceError::Node(_) => failure.help(format!(
                        "name one of its addresses, or a workload as NAMESPACE/NAME; {}",
                        nodes_there_are(&model)
                    )),
                    _ => failure,
                }
            })
        };
        let port = packet.port().map_err(|error| Failure::new(Exit::Usage, format!("{at}{error}")))?;
        questions.push((at, end(&packet.src)?, end(&packet.dst)?, port));
    }
    let from_outside = questions.iter().any(|(_, src, ..)| *src == Place::Internet);
    let exposures: Vec<Exposure> =
        if from_outside { net::reach(&model.cluster, &every_address(args.blocks)).exposures() } else { Vec::new() };
    let (mut text, mut exit) = (String::new(), Exit::Done);
    for (at, src, dst, port) in &questions {
        let document = ProbeDocument::ask(&network, &exposures, (src, dst), *port, explain)
            .map_err(|error| Failure::new(Exit::Usage, format!("{at}{error}")))?;
        if document.allowed.is_none() {
            decided(&document.unknown_because, context);
            if document.ambiguous {
                context.note_always("unknown: it is not defined which of the policies decides");
            }
            exit = Exit::Unknown;
        }
        if args.packet.batch.is_some() {
            // Our documents have string keys and no floats that JSON lacks, so this cannot fail.
            text.push_str(&serde_json::to_string(&document).unwrap_or_default());
            text.push('\n');
            continue;
        }
        if document.allowed == Some(false) {
            exit = Exit::No;
        }
        text.push_str(&match args.output {
            ReportFormat::Human => render::net::probe(&document),
            ReportFormat::Json => json(&document),
        });
    }
    context.answer(&text);
    Ok(exit)
}

fn diff(args: &NetDiff, context: &Context) -> Result<Exit, Failure> {
    let (before, after) = match model::two(&args.states.cluster, args.states.to.as_deref(), context)? {
        Ok(both) => both,
        Err(exit) => return Ok(exit),
    };
    complete(&before)?;
    complete(&after)?;
    let delta = net::delta(&before.cluster, &after.cluster, &named_addresses(args.blocks));
    let document = NetDiffDocument { format_version: QUERY_FORMAT, connectivity: delta.into() };
    context.answer(&match args.states.output {
        ReportFormat::Human => render::plan::connectivity_alone(&document.connectivity, context.color),
        ReportFormat::Json => json(&document),
    });
    let connectivity = &document.connectivity;
    let (ambiguous, unknown): (Vec<_>, Vec<_>) = connectivity
        .unknown_because
        .iter()
        .cloned()
        .partition(|object| connectivity.ambiguous_because.contains(object));
    Ok(certain(&ambiguous, &unknown, context))
}

fn packet(args: &PacketArgs) -> Result<Packet, Failure> {
    let (Some(src), Some(dst), Some(text)) = (&args.from, &args.to, &args.port) else {
        return Err(Failure::new(Exit::Usage, "which connection?").help("pass --from END, --to END and --port PORT"));
    };
    let (protocol, port) = port(text).map_err(|error| Failure::new(Exit::Usage, error))?;
    Ok(Packet { src: src.clone(), dst: dst.clone(), protocol: Some(protocol.as_str().to_owned()), port })
}

/// Connections of a file, each with where it stands.
fn batch(path: &Path) -> Result<Vec<(String, Packet)>, Failure> {
    let text = read_text(path)?;
    let lines = text.lines().zip(1..).filter(|(line, _): &(&str, usize)| !line.trim().is_empty());
    lines
        .map(|(line, number)| {
            let at = format!("{}:{number}: ", path.display());
            match serde_json::from_str(line) {
                Ok(packet) => Ok((at, packet)),
                Err(error) => Err(Failure::new(Exit::Unknown, format!("{at}{error}")).help(
                    r#"write one connection a line, such as {"src": "shop/web", "dst": "data/db", "port": 5432}"#,
                )),
            }
        })
        .collect()
}

/// Tells what is not evaluated; an answer that it may change is no answer.
fn decided(unknown: &[String], context: &Context) -> Exit {
    if unknown.is_empty() {
        return Exit::Done;
    }
    for object in unknown {
        context.note_always(&format!("unknown: {object} is not evaluated and may change the answer"));
    }
    Exit::Unknown
}

/// Without every policy and every pod, any answer would be a guess.
fn complete(model: &Model) -> Result<(), Failure> {
    match model.unread_network.first() {
        None => Ok(()),
        Some(unread) => Err(Failure::new(
            Exit::Unknown,
            format!("not everything that decides connectivity could be read: {unread}"),
        )
        .help("ask with an account that may list it, or a snapshot that one took")),
    }
}
