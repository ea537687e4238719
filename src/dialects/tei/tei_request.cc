// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_request.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/excerpt.h"
#include "dialects/not_done.h"
#include "dialects/tei/tei_style.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

// Of a request: more would make an answer, or the work for it, out of proportion.
constexpr std::size_t kMaxTokenizeBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxIds = std::size_t{1} << 20;

RequestError empty_error(std::string_view member) {
  std::string message = "`";
  message.append(member).append("` cannot be empty");
  return RequestError(ErrorCode::kInvalidArgument, message, std::string(member), Fault::kEmpty);
}

// A list without elements; an empty text is another kind of failure.
CountedError empty_list(std::string_view member) { return {"validation", empty_error(member)}; }

RequestError wrong_type(const JsonValue& value, std::string_view expected) {
  return RequestError(ErrorCode::kInvalidArgument,
                      "`" + value.path() + "`: expected " + std::string(expected), value.path());
}

// The elements of a list of inputs; `others` count for the limit, too.
std::vector<JsonValue> read_batch(const JsonValue& list, std::size_t limit,
                                  std::size_t others = 0) {
  const std::size_t size = list.size() + others;
  if (list.size() == 0) throw empty_list(list.path());
  if (size > limit) throw BatchSizeError(size, limit, list.path());
  return list.elements();
}

constexpr std::string_view kDimensions = "use `dimensions`";
constexpr std::string_view kFloats = "vectors are lists of floats here; see POST /v1/embeddings";

bool is_float(const JsonValue& value, const ModelInfo&) {
  return value.kind() == Kind::kString && value.string() == "float";
}

constexpr NotDone kNotDone[] = {
    {"prompt", kUsePromptName, is_empty},
    {"truncate_dim", kDimensions, is_never},
    {"dimension", kDimensions, is_never},
    {"dims", kDimensions, is_never},
    {"normalize_embeddings", "use `normalize`", is_true},
    {"normalized", "use `normalize`", is_true},
    {"encoding_format", kFloats, is_float},
    {"embedding_type", kFloats, is_float},
    {"output_dtype", kFloats, is_float},
    {"truncate_prompt_tokens", "texts are cut at the model's limit only", is_model_limit},
    {"late_chunking", "see POST /v1/embeddings", is_false},
    {"chunking", "see POST /v1/embeddings", is_never},
};

Truncation read_direction(const JsonValue& body) {
  const std::string_view direction = string_member(body, "truncation_direction").value_or("Right");
  if (direction == "Right" || direction == "right") return Truncation::kRight;
  if (direction == "Left" || direction == "left") return Truncation::kLeft;
  throw RequestError(
      ErrorCode::kInvalidArgument,
      "`truncation_direction` is " + excerpt(direction) + "; it may be \"Right\" or \"Left\"",
      "truncation_direction");
}

CountedError too_much(std::string_view member, std::size_t count, std::size_t limit,
                      std::string_view unit) {
  std::string message = "`" + std::string(member) + "` have " + std::to_string(count) + " ";
  message.append(unit).append(", at most ").append(std::to_string(limit));
  message.append(" are accepted at once; send fewer");
  return {"validation", RequestError(ErrorCode::kInvalidArgument, message, std::string(member))};
}

std::vector<std::uint32_t> read_ids(const JsonValue& list) {
  std::vector<std::uint32_t> ids;
  list.for_each_element([&](const auto& element) {
    const std::optional<std::int64_t> id = whole_number(element);
    if (!id || *id < 0 || *id > std::numeric_limits<std::uint32_t>::max()) {
      throw RequestError(
          ErrorCode::kInvalidArgument,
          "`" + list.path() + "[" + std::to_string(ids.size()) + "]` is not a valid token id",
          list.path());
    }
    ids.push_back(static_cast<std::uint32_t>(*id));
  });
  return ids;
}

// Whether a list begins with a list or a number; without a look at the rest, which may be long.
struct First {
  bool list = false;
  bool number = false;
};
First first_element(const JsonValue& list) {
  First first;
  bool seen = false;
  list.for_each_element([&](const auto& element) {
    if (!seen) first = {element.is_array(), element.is_number()};
    seen = true;
  });
  return first;
}

}  // namespace

Truncation read_tei_truncation(const JsonValue& truncate, const JsonValue& direction,
                               const InputRules& rules) {
  const Truncation side = read_direction(direction);
  const bool usual = rules.overlong != Truncation::kError;
  return bool_member(truncate, "truncate").value_or(usual) ? side : Truncation::kError;
}

