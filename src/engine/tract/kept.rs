//! A simplified network in a file: its graph as NNEF's tree, postcard-encoded, and its tensors as NNEF writes them.
//!
//! NNEF's own archive holds the graph as text, and reading that text takes four tenths of the time of a start.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use tract_nnef::ast::{
    Argument, Assignment, Document, GraphDef, Identifier, Invocation, LValue, Literal, ProtoModel, RValue,
    TypeName,
};
use tract_nnef::framework::Nnef;
use tract_nnef::tensors::{read_tensor, write_tensor};
use tract_onnx::prelude::*;

use super::Simple;

/// What reading needs. The standard's fragments, whose text takes as long as a small network, are for writing alone.
static WORDS: LazyLock<Nnef> = LazyLock::new(|| {
    let registries = vec![tract_nnef::ops::tract_nnef(), tract_nnef::ops::tract_core()];
    let words = Nnef {
        stdlib: Vec::new(),
        registries,
        resource_loaders: Vec::new(),
        allow_extended_identifier_syntax: false,
        extern_all_constants: false,
    };
    words.with_onnx()
});

/// Gets the words ready while something else is done; a thread of its own, which ends by itself. Without one they are made
/// when they are needed.
pub(super) fn prepare() {
    let _ = std::thread::Builder::new().spawn(|| LazyLock::force(&WORDS));
}

/// The types that a call may name.
const TYPES: [TypeName; 5] =
    [TypeName::Integer, TypeName::Scalar, TypeName::Logical, TypeName::String, TypeName::Any];

/// What tract notes of a network in a fragment of its own; nothing that is computed.
const NOTES: &str = "tract_core_properties";

/// What every file begins with; another form gets another number.
pub(super) const MARK: [u8; 8] = *b"trapNet1";

/// The part of a file before the tensors.
#[derive(Serialize, Deserialize)]
struct Head {
    /// The network's outputs by their own names.
    outputs: Vec<String>,
    version: String,
    extension: Vec<(String, String)>,
    id: String,
    parameters: Vec<String>,
    results: Vec<String>,
    body: Vec<(Term, Term)>,
    /// Labels of the tensors, in the order in which they follow.
    tensors: Vec<String>,
}

/// NNEF's expressions, as far as networks are made of them.
#[derive(Serialize, Deserialize)]
enum Term {
    Name(String),
    Number(String),
    Text(String),
    Logical(bool),
    List(Vec<Term>),
    Tuple(Vec<Term>),
    /// Operator, place of its type in [`TYPES`], arguments.
    Call(String, Option<usize>, Vec<(Option<String>, Term)>),
}

/// Writes a network. One that has more than a graph and tensors (loops, sub-networks, operators in fragments, quantised
/// tensors) is an error.
pub(super) fn write(file: &Path, simple: &Simple) -> TractResult<()> {
    let proto = tract_nnef::ser::to_proto_model(&tract_nnef::nnef().with_onnx(), &simple.model)?;
    let ProtoModel { doc, tensors, quantization, resources } = proto;
    let only_notes = doc.fragments.iter().all(|fragment| fragment.decl.id.0 == NOTES);
    if !only_notes || quantization.is_some() || !resources.is_empty() {
        let fragments = doc.fragments.iter().map(|fragment| fragment.decl.id.0.as_str());
        let fragments: Vec<&str> = fragments.filter(|name| *name != NOTES).collect();
        return Err(TractError::msg(format!("more than a graph and tensors; fragments: {fragments:?}")));
    }
    let mut tensors: Vec<(String, Arc<Tensor>)> =
        tensors.into_iter().map(|(label, t)| (label.0, t)).collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let GraphDef { id, parameters, results, body } = doc.graph_def;
    let names = |all: Vec<Identifier>| all.into_iter().map(|name| name.0).collect();
    let head = Head {
        outputs: simple.outputs.clone(),
        version: doc.version,
        extension: doc.extension.into_iter().map(|(name, value)| (name.0, value)).collect(),
        id: id.0,
        parameters: names(parameters),
        results: names(results),
        body: body.into_iter().map(|a| Ok((left(a.left), right(a.right)?))).collect::<TractResult<_>>()?,
        tensors: tensors.iter().map(|(label, _)| label.clone()).collect(),
    };
    let head = postcard::to_extend(&head, Vec::new()).map_err(TractError::msg)?;
    let mut file = BufWriter::new(File::create(file)?);
    file.write_all(&MARK)?;
    file.write_all(&u64::try_from(head.len())?.to_le_bytes())?;
    file.write_all(&head)?;
    for (_, tensor) in &tensors {
        write_tensor(&mut file, tensor)?;
    }
    Ok(file.flush()?)
}

