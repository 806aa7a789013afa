#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verifies what a Countersign ledger says, without trusting the portal that said it.

    verify.py proof EVENT.tlog-proof LEAF --key VKEY
    verify.py export EVENTS.ndjson [--checkpoint FILE] [--older FILE ...] [--retired FILE ...] --key VKEY

`proof` checks that one leaf (a file with its exact bytes) is in the log that the proof's checkpoint signs. `export` checks
a whole ledger: every leaf, the root of every checkpoint, that the columns tell what the leaves say, and that details fit
what the leaves commit to. Of an export with a filter, whose events each bring their proof, it checks each by itself. The last line of an export has the checkpoint that it goes up to; with --checkpoint another one
counts instead, and --older takes those that somebody kept. Of events that went with a month that was retired, an export has
the hashes of their leaves alone; --retired takes the files of such months. VKEY is the log's public key, `name+hash+base64`
or a file that holds it: get it from somebody other than the portal. A FILE may hold several checkpoints one after the other.

Written from RFC 9162 (the tree), RFC 8785 (canonical JSON) and C2SP's signed-note, tlog-checkpoint and tlog-proof; it
shares no code with the portal. Needs Python 3.9 and `cryptography`. Exit status: 0 all is well, 1 something is wrong and
said by name, 2 it could not be tried.
"""
import argparse
import base64
import binascii
import contextlib
import hashlib
import json
import math
import multiprocessing
import os
import re
import sys
from datetime import datetime

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    print("verify.py needs the package 'cryptography' (Debian: python3-cryptography)", file=sys.stderr)
    raise SystemExit(2)

sha256 = hashlib.sha256


class Wrong(Exception):
    """What does not hold, and where."""


def decode64(text, what):
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(f"{what} is not base64") from None
    if base64.b64encode(decoded).decode() != text:
        raise Wrong(f"{what} is base64 in another spelling than the usual one")
    return decoded


def decimal(text, what):
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text):
        raise Wrong(f"{what} is not a number without leading zeros: {text!r}")
    return int(text)


# --- Notes and checkpoints (C2SP signed-note, tlog-checkpoint) ---

ED25519 = b"\x01"


class Key:
    """`name+hash+base64`, where the hash is over the name and the key itself."""

    def __init__(self, text):
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not parts[0] or re.search(r"\s", parts[0]):
            raise Wrong("the key is not of the form name+hash+base64")
        self.name, hash_, encoded = parts
        material = decode64(encoded, "the key")
        if len(material) != 33 or material[:1] != ED25519:
            raise Wrong("the key is not an Ed25519 key")
        self.id = sha256(self.name.encode() + b"\n" + material).digest()[:4]
        if self.id.hex() != hash_:
            raise Wrong("the key's hash is that of another key or name")
        self.public = Ed25519PublicKey.from_public_bytes(material[1:])

    def accepts(self, text, signature):
        try:
            self.public.verify(signature, text)
            return True
        except InvalidSignature:
            return False


class Checkpoint:
    """A signed statement of origin, size and root."""

    def __init__(self, note, keys, where):
        text, found, lines = note.rpartition("\n\n")
        text += "\n"
        if not found or not lines.endswith("\n") or re.search("[\x00-\x09\x0b-\x1f]", note):
            raise Wrong(f"{where}: not a signed note")
        rows = text[:-1].split("\n")
        if len(rows) < 3 or not all(rows):
            raise Wrong(f"{where}: not a checkpoint")
        self.where, self.origin = where, rows[0]
        self.size = decimal(rows[1], f"{where}: the size")
        self.root = decode64(rows[2], f"{where}: the root")
        if len(self.root) != 32:
            raise Wrong(f"{where}: the root is not a SHA-256 hash")
        self.check_signatures(text, lines, keys)

    def check_signatures(self, text, lines, keys):
        signed = False
        for line in lines[:-1].split("\n"):
            parts = re.fullmatch("— ([^ ]+) ([^ ]+)", line)
            if not parts:
                raise Wrong(f"{self.where}: not a signature line: {line!r}")
            blob = decode64(parts[2], f"{self.where}: a signature")
            # only a key that is named as the origin speaks for the log; others, such as witnesses, are no concern here
            for key in keys:
                if (key.name, key.name, key.id) == (self.origin, parts[1], blob[:4]):
                    if not key.accepts(text.encode(), blob[4:]):
                        raise Wrong(f"{self.where}: the signature of {key.name} is not over this text")
                    signed = True
        if not signed:
            raise Wrong(f"{self.where}: no given key has signed the checkpoint of {self.origin}")


def read_checkpoints(path, keys):
    """The checkpoints of a file: a note has text, an empty line, and lines that begin with a dash."""
    # texts and the lines under them in turn, and what follows the last
    *parts, rest = re.split("((?:^— .*\n)+)", read_text(path), flags=re.MULTILINE)
    notes = [text.lstrip("\n") + lines for text, lines in zip(parts[::2], parts[1::2])]
    if not notes or rest.strip("\n"):
        raise Wrong(f"{path}: not a file of checkpoints")
    places = [path] if len(notes) == 1 else [f"{path}, checkpoint {n}" for n in range(1, len(notes) + 1)]
    return [Checkpoint(note, keys, place) for note, place in zip(notes, places)]


# --- The tree (RFC 9162, section 2.1) ---


def leaf_hash(leaf):
    return sha256(b"\x00" + leaf).digest()


class Tree:
    """The complete subtrees of a growing tree, as (leaves, hash), largest first."""

    def __init__(self):
        self.size = 0
        self.subtrees = []

    def append(self, hash_):
        subtrees, leaves = self.subtrees, 1
        while subtrees and subtrees[-1][0] == leaves:
            hash_ = sha256(b"\x01" + subtrees.pop()[1] + hash_).digest()
            leaves *= 2
        subtrees.append((leaves, hash_))
        self.size += 1

    def root(self):
        if not self.subtrees:
            return sha256().digest()
        hash_ = self.subtrees[-1][1]
        for _, left in reversed(self.subtrees[:-1]):
            hash_ = sha256(b"\x01" + left + hash_).digest()
        return hash_


def root_of_path(hash_, index, size, path):
    """Where a path of siblings leads from this leaf. Recursive, as RFC 9162 defines the path in section 2.1.3.1."""
    if size == 1:
        if path:
            raise Wrong("the path is longer than the tree is high")
        return hash_
    if not path:
        raise Wrong("the path is shorter than the tree is high")
    left = 1 << ((size - 1).bit_length() - 1)
    if index < left:
        return sha256(b"\x01" + root_of_path(hash_, index, left, path[:-1]) + path[-1]).digest()
    return sha256(b"\x01" + path[-1] + root_of_path(hash_, index - left, size - left, path[:-1])).digest()


# --- Canonical JSON (RFC 8785) ---

DECODED = json.JSONDecoder().raw_decode
QUICK = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
QUOTED = json.JSONEncoder(ensure_ascii=False).encode


def parse(line):
    text = line.decode()
    value, end = DECODED(text)
    if end != len(text) and text[end:] not in ("\n", "\r\n"):
        raise ValueError("something follows the value")
    return value


def spellings(value):
    """Canonical JSON. First as Python spells it, which is right but for fractions and for names beyond the usual characters."""
    yield QUICK(value).encode("utf-8", "surrogatepass")
    yield canonical(value).encode("utf-8", "surrogatepass")


def canonical(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(QUOTED(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(float(value))
    return QUOTED(value)


def number(value):
    """As ECMAScript prints numbers."""
    if not math.isfinite(value):
        raise ValueError("not a number of JSON")
    if value == 0:
        return "0"
    sign, digits, point = re.fullmatch(r"(-?)([0-9.]+)(?:e(.+))?", repr(value)).groups()
    whole, _, fraction = digits.partition(".")
    point = len(whole) + int(point or 0)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if 0 < point <= 21:
        padded = digits.ljust(point, "0")
        text = padded[:point] + ("." + padded[point:] if len(padded) > point else "")
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + f"e{point - 1:+d}"
    return sign + text


# --- Events ---

# The columns of every event. What the leaf does not speak of must be empty there. Others count if the leaf has the same name.
COLUMNS = ("id", "kind", "at", "outcome", "actor", "door", "request", "target")
EVERY = frozenset(COLUMNS)
NEEDED = frozenset(COLUMNS[:5])
LINE = frozenset(("index", "leaf", "hash", "event", "opening", "sealed", "path"))
# What is left of an event that went with its month.
HASH_ALONE = frozenset(("index", "hash", "retired"))


def same(column, said, leaf):
    if said == leaf:
        return True
    if column == "request" and isinstance(said, int) and not isinstance(said, bool):
        return f"CR-{said}" == leaf
    if column == "at" and isinstance(said, str) and isinstance(leaf, str):
        return instant(said) == instant(leaf) is not None
    return False


def instant(text):
    """A time is the same with fewer zeros or in another zone. Python before 3.11 reads milliseconds or microseconds only."""
    parts = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)", text)
    if not parts:
        return None
    zone = "+0000" if parts[4] == "Z" else parts[4].replace(":", "")
    try:
        second = datetime.strptime(f"{parts[1]}T{parts[2]}{zone}", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
    return second, (parts[3] or "").rstrip("0")


def parse_event(line):
    """Index, leaf and the rest of a line of an export. The hash tells where a leaf was changed, if nobody changed the hash as well."""
    try:
        row = parse(line)
        if row.keys() == HASH_ALONE:
            return row["index"], None, decode64(row["hash"], "the hash of a leaf"), str(row["retired"]), None
        if row.keys() - LINE:
            raise ValueError("something else")
        hash_ = row.get("hash")
        return row["index"], row["leaf"].encode(), hash_, dict(row["event"]), row["opening"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Wrong("not a line of an export: index, leaf, event and opening") from None


def check_event(leaf, event, opening):
    """That columns and details say what the leaf says. Returns whether the leaf commits to a detail that is not opened."""
    try:
        told = parse(leaf)
        is_canonical = isinstance(told, dict) and leaf in spellings(told)
    except (ValueError, OverflowError, RecursionError):
        raise Wrong("the leaf is not JSON") from None
    if not is_canonical:
        raise Wrong("the leaf is not an object of canonical JSON")
    if strange := event.keys() - EVERY - told.keys():
        raise Wrong(f"column {min(strange)} is in no leaf")
    for column in COLUMNS if event.keys() <= EVERY else (*COLUMNS, *sorted(event.keys() & told.keys())):
        said, leaf_says = event.get(column), told.get(column)
        if said != leaf_says and not same(column, said, leaf_says):
            raise Wrong(f"column {column} says {said!r}, the leaf {leaf_says!r}")
    if not told.keys() >= NEEDED:
        raise Wrong("the leaf does not say " + " or ".join(sorted(NEEDED - told.keys())))
    commitment = told.get("detail")
    if opening is None:
        return commitment is not None
    check_opening(commitment, opening)
    return False


def check_opening(commitment, opening):
    if commitment is None:
        raise Wrong("there is a detail, and the leaf commits to none")
    try:
        salt = decode64(opening["salt"], "the salt")
        detail = opening["detail"]
        if len(salt) != 32:
            raise Wrong("the salt is not 32 bytes long")
        fits = any("c1:" + base64.b64encode(sha256(salt + text).digest()).decode() == commitment for text in spellings(detail))
    except (TypeError, KeyError, ValueError, OverflowError, RecursionError):
        raise Wrong("the opening is not salt and detail") from None
    if not fits:
        raise Wrong("the detail is not the one that the leaf commits to")


# --- What can be asked for ---


def verify_proof(path, leaf_path, keys):
    text = read_text(path)
    head, found, note = text.partition("\n\n")
    lines = head.split("\n")
    if not found or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Wrong(f"{path}: not a c2sp.org/tlog-proof@v1")
    if lines and lines[0].startswith("extra "):
        decode64(lines.pop(0)[len("extra "):], f"{path}: extra")
    if not lines or not lines[0].startswith("index "):
        raise Wrong(f"{path}: no index")
    index = decimal(lines.pop(0)[len("index "):], f"{path}: the index")
    hashes = [decode64(line, f"{path}: a hash of the path") for line in lines]
    if any(len(hash_) != 32 for hash_ in hashes):
        raise Wrong(f"{path}: a hash of the path is not a SHA-256 hash")
    checkpoint = Checkpoint(note, keys, f"{path}: the checkpoint")
    if index >= checkpoint.size:
        raise Wrong(f"index {index}: the checkpoint covers {checkpoint.size} events only")
    leaf = read(leaf_path)
    # canonical JSON has no line break: one at the end is an editor's
    leaf = leaf[:-1] if leaf.endswith(b"\n") else leaf
    try:
        root = root_of_path(leaf_hash(leaf), index, checkpoint.size, hashes)
    except Wrong as wrong:
        raise Wrong(f"index {index}: {wrong}") from None
    if root != checkpoint.root:
        raise Wrong(f"index {index}: the path does not lead from this leaf to the root of the checkpoint")
    return f"event {index} is in the ledger of {checkpoint.origin}, which had {checkpoint.size} events"


def verify_export(path, newest_path, older_paths, retired_paths, keys, jobs):
    newest = read_checkpoints(newest_path, keys) if newest_path else [last_line(path, keys)]
    checkpoints = newest + [it for older in older_paths for it in read_checkpoints(older, keys)]
    if len({it.origin for it in checkpoints}) > 1:
        raise Wrong("the checkpoints are of different ledgers: " + ", ".join(sorted({it.origin for it in checkpoints})))
    last = max(newest, key=lambda it: it.size)
    if is_part(path):
        if older_paths or retired_paths:
            raise Wrong("a part of a ledger cannot be compared with older checkpoints or retired months: export everything")
        return verify_part(path, last)
    waiting = sorted(checkpoints, key=lambda it: it.size, reverse=True)
    if waiting[0].size > last.size:
        raise Wrong(f"{waiting[0].where}: an older checkpoint has {waiting[0].size} events, the newest {last.size}")
    tree, closed, proven, gone, vouched, here = Tree(), 0, 0, {}, {}, set()
    retired = read_retired(retired_paths)

    def compare():
        """The checkpoints of just this size. What they prove narrows down where the next one goes wrong."""
        nonlocal proven
        while waiting and waiting[-1].size == tree.size:
            checkpoint = waiting.pop()
            if checkpoint.root != tree.root():
                among = f"index {proven} to {tree.size - 1}: one of these leaves is not" if tree.size else "nothing at all is not"
                raise Wrong(f"{among} what {checkpoint.where} signs")
            proven = tree.size

    compare()
    with open_file(path) as file, many(file, jobs) as each:
        for hashes, alone, vouchers, months, unopened, wrong in each(check_lines, chunks(file)):
            closed += unopened
            vouched.update(vouchers)
            here |= months
            for index, month in alone:
                events, first, _ = gone.get(month, (0, index, index))
                gone[month] = events + 1, first, index
                if retired.pop(index, None) not in (None, hashes[index - tree.size]):
                    raise Wrong(f"index {index}: the file of its month has another leaf")
            for hash_ in hashes:
                if tree.size == last.size:
                    raise Wrong(f"index {tree.size}: no checkpoint covers this event and those after it")
                tree.append(hash_)
                if waiting and waiting[-1].size == tree.size:
                    compare()
            if wrong:
                raise Wrong(wrong)
    if waiting:
        raise Wrong(f"index {tree.size}: the export ends here, but {waiting[-1].where} covers {waiting[-1].size} events")
    check_gone(gone, vouched, here)
    if retired:
        raise Wrong(f"index {min(retired)}: a retired month has this event, but the export does not say that it is gone")
    unopened = f"; {closed} details are not opened" if closed else ""
    unopened += f"; of {sum(events for events, *_ in gone.values())} events that were retired only the hashes are here" if gone else ""
    return f"{tree.size} events of {last.origin} and {len(checkpoints)} checkpoints agree{unopened}"


def check_gone(gone, vouched, here):
    """Hashes alone stand only for events of which the log says that they were retired: otherwise they would hide what happened."""
    for month, range_ in gone.items():
        # a month goes as a whole
        if month in here:
            raise Wrong(f"retired month {month}: {range_[0]} of its events are gone, and others are here")
        if month in vouched:
            if vouched[month] != range_:
                raise Wrong(f"retired month {month}: {range_[0]} of its events are gone, and {vouched[month][0]} were retired")
        # what vouched for an older month may itself have gone with a later one
        elif not any(later > month and range_[2] < last for later, (_, _, last) in vouched.items()):
            raise Wrong(f"retired month {month}: {range_[0]} of its events are gone, and no event says that they were retired")


def is_part(path):
    with open_file(path) as file:
        first = file.readline()
        file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
        last = (file.read().splitlines() or [b""])[-1]
    try:
        return "path" in parse(first) or (last.startswith(END) and parse(last).get("part") is True)
    except (ValueError, TypeError, RecursionError):
        return False


def verify_part(path, signed):
    """Events that were picked, each with the path from its leaf to the root that is signed."""
    seen, closed, ended = set(), 0, False
    with open_file(path) as file:
        for number, line in enumerate(file, 1):
            where = f"line {number}"
            if ended:
                raise Wrong(f"{where}: stands behind the line that says it is the last")
            if line.startswith(END):
                ended = True
                continue
            try:
                index, leaf, said, event, opening = parse_event(line)
                where = f"index {index}"
                if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < signed.size:
                    raise Wrong("the checkpoint does not cover it")
                if "path" not in parse(line):
                    raise Wrong("brings no proof along: export it with proofs, or export everything")
                hashes = [decode64(hash_, "a hash of the path") for hash_ in parse(line)["path"]]
                if leaf is None or index in seen:
                    raise Wrong("stands here twice" if index in seen else "its leaf is not here")
                if said is not None and said != base64.b64encode(leaf_hash(leaf)).decode():
                    raise Wrong("the leaf has another hash than the one it had in the log")
                closed += check_event(leaf, event, opening)
                if root_of_path(leaf_hash(leaf), index, signed.size, hashes) != signed.root:
                    raise Wrong("the path does not lead from this leaf to the root of the checkpoint")
            except Wrong as wrong:
                raise Wrong(f"{where}: {wrong}") from None
            seen.add(index)
    unopened = f"; {closed} details are not opened" if closed else ""
    whole = seen and max(seen) - min(seen) + 1 == len(seen)
    unopened += f"; every event from {min(seen)} to {max(seen)} is there" if whole else ""
    return f"{len(seen)} events are in the ledger of {signed.origin}, which had {signed.size} events, each by its own proof{unopened}"


def read_retired(paths):
    """The leaves' hashes of retired months by index. That each line is right in itself is checked as in an export."""
    retired = {}
    for path in paths:
        with open_file(path) as file:
            for line in file:
                index, leaf, _, event, opening = parse_event(line)
                if leaf is None or not isinstance(index, int):
                    raise Wrong(f"{path}: not the file of a retired month")
                try:
                    check_event(leaf, event, opening)
                except Wrong as wrong:
                    raise Wrong(f"{path}: index {index}: {wrong}") from None
                retired[index] = leaf_hash(leaf)
    return retired


