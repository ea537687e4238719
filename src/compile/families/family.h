// SPDX-License-Identifier: Apache-2.0
// A model family: what of config.json it is known by, and what it makes of the other keys. The
// names of its tensors stand in names.cc.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "compile/model_spec.h"

namespace nestvec {

// A task as callers name it, where that is not an adapter and its own prompt: which adapter it runs
// with, the name of its prompt in the folder, and the prompt where the folder has none.
struct FamilyTask {
  std::string_view name;
  std::string_view adapter;
  std::string_view prompt_name;
  std::string_view prompt;
};

// The classifiers of a family: what its tensors are called, beside the encoder or inside it.
struct FamilyClassifier {
  std::string_view outputs;    // empty: there are none
  std::string_view dense{};    // empty: outputs read the pooled state
  bool dense_inside = false;   // of the encoder, as BERT's pooler
  std::string_view norm{};     // behind the dense layer; empty: none
  std::string_view decoder{};  // of a language model whose logits may be scores; empty: none
  // Published without its class in `architectures`, and without the number of its outputs: then
  // the tensors say both.
  bool may_be_unnamed = false;
  // What config.json says of the head beside its labels. Throws Error as parse_model_spec.
  void (*read)(const JsonValue& config, HeadSpec::Classifier& head) = nullptr;
};

struct Family {
  std::string_view name;
  std::string_view also{};  // model types that are the same, for messages
  bool (*matches)(const JsonValue& config);
  // Throws Error as parse_model_spec.
  ModelSpec (*read)(const JsonValue& config);
  std::span<const std::string_view> adapters{};  // in folders that config.json does not list
  std::span<const FamilyTask> tasks{};           // none: the adapters are the tasks
  bool last_token = false;  // a folder that names no pooling means the last token, normalised
  FamilyClassifier classifier{};
};

// Of several that match, the first one counts.
std::span<const Family> families();

// The family of a config.json. Throws Error kUnimplemented, with the names of all.
const Family& family_of(const JsonValue& config);

// Null for a family of which nothing is known but its spec.
const Family* find_family(std::string_view name);

// What callers name, over the adapters of a spec.
struct AdapterTask {
  std::string name;
  std::size_t adapter = 0;  // index into the spec's adapters
  std::string prompt_name;  // in the folder
  std::string prompt;       // where the folder has none of that name
};

// The tasks of the family whose adapter is there, then the adapters that none of them uses.
std::vector<AdapterTask> adapter_tasks(std::string_view family,
                                       const std::vector<std::string>& adapters);

extern const Family kBert;
extern const Family kXlmRoberta;
extern const Family kJinaV3;
extern const Family kEuroBert;
extern const Family kQwen3;
extern const Family kJinaV5;
extern const Family kModernBert;
extern const Family kDistilBert;
extern const Family kNomicBert;
extern const Family kGte;
extern const Family kMpNet;
extern const Family kJinaV2;
extern const Family kGemma3;
extern const Family kElectra;

}  // namespace nestvec
