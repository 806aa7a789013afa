# 사람이 쓰는 문서에서 틀린 곳.
document-fault-toml = { $line }행: TOML로 읽을 수 없습니다. { $detail }
document-fault-kind = { $line }행: { $key }에는 다음이 와야 합니다: { $kind }
document-fault-unknown-key = { $line }행: { $key } 키는 없습니다. 여기에 쓸 수 있는 키: { $known }
document-fault-unknown-value = { $line }행: { $key }에 적힌 ‘{ $value }’ 값은 없습니다. 쓸 수 있는 값: { $known }
document-fault-missing = { $line }행: { $key } 키가 없습니다.
document-fault-range = { $line }행: { $key } 값은 { $least }부터 { $most }까지입니다.
document-fault-too-long = 문서는 { $most }바이트까지입니다.
