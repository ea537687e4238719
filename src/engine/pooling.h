// SPDX-License-Identifier: Apache-2.0
// How the tokens of a text become one vector, by the names of sentence-transformers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ops/pool.h"

namespace nestvec {

enum class Pooling { kMean, kCls, kLast, kMax, kMeanSqrtLength, kWeightedMean };

// "mean", "cls", "lasttoken", "max", "mean_sqrt_len_tokens", "weightedmean".
std::string_view pooling_name(Pooling pooling);
std::optional<Pooling> find_pooling(std::string_view name);

// "mean, cls, ... and weightedmean", for messages.
std::string pooling_names();

// What is done to the tokens of a text's span, which for a first or last token is that token.
PoolKind pool_kind(Pooling pooling);

}  // namespace nestvec
