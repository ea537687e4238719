// SPDX-License-Identifier: Apache-2.0
// From the parts of a tokenizer.json to the components that they describe. Every function throws
// Error kInvalidArgument naming file, path and what is wrong; a component that is not known is
// named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/decoder.h"
#include "tokenizer/model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pattern.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// With the changes; null where there is neither a normalizer nor a change that makes one.
NormalizerPtr load_changed_normalizer(const std::optional<JsonValue>& value,
                                      const NormalizerChanges& changes);
// Byte-level pieces need not be written out as characters where the last pre-tokenizer writes them
// (`keep_bytes`) and the model reads them as they are (`byte_level`): whether the two can.
bool gives_bytes(const JsonValue& pre_tokenizer);
bool takes_bytes(const JsonValue& model);
PreTokenizerPtr load_pre_tokenizer(const JsonValue& value, bool keep_bytes = false);
ModelPtr load_tokenizer_model(const JsonValue& value, bool byte_level = false);
PostProcessor load_post_processor(const JsonValue& value);
DecoderPtr load_decoder(const JsonValue& value);
std::vector<AddedToken> load_added_tokens(const JsonValue& value);

// Shared by normalizers, pre-tokenizers and decoders.
Pattern load_pattern(const JsonValue& value);  // {"String": ...} or {"Regex": ...}
MetaspaceOptions load_metaspace(const JsonValue& value);

bool boolean_or(const JsonValue& object, std::string_view key, bool otherwise);
// A token id: 0 ... 2^32 - 1.
std::uint32_t load_id(const JsonValue& value);
// "model.foo: the normalizer "Foo" is not known".
Error unknown_component(const JsonValue& value, std::string_view what);

// Runs `make`; an Error that it throws gets the file and the path of `value` in front.
template <typename Make>
auto with_context(const JsonValue& value, Make make) {
  try {
    return make();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw value.error(error.what());
  }
}

// Loads each element of the array `key` with `load`.
template <typename Load>
auto load_each(const JsonValue& object, std::string_view key, Load load) {
  std::vector<decltype(load(object))> loaded;
  for (const JsonValue& element : object.at(key).elements()) loaded.push_back(load(element));
  return loaded;
}

// The double that the reference reads for a score that JSON writes in its shortest form: serde_json
// without float_roundtrip, which is off by a unit in the last place for one in four (it takes the
// digits as an integer and multiplies or divides once by a power of ten).
double score_as_reference_reads(double value);

}  // namespace nestvec
