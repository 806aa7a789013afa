//! Against Cloudflare's `signed_note` and `tlog_tiles`, and the examples of the specifications.
use super::*;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use signed_note as theirs;
use std::slice;

const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn key(name: &str) -> SigningKey {
    SigningKey::generate(name).unwrap()
}

fn they_accept(note: &str, key: &VerifyingKey) -> bool {
    let key = theirs::StandardVerifier::new(&key.to_string()).unwrap();
    theirs::Note::from_bytes(note.as_bytes()).is_ok_and(|note| note.verify(&theirs::VerifierList::new(vec![Box::new(key)])).is_ok())
}

fn they_sign(text: &str, key: &SigningKey) -> String {
    let key = theirs::StandardSigner::new(key.secret().expose_secret()).unwrap();
    let mut note = theirs::Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&key]).unwrap();
    String::from_utf8(note.to_bytes()).unwrap()
}

fn we_accept(note: &str, key: &VerifyingKey) -> bool {
    Note::parse(note).and_then(|note| note.verify(slice::from_ref(key)).map(str::len)).is_ok()
}

#[test]
fn the_example_of_the_specification() {
    let key = VerifyingKey::parse(VKEY).unwrap();
    assert_eq!((key.name(), key.to_string().as_str()), ("example.com/foo", VKEY));
    let note = Note::parse(NOTE).unwrap();
    assert_eq!(note.verify(slice::from_ref(&key)), Ok("This is an example message.\n"));
    assert_eq!(note.verify(&[]), Err(NoteError::Unsigned));
    let other = Note::parse(&NOTE.replace("example message", "example massage")).unwrap();
    assert_eq!(other.verify(&[key]), Err(NoteError::Forged("example.com/foo".into())));
}

#[test]
fn keys_have_one_spelling_and_are_not_printed() {
    let key = key("ledger.example/1");
    let secret = key.secret();
    assert!(secret.expose_secret().starts_with("PRIVATE+KEY+ledger.example/1+"));
    let again = SigningKey::parse(secret.expose_secret()).unwrap();
    assert_eq!(again.verifying_key(), key.verifying_key());
    let hex = key.verifying_key().to_string().split('+').nth(1).unwrap().to_owned();
    assert_eq!(format!("{key:?}"), format!("SigningKey(ledger.example/1+{hex})"));
    let other = secret.expose_secret().replacen(&hex, "00000000", 1);
    assert_eq!(SigningKey::parse(&other).err(), Some(NoteError::Key), "the hash of another key");
    for wrong in ["", "+", "PRIVATE+KEY", "a", "a b", "PRIVATE+KEY+++"] {
        assert!(SigningKey::parse(wrong).is_err() && VerifyingKey::parse(wrong).is_err(), "{wrong}");
    }
    assert!(VerifyingKey::parse(secret.expose_secret()).is_err() && SigningKey::parse(VKEY).is_err());
    assert!(VerifyingKey::parse(&VKEY.replace("530d903a", "530D903A")).is_err(), "another spelling");
    assert!(VerifyingKey::parse(&VKEY.replace("530d903a", "530d903b")).is_err(), "the hash of another key");
    assert!(VerifyingKey::parse(&VKEY.replace("foo", "bar")).is_err(), "the hash is over the name");
    assert!(VerifyingKey::parse(&VKEY.replace("AekyeR", "BOkyeR")).is_err(), "another algorithm");
    for name in ["", "a b", "a+b", "a\u{3000}b", "a\nb"] {
        assert_eq!(SigningKey::generate(name).err(), Some(NoteError::Key), "{name:?}");
    }
}

#[test]
fn a_wrong_line_of_a_known_key_spoils_the_note() {
    let (old, new, stranger) = (key("log"), key("log"), key("stranger"));
    let known = [old.verifying_key(), new.verifying_key()];
    let text = "a text\n\nof two parts\n";
    let note = Note::sign(text, &[&stranger, &old, &new]).unwrap();
    assert_eq!(Note::parse(&note).unwrap().verify(&known), Ok(text));
    assert_eq!(Note::parse(&note).unwrap().verify(&known[1..]), Ok(text), "the line of a key that is not known says nothing");
    let line = |text, key| Note::sign(text, &[key]).unwrap().rsplit_once("\n\n").unwrap().1.to_owned();
    let forged = [note, line("another text\n", &old)].concat();
    assert_eq!(Note::parse(&forged).unwrap().verify(&known), Err(NoteError::Forged("log".into())));
    assert_eq!(Note::parse(&forged).unwrap().verify(&known[1..]), Ok(text));
    assert_eq!(Note::parse(&Note::sign(text, &[&stranger]).unwrap()).unwrap().verify(&known), Err(NoteError::Unsigned));
    // the same name and hash, cut short
    let short = format!("{text}\n— log {}\n", BASE64.encode([&old.id.hash[..], &[7; 63]].concat()));
    assert_eq!(Note::parse(&short).unwrap().verify(&known), Err(NoteError::Forged("log".into())));
}