/// What [`write`] wrote.
pub(super) fn read(file: &Path) -> TractResult<Simple> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(file)?);
    let (mut mark, mut length) = ([0; 8], [0; 8]);
    file.read_exact(&mut mark)?;
    if mark != MARK {
        return Err(TractError::msg("it was kept in another form"));
    }
    file.read_exact(&mut length)?;
    let mut head = Vec::new();
    file.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut head)?;
    let Head { outputs, version, extension, id, parameters, results, body, tensors } =
        postcard::from_bytes(&head).map_err(TractError::msg)?;
    let names = |all: Vec<String>| all.into_iter().map(Identifier).collect();
    let body =
        body.into_iter().map(|(left, right)| Ok(Assignment { left: place(left)?, right: value(right)? }));
    let graph_def = GraphDef {
        id: Identifier(id),
        parameters: names(parameters),
        results: names(results),
        body: body.collect::<TractResult<_>>()?,
    };
    let extension = extension.into_iter().map(|(name, value)| (Identifier(name), value)).collect();
    let mut proto = ProtoModel {
        doc: Document { version, extension, fragments: Vec::new(), graph_def },
        tensors: Default::default(),
        quantization: None,
        resources: Default::default(),
    };
    for label in tensors {
        proto.tensors.insert(Identifier(label), Arc::new(read_tensor(&mut file)?));
    }
    let model = WORDS.model_for_proto_model(&proto)?;
    if model.inputs.len() != 1 || model.outputs.len() != outputs.len() {
        return Err(TractError::msg("it is no network of one input"));
    }
    Ok(Simple { model, outputs })
}

fn left(value: LValue) -> Term {
    match value {
        LValue::Identifier(name) => Term::Name(name.0),
        LValue::Array(all) => Term::List(all.into_iter().map(left).collect()),
        LValue::Tuple(all) => Term::Tuple(all.into_iter().map(left).collect()),
    }
}

fn right(value: RValue) -> TractResult<Term> {
    let each = |all: Vec<RValue>| all.into_iter().map(right).collect::<TractResult<Vec<Term>>>();
    Ok(match value {
        RValue::Identifier(name) => Term::Name(name.0),
        RValue::Literal(literal) => written(literal),
        RValue::Array(all) => Term::List(each(all)?),
        RValue::Tuple(all) => Term::Tuple(each(all)?),
        RValue::Invocation(Invocation { id, generic_type_name, arguments }) => {
            let kind = generic_type_name.map(|name| {
                let place = TYPES.iter().position(|known| *known == name);
                place.ok_or_else(|| TractError::msg(format!("no word for the type {name:?}")))
            });
            let arguments = arguments.into_iter().map(|a| Ok((a.id.map(|id| id.0), right(a.rvalue)?)));
            Term::Call(id.0, kind.transpose()?, arguments.collect::<TractResult<_>>()?)
        }
        other => return Err(TractError::msg(format!("no word for {other:?}"))),
    })
}

fn written(literal: Literal) -> Term {
    match literal {
        Literal::Numeric(number) => Term::Number(number),
        Literal::String(text) => Term::Text(text),
        Literal::Logical(logical) => Term::Logical(logical),
        Literal::Array(all) => Term::List(all.into_iter().map(written).collect()),
        Literal::Tuple(all) => Term::Tuple(all.into_iter().map(written).collect()),
    }
}

fn place(term: Term) -> TractResult<LValue> {
    let each = |all: Vec<Term>| all.into_iter().map(place).collect::<TractResult<Vec<LValue>>>();
    Ok(match term {
        Term::Name(name) => LValue::Identifier(Identifier(name)),
        Term::List(all) => LValue::Array(each(all)?),
        Term::Tuple(all) => LValue::Tuple(each(all)?),
        _ => return Err(TractError::msg("something else than a name is assigned to")),
    })
}

fn value(term: Term) -> TractResult<RValue> {
    let each = |all: Vec<Term>| all.into_iter().map(value).collect::<TractResult<Vec<RValue>>>();
    Ok(match term {
        Term::Name(name) => RValue::Identifier(Identifier(name)),
        Term::Number(number) => RValue::Literal(Literal::Numeric(number)),
        Term::Text(text) => RValue::Literal(Literal::String(text)),
        Term::Logical(logical) => RValue::Literal(Literal::Logical(logical)),
        Term::List(all) => RValue::Array(each(all)?),
        Term::Tuple(all) => RValue::Tuple(each(all)?),
        Term::Call(id, kind, arguments) => {
            let kind = kind.map(|place| {
                TYPES.get(place).copied().ok_or_else(|| TractError::msg(format!("there is no type {place}")))
            });
            let arguments = arguments
                .into_iter()
                .map(|(id, term)| Ok(Argument { id: id.map(Identifier), rvalue: value(term)? }));
            RValue::Invocation(Invocation {
                id: Identifier(id),
                generic_type_name: kind.transpose()?,
                arguments: arguments.collect::<TractResult<_>>()?,
            })
        }
    })
}