EmbedOptions read_tei_options(const JsonValue& body, const InputRules& rules) {
  const ModelInfo& model = rules.model;
  const std::optional<JsonValue> parameters = body.find("parameters");
  if (parameters && parameters->kind() != Kind::kObject) {
    throw wrong_type(*parameters, "an object");
  }
  refuse_not_done(body, model, kNotDone);
  if (parameters) refuse_not_done(*parameters, model, kNotDone);
  const auto holder = [&](std::string_view member) -> const JsonValue& {
    return parameters && parameters->find(member) ? *parameters : body;
  };
  EmbedOptions options;
  options.truncation =
      read_tei_truncation(holder("truncate"), holder("truncation_direction"), rules);
  // `prompt_name` and our own `task` name the same thing; clients of sentence-transformers' habits
  // send both.
  const std::string_view task = string_member(holder("task"), "task").value_or("");
  options.task = with_prompt_name(resolve_task(task, model, "task"), holder("prompt_name"), model);
  std::string named = task_of_model(body, rules);
  if (options.task.empty()) options.task = std::move(named);
  options.normalize = bool_member(holder("normalize"), "normalize").value_or(true);
  if (const auto dimensions = holder("dimensions").find("dimensions")) {
    options.dimensions = read_dimensions(*dimensions, model, "dimensions");
  }
  return options;
}

bool is_batch(const JsonValue& inputs) {
  return inputs.kind() == Kind::kArray && !first_element(inputs).number;
}

TeiInputs read_tei_inputs(const JsonValue& body, const InputRules& rules) {
  const JsonValue inputs = required_member(body, "inputs");
  TeiInputs read;
  if (inputs.kind() == Kind::kArray) {
    if (inputs.size() == 0) throw empty_list("inputs");
    read.batch = is_batch(inputs);
    if (read.batch && inputs.size() > rules.max_inputs) {
      throw BatchSizeError(inputs.size(), rules.max_inputs, "inputs");
    }
  }
  read_inputs(inputs, "inputs", rules, read.call);
  read.characters = count_characters(read.call.texts);
  return read;
}

bool is_similarity(const JsonValue& body) {
  const std::optional<JsonValue> inputs = body.find("inputs");
  return inputs && inputs->kind() == Kind::kObject && inputs->find("source_sentence");
}

EmbedCall read_similarity(const JsonValue& body, const InputRules& rules) {
  const JsonValue inputs = required_member(body, "inputs");
  if (inputs.kind() != Kind::kObject) {
    throw wrong_type(inputs, "an object with `source_sentence` and `sentences`");
  }
  EmbedCall call;
  call.param = "inputs";
  call.options = read_tei_options(body, rules);
  call.options.normalize = true;  // so that a product of two rows is their cosine

  call.texts.emplace_back(read_string(required_member(inputs, "source_sentence")));
  const JsonValue sentences = required_member(inputs, "sentences");
  if (sentences.kind() != Kind::kArray) throw wrong_type(sentences, "a list of strings");
  for (const JsonValue& sentence : read_batch(sentences, rules.max_inputs, 1)) {
    call.texts.emplace_back(read_string(sentence));
  }
  const bool blank = std::any_of(call.texts.begin(), call.texts.end(),
                                 [](const std::string& text) { return text.empty(); });
  if (blank) throw empty_error("inputs");
  return call;
}

TokenizeCall read_tokenize(const JsonValue& body, const InputRules& rules) {
  TokenizeCall call;
  call.add_special = bool_member(body, "add_special_tokens").value_or(true);
  const std::string prompt = prompt_of(with_prompt_name("", body, rules.model), rules.model);
  const JsonValue inputs = required_member(body, "inputs");
  if (inputs.kind() == Kind::kString) {
    call.texts.push_back(prompt + std::string(inputs.string()));
  } else if (inputs.kind() == Kind::kArray) {
    for (const JsonValue& input : read_batch(inputs, rules.max_inputs)) {
      call.texts.push_back(prompt + std::string(read_string(input)));
    }
  } else {
    throw wrong_type(inputs, "a string or a list of strings");
  }
  std::size_t bytes = 0;
  for (const std::string& text : call.texts) bytes += text.size();
  if (bytes > kMaxTokenizeBytes) throw too_much("inputs", bytes, kMaxTokenizeBytes, "bytes");
  return call;
}

DecodeCall read_decode(const JsonValue& body, const InputRules& rules) {
  DecodeCall call;
  call.skip_special = bool_member(body, "skip_special_tokens").value_or(true);
  const JsonValue ids = required_member(body, "ids");
  if (ids.kind() != Kind::kArray) {
    throw wrong_type(ids, "a list of token ids, or a list of such lists");
  }
  if (ids.size() == 0) throw empty_list("ids");
  if (first_element(ids).list) {
    for (const JsonValue& list : read_batch(ids, rules.max_inputs)) {
      if (list.kind() != Kind::kArray) throw wrong_type(list, "a list of token ids");
      call.ids.push_back(read_ids(list));
    }
  } else {
    call.ids.push_back(read_ids(ids));
  }
  std::size_t count = 0;
  for (const auto& list : call.ids) count += list.size();
  if (count > kMaxIds) throw too_much("ids", count, kMaxIds, "token ids");
  return call;
}

std::size_t count_characters(std::span<const std::string> texts) {
  std::ptrdiff_t count = 0;
  for (const std::string& text : texts) {
    count += std::count_if(text.begin(), text.end(),
                           [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  }
  return static_cast<std::size_t>(count);
}

}  // namespace nestvec
