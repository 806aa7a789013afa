# 가격표에서 틀린 곳.
price-fault-count = { $line }행: { $key } 항목은 하나 이상 { $most }개 이하로 쓰세요.
price-fault-name = { $line }행: { $key } 값 ‘{ $name }’에는 a–z, 숫자, 붙임표, 밑줄만 쓸 수 있으며 40자까지입니다.
price-fault-same-key = { $line }행: ‘{ $key }’ 요금 항목이 이미 있습니다.
price-fault-metric = { $line }행: ‘{ $key }’ 항목이 사용량을 세면 metric을 쓰고, 정액이면 쓰지 마세요.
price-fault-negative = { $line }행: { $key } 값은 0 이상이어야 합니다.
price-fault-zero = { $line }행: { $key } 값은 1 이상이어야 합니다.
price-fault-whole-won = { $line }행: { $key } 값은 원 단위 정수여야 합니다.
price-fault-too-much = { $line }행: ‘{ $key }’ 항목의 가격은 { $most }원까지입니다.
price-fault-too-many-digits = { $line }행: { $key } 값의 자릿수가 너무 많습니다. { $most }원, 소수점 아래 { $places }자리까지 쓸 수 있습니다.
price-fault-places = { $line }행: ‘{ $key }’ 항목의 가격은 소수점 아래 { $most }자리까지입니다.
price-fault-rate = { $line }행: ‘{ $key }’ 항목의 요율은 0부터 1까지입니다. 2.5%는 0.025로 쓰세요.
price-fault-no-tiers = { $line }행: ‘{ $key }’ 항목에 구간이 없습니다.
price-fault-tier-order = { $line }행: ‘{ $key }’ 항목의 이 구간은 앞 구간보다 뒤에서 끝나야 합니다.
price-fault-no-open-tier = { $line }행: ‘{ $key }’ 항목의 마지막 구간에는 끝(up_to)이 없어야 합니다. 그 위의 가격이 없게 됩니다.
price-fault-open-tier = { $line }행: ‘{ $key }’ 항목의 이 구간에 끝(up_to)이 없는데 뒤에 구간이 더 있습니다.