#[test]
fn what_is_no_note_is_refused() {
    let key = key("log");
    let good = Note::sign("text\n", &[&key]).unwrap();
    let line = good.strip_prefix("text\n\n").unwrap();
    assert!(Note::parse(&format!("text\n\n{}", line.repeat(100))).is_ok());
    for wrong in [
        String::new(),
        "\n\n".into(),
        "text\n".into(),
        "text\n\n".into(),
        "text\n\n\n".into(),
        line.into(),
        format!("text\n{line}"),
        format!("te\txt\n\n{line}"),
        format!("text\r\n\r\n{line}"),
        format!("text\n\n{line}\n"),
        format!("text\n\n{}", line.trim_end()),
        format!("text\n\n{line}what is this\n"),
        format!("text\n\n{}", line.replace('—', "-")),
        format!("text\n\n{}", line.replace("— log", "—  log")),
        format!("text\n\n{}", line.replace("— log ", "— ")),
        format!("text\n\n{}", line.replace('\n', "=\n")),
        "text\n\n— log AAAAAA==\n".into(),
        "text\n\n— log AAAAAAB=\n".into(),
        format!("text\n\n{}", line.repeat(101)),
    ] {
        assert_eq!(Note::parse(&wrong), Err(NoteError::Note), "{wrong:?}");
    }
    for text in ["", "text", "te\u{7}xt\n"] {
        assert_eq!(Note::sign(text, &[&key]), Err(NoteError::Note), "{text:?}");
    }
    assert_eq!(Note::sign("text\n", &[]), Err(NoteError::Note));
}

const CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

#[test]
fn checkpoints_have_one_spelling() {
    let checkpoint: Checkpoint = CHECKPOINT.parse().unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size, checkpoint.root[0]), ("example.com/behind-the-sofa", 20_852_163, 0x0a));
    assert_eq!(checkpoint.to_string(), CHECKPOINT);
    assert_eq!(format!("{CHECKPOINT}more\nof it\n").parse(), Ok(checkpoint));
    for (from, to) in [
        ("20852163", "020852163"),
        ("20852163", "+20852163"),
        ("20852163", ""),
        ("20852163", "-1"),
        ("20852163", "99999999999999999999"),
        ("example.com/behind-the-sofa", ""),
        ("q2I=", "q2J="),
        ("q2I=", "q2I"),
        ("CsUY", ""),
        ("q2I=\n", "q2I="),
        ("q2I=\n", "q2I=\n\n"),
        ("q2I=\n", "q2I=\n\nmore\n"),
        ("\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", ""),
    ] {
        let wrong = CHECKPOINT.replace(from, to);
        assert_eq!(wrong.parse::<Checkpoint>(), Err(NoteError::Checkpoint), "{wrong:?}");
    }
}

#[test]
fn only_the_log_speaks_for_itself() {
    let (log, witness) = (key("log.example"), key("witness.example"));
    let keys = [log.verifying_key(), witness.verifying_key()];
    let checkpoint = Checkpoint { origin: "log.example".into(), size: 3, root: [7; 32] };
    let signed = Note::sign(&checkpoint.to_string(), &[&log, &witness]).unwrap();
    assert_eq!(Checkpoint::open(&signed, &keys), Ok(checkpoint.clone()));
    let by_witness = Note::sign(&checkpoint.to_string(), &[&witness]).unwrap();
    assert_eq!(Checkpoint::open(&by_witness, &keys), Err(NoteError::Unsigned));
    assert_eq!(Checkpoint::open(&signed.replace("\n3\n", "\n4\n"), &keys), Err(NoteError::Forged("log.example".into())));
}

