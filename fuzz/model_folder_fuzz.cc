// SPDX-License-Identifier: Apache-2.0
// The small files of a model folder, of any bytes, are followed or refused in one line: modules and
// what they are told, lengths, prompts, labels, tokens beside the tokenizer, adapters.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "compile/model_spec.h"
#include "engine/model_folder.h"
#include "engine/read_score_rules.h"
#include "expect_one_line.h"
#include "folder_input.h"
#include "nestvec/error.h"

namespace {

constexpr std::string_view kFiles[] = {"config.json",
                                       "modules.json",
                                       "config_sentence_transformers.json",
                                       "sentence_bert_config.json",
                                       "tokenizer_config.json",
                                       "tokenizer.json",
                                       "special_tokens_map.json",
                                       "added_tokens.json",
                                       "chat_template.jinja",
                                       "1_Pooling/config.json",
                                       "2_Dense/config.json",
                                       "3_LayerNorm/config.json",
                                       "4_Normalize/config.json",
                                       "1_LogitScore/config.json",
                                       "1_SpladePooling/config.json",
                                       "adapters/own/adapter_config.json"};
constexpr std::string_view kTokenizer =
    R"({"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":100,"vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3}}})";

void require_holds(bool holds) {
  if (!holds) std::abort();
}

template <typename Read>
void read_or_refuse(Read read) {
  try {
    read();
  } catch (const nestvec::Error& error) {
    const nestvec::ErrorCode code = error.code();
    require_holds(code == nestvec::ErrorCode::kInvalidArgument ||
                  code == nestvec::ErrorCode::kUnimplemented ||
                  code == nestvec::ErrorCode::kNotFound || code == nestvec::ErrorCode::kDataLoss);
    expect_one_line(error.what());
  }
}

void read_folder(const std::string& path) {
  const nestvec::ModelFolder folder = nestvec::read_model_folder(path);
  for (const nestvec::ModuleStep& step : folder.modules) {
    require_holds(step.inputs <= 1 << 16 && step.outputs <= 1 << 16);
    require_holds((step.inputs == 0) == (step.outputs == 0));
    require_holds(step.folder.empty() || step.folder.starts_with(path));
    require_holds(step.folder.find("/..") == std::string::npos);
  }
  require_holds(folder.max_tokens <= 1'000'000'000);
  for (const std::string& note : folder.notes) expect_one_line(note);
  // Far above what a module of the largest size needs.
  require_holds(nestvec::module_bytes(folder.modules) <= folder.modules.size() << 40);
  nestvec::Tokenizer::load(folder.tokenizer, folder.normalizer).encode("a [CLS] b");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static FolderInput input(kFiles);
  input.fill({reinterpret_cast<const char*>(data), size});
  input.put_if_missing("config.json", R"({"model_type":"bert"})");
  input.put_if_missing("tokenizer.json", kTokenizer);
  input.put_if_missing("model.safetensors", "");
  read_or_refuse([] { read_folder(input.path()); });
  for (const bool by_logit : {false, true}) {
    read_or_refuse([by_logit] {
      const nestvec::ScoreRules rules = nestvec::read_score_rules(input.path(), by_logit);
      require_holds(!rules.labels.empty() && rules.labels.size() <= 4096);
    });
  }
  read_or_refuse([] { nestvec::read_model_spec(input.path()); });
  return 0;
}