# How the line behind the last event begins. It has the checkpoint that the export goes up to.
END = b'{"complete":true,'


def last_line(path, keys):
    """The checkpoint of the line behind the last event."""
    with open_file(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
        line = (file.read().splitlines() or [b""])[-1]
    try:
        note = parse(line)["checkpoint"] if line.startswith(END) else None
    except (ValueError, KeyError, RecursionError):
        note = None
    if not isinstance(note, str):
        raise Wrong(f"{path}: does not end with a checkpoint: it was cut off, or its checkpoint is elsewhere (--checkpoint)")
    return Checkpoint(note, keys, "the export's own checkpoint")


def chunks(file):
    """About a megabyte of lines at a time, and the index of the first."""
    index = 0
    while lines := file.readlines(1 << 20):
        if lines[-1].startswith(END):
            lines.pop()
        yield index, lines
        index += len(lines)


def check_lines(chunk):
    """The hashes of the leaves up to the first event that is wrong, index and month of those whose leaves are not here, the months
    that are said to be retired, those of the events that are here, how many details are not opened, and what is wrong."""
    index, lines = chunk
    hashes, alone, vouched, here, closed = [], [], {}, set(), 0
    try:
        for index, line in enumerate(lines, index):
            given, leaf, said, event, opening = parse_event(line)
            if given != index or isinstance(given, bool):
                raise Wrong(f"index {given!r} stands here: events are missing, doubled or out of order")
            if leaf is None:
                alone.append((index, event))
                hashes.append(said)
                continue
            if said is not None and said != base64.b64encode(leaf_hash(leaf)).decode():
                raise Wrong("the leaf has another hash than the one it had in the log")
            closed += check_event(leaf, event, opening)
            hashes.append(leaf_hash(leaf))
            here.add(str(event.get("at"))[:7])
            if b'"ledger.retired"' in leaf and (told := parse(leaf))["kind"] == "ledger.retired" and told["outcome"] == "success":
                facts = told.get("facts", {})
                if may_go(str(facts.get("month")), told["at"]):
                    vouched[facts.get("month")] = facts.get("events"), facts.get("first"), facts.get("last")
    except Wrong as wrong:
        return hashes, alone, vouched, here, closed, f"index {index}: {wrong}"
    return hashes, alone, vouched, here, closed, None


def may_go(month, at):
    """Whether a month was old enough to be retired at a time: the twelve months before that time's own stay."""
    def months(text):
        return int(text[:4]) * 12 + int(text[5:7])

    return re.fullmatch(r"\d{4}-\d\d", month) is not None and months(at) > months(month) + 12


@contextlib.contextmanager
def many(file, jobs):
    """A `map` over as many processes, where there is enough to do."""
    if jobs == 1 or os.fstat(file.fileno()).st_size < 20_000_000:
        yield map
        return
    with multiprocessing.Pool(jobs) as pool:
        yield pool.imap


def open_file(path):
    try:
        return open(path, "rb")
    except OSError as error:
        raise SystemExit(say_untried(error)) from None


def read(path):
    with open_file(path) as file:
        return file.read()


def read_text(path):
    try:
        return read(path).decode()
    except UnicodeDecodeError:
        raise Wrong(f"{path}: not UTF-8") from None


def say_untried(why):
    print(f"verify.py: {why}", file=sys.stderr)
    return 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    proof = commands.add_parser("proof", help="one event")
    proof.add_argument("proof")
    proof.add_argument("leaf")
    export = commands.add_parser("export", help="a whole ledger")
    export.add_argument("events")
    export.add_argument("--checkpoint", help="the newest one, if not the one at the export's end")
    export.add_argument("--older", nargs="+", action="extend", default=[])
    export.add_argument("--retired", nargs="+", action="extend", default=[], help="files of months that were retired")
    export.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processors to use")
    for command in (proof, export):
        command.add_argument("--key", required=True, action="append", help="the log's public key; more than one after a rotation")
    asked = parser.parse_args()
    try:
        keys = [Key(read_text(key) if os.path.isfile(key) else key) for key in asked.key]
        if asked.command == "proof":
            said = verify_proof(asked.proof, asked.leaf, keys)
        else:
            said = verify_export(asked.events, asked.checkpoint, asked.older, asked.retired, keys, asked.jobs)
    except Wrong as wrong:
        print(f"WRONG {wrong}")
        return 1
    print(f"OK {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