#[test]
fn a_proof_is_a_file() {
    let key = key("log.example");
    let (mut frontier, leaves) = (tree::Frontier::default(), [b"zero", b"one.", b"two."]);
    let hashes = leaves.map(|leaf| super::super::leaf_hash(leaf));
    hashes.iter().for_each(|&hash| frontier.push(hash));
    let checkpoint = Checkpoint { origin: "log.example".into(), size: 3, root: frontier.root() };
    let signed = Note::sign(&checkpoint.to_string(), &[&key]).unwrap();
    let proof = LogProof { index: 1, path: vec![hashes[0], hashes[2]], checkpoint: signed };
    let (text, keys) = (proof.to_string(), [key.verifying_key()]);
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n") && text.contains("=\n\nlog.example\n3\n"));
    assert_eq!(text.parse(), Ok(proof.clone()));
    assert_eq!(text.replace("index", "extra aGk=\nindex").parse(), Ok(proof.clone()));
    assert_eq!(proof.verify(b"one.", &keys), Ok(checkpoint.clone()));
    assert_eq!(proof.verify(b"two.", &keys), Err(NoteError::Unproven));
    assert_eq!(LogProof { index: 0, ..proof.clone() }.verify(b"one.", &keys), Err(NoteError::Unproven));
    assert_eq!(LogProof { path: vec![], ..proof.clone() }.verify(b"one.", &keys), Err(NoteError::Unproven));
    assert_eq!(proof.verify(b"one.", &[VerifyingKey::parse(VKEY).unwrap()]), Err(NoteError::Unsigned));
    // the only leaf of its log: no way up
    let root = super::super::leaf_hash(b"only");
    let alone = Note::sign(&Checkpoint { origin: "log.example".into(), size: 1, root }.to_string(), &[&key]).unwrap();
    let alone = LogProof { index: 0, path: vec![], checkpoint: alone };
    assert_eq!(alone.to_string().parse(), Ok(alone.clone()));
    assert!(alone.verify(b"only", &keys).is_ok());
    for (from, to) in [
        ("@v1", "@v2"),
        ("index 1", "index 01"),
        ("index 1", "index"),
        ("index 1\n", ""),
        ("index", "extra ?\nindex"),
        ("index", "extra aGk=\nextra aGk=\nindex"),
        ("=\n\n", "=\n"),
        ("index 1\n", "index 1\nAAAA\n"),
    ] {
        assert_eq!(text.replacen(from, to, 1).parse::<LogProof>(), Err(NoteError::Proof), "{from:?} as {to:?}");
    }
}

proptest! {
    // signing takes its time in a build for tests
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn notes_are_understood_both_ways(text in "([a-z가-힣 —+.]{0,12}\n){1,5}", bit in any::<usize>()) {
        let signer = key("ledger.example/한국");
        let verifier = signer.verifying_key();
        let note = Note::sign(&text, &[&signer, &key("other")]).unwrap();
        prop_assert!(they_accept(&note, &verifier) && we_accept(&note, &verifier));
        prop_assert!(we_accept(&they_sign(&text, &signer), &verifier));
        // Ed25519 is deterministic
        prop_assert_eq!(they_sign(&text, &signer), Note::sign(&text, &[&signer]).unwrap());
        let mut flipped = note.clone().into_bytes();
        let bit = bit % (text.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(flipped) = String::from_utf8(flipped) {
            prop_assert!(!they_accept(&flipped, &verifier) && !we_accept(&flipped, &verifier));
        }
    }
}

proptest! {
    #[test]
    fn what_is_a_note_is_agreed(note in "[a\n]{0,3}\n\n?(— [ab] [+]?[A-C]{1,2}AAAA[AQ=]{0,4}\n?){0,3}") {
        prop_assert_eq!(Note::parse(&note).is_ok(), theirs::Note::from_bytes(note.as_bytes()).is_ok(), "{:?}", note);
    }

    #[test]
    fn checkpoints_are_understood_both_ways(
        (origin, size, root) in ("[a-z가-힣./+ ]{1,20}", any::<u64>(), any::<Hash>()), cut in 0usize..90,
    ) {
        let ours = Checkpoint { origin: origin.clone(), size, root };
        let theirs = tlog_tiles::Checkpoint::new(&origin, size, tlog_tiles::Hash(root), "").unwrap();
        prop_assert_eq!(ours.to_string().into_bytes(), theirs.to_bytes());
        let text = ours.to_string();
        prop_assert_eq!(text.parse(), Ok(ours));
        let cut = text.chars().take(cut).collect::<String>();
        prop_assert_eq!(cut.parse::<Checkpoint>().is_ok(), tlog_tiles::Checkpoint::from_bytes(cut.as_bytes()).is_ok(), "{:?}", cut);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = (Note::parse(&text), text.parse::<Checkpoint>(), text.parse::<LogProof>());
        let _ = (SigningKey::parse(&text), VerifyingKey::parse(&text));
    }
}
