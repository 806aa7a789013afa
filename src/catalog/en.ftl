# What is wrong with a price list.
price-fault-count = Line { $line }: { $key } must stand here at least once, and { $most } times at most.
price-fault-name = Line { $line }: { $key } may have a to z, digits, dashes and underscores, 40 at most, and is ‘{ $name }’.
price-fault-same-key = Line { $line }: there is a charge ‘{ $key }’ already.
price-fault-metric = Line { $line }: ‘{ $key }’ must name a metric if it counts something, and none if it is flat.
price-fault-negative = Line { $line }: { $key } must not be negative.
price-fault-zero = Line { $line }: { $key } must be 1 or more.
price-fault-whole-won = Line { $line }: { $key } is an amount in whole won.
price-fault-too-much = Line { $line }: a price of ‘{ $key }’ is above { $most } won.
price-fault-too-many-digits = Line { $line }: { $key } has too many digits. { $most } won and { $places } decimal places are the most.
price-fault-places = Line { $line }: a price of ‘{ $key }’ has more than { $most } decimal places.
price-fault-rate = Line { $line }: the rate of ‘{ $key }’ must be from 0 to 1; 0.025 is 2.5 %.
price-fault-no-tiers = Line { $line }: ‘{ $key }’ has no tiers.
price-fault-tier-order = Line { $line }: this tier of ‘{ $key }’ must end after the one before it.
price-fault-no-open-tier = Line { $line }: the last tier of ‘{ $key }’ must have no end, or there is no price beyond it.
price-fault-open-tier = Line { $line }: this tier of ‘{ $key }’ has no end, and another one follows.
