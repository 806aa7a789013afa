# What is wrong with documents that people write.
document-fault-toml = Line { $line }: this is not TOML: { $detail }
document-fault-kind = Line { $line }: { $key } must be: { $kind }.
document-fault-unknown-key = Line { $line }: there is no key { $key }. Known here: { $known }.
document-fault-unknown-value = Line { $line }: { $key } names ‘{ $value }’, which does not exist. Known: { $known }.
document-fault-missing = Line { $line }: { $key } is missing.
document-fault-range = Line { $line }: { $key } must be from { $least } to { $most }.
document-fault-too-long = The document may have { $most } bytes at most.
