// SPDX-License-Identifier: Apache-2.0
#include "compile/manifest.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/keyed_hash.h"
#include "base/mapped_file.h"
#include "nestvec/version.h"

namespace nestvec {
namespace {

// In the order of PositionKind.
constexpr std::array<std::string_view, 3> kPositionNames = {"absolute", "rotary", "none"};

std::vector<std::size_t> counts_of(const std::vector<std::uint32_t>& numbers) {
  return {numbers.begin(), numbers.end()};
}

void write_head(const HeadSpec& head, std::string& out) {
  JsonObject object(out, "      ");
  if (head.classifier) {
    JsonObject classifier(object.key("classifier"), "        ");
    classifier.integer("activation", static_cast<std::int64_t>(head.classifier->activation));
    classifier.count("outputs", head.classifier->outputs);
    classifier.end();
  }
  if (head.token_weights) {
    object.boolean("token_weights", true);
    object.count("token_vectors", head.token_vectors);
  }
  if (head.vocabulary) {
    JsonObject vocabulary(object.key("vocabulary"), "        ");
    vocabulary.integer("activation", static_cast<std::int64_t>(head.vocabulary->activation));
    vocabulary.integer("pooling", static_cast<std::int64_t>(head.vocabulary->pooling));
    vocabulary.integer("scale", static_cast<std::int64_t>(head.vocabulary->scale));
    vocabulary.boolean("tied", head.vocabulary->tied);
    vocabulary.end();
  }
  object.end();
}

void write_block(const BlockSpec& block, std::string& out) {
  JsonObject object(out, "      ");
  object.text("norm", block.norm == NormKind::kRms ? "rms" : "layer");
  object.integer("norm_first", block.norm_first);
  object.integer("biases", block.biases);
  object.count("kv_heads", block.kv_heads);
  object.count("head_width", block.head_width);
  object.integer("head_norms", block.head_norms);
  object.integer("causal", block.causal);
  object.integer("gated", block.gated);
  object.integer("gate_biases", block.gate_biases);
  object.integer("gate_last", block.gate_last);
  object.integer("norm_biases", block.norm_biases);
  object.integer("embedding_norm", block.embedding_norm);
  object.integer("bare_first", block.bare_first);
  if (block.outer_norm) object.integer("outer_norm", 1);
  if (block.joint_norms) object.integer("joint_norms", 1);
  if (block.score_bias != ScoreBias::kNone) {
    object.integer("score_bias", static_cast<std::int64_t>(block.score_bias));
    object.count("score_buckets", block.score_buckets);
  }
  if (!block.window_layers.empty()) {
    object.counts("window_layers", block.window_layers);
    object.count("window", block.window);
    object.real("window_rotary_base", block.window_rotary_base);
  }
  object.end();
}

void write_spec(const ModelSpec& spec, std::string& out) {
  JsonObject object(out, "    ");
  object.count("vocabulary", spec.vocabulary);
  object.count("layers", spec.layers);
  object.count("heads", spec.heads);
  object.count("intermediate", spec.intermediate);
  object.count("token_types", spec.token_types);
  object.count("max_positions", spec.max_positions);
  object.real("layer_norm_eps", static_cast<double>(spec.layer_norm_eps));
  object.integer("activation", static_cast<std::int64_t>(spec.activation));
  object.text("positions", kPositionNames.at(static_cast<std::size_t>(spec.positions)));
  object.count("position_offset", spec.position_offset);
  object.real("rotary_base", spec.rotary_base);
  if (spec.rotary_divisor != 1.0) object.real("rotary_divisor", spec.rotary_divisor);
  object.integer("pad_id", spec.pad_id);
  object.count("adapter_rank", spec.adapters.rank);
  object.real("adapter_scaling", static_cast<double>(spec.adapters.scaling));
  object.texts("adapter_folders", spec.adapters.folders);
  object.counts("matryoshka_dimensions", spec.matryoshka_dimensions);
  if (spec.text_types.any()) {
    object.counts("prefix_types", counts_of(spec.text_types.prefix));
    object.count("text_type", spec.text_types.text);
    object.counts("suffix_types", counts_of(spec.text_types.suffix));
  }
  if (spec.head.any()) write_head(spec.head, object.key("head"));
  if (spec.block != BlockSpec{}) write_block(spec.block, object.key("block"));
  object.end();
}

void write_source(const Fingerprint& source, std::string& out) {
  JsonObject object(out, "    ");
  object.text("hash", source.hash);
  std::string& list = object.key("files");
  list += '[';
  for (std::size_t i = 0; i < source.files.size(); ++i) {
    const SourceFile& file = source.files[i];
    list += i > 0 ? ",\n      " : "\n      ";
    JsonObject entry(list);
    entry.text("name", file.name);
    entry.count("bytes", file.bytes);
    entry.integer("modified_ns", file.modified_ns);
    entry.end();
  }
  list += ']';
  object.end();
}

std::size_t size_at(const JsonValue& object, std::string_view key) {
  const std::int64_t value = object.at(key).integer();
  if (value < 0) throw object.at(key).error("expected at least 0");
  return static_cast<std::size_t>(value);
}

std::vector<std::string> texts_at(const JsonValue& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const JsonValue& text : object.at(key).elements()) texts.emplace_back(text.string());
  return texts;
}

std::uint32_t type_of(const JsonValue& value) {
  const std::int64_t type = value.integer();
  if (type < 0 || type > 1 << 16) throw value.error("expected a token type");
  return static_cast<std::uint32_t>(type);
}

TokenTypes read_types(const JsonValue& object) {
  TokenTypes types;
  const auto text = object.find("text_type");
  if (!text) return types;
  types.text = type_of(*text);
  for (const JsonValue& type : object.at("prefix_types").elements()) {
    types.prefix.push_back(type_of(type));
  }
  for (const JsonValue& type : object.at("suffix_types").elements()) {
    types.suffix.push_back(type_of(type));
  }
  return types;
}

Activation activation_at(const JsonValue& object, std::initializer_list<Activation> allowed) {
  const JsonValue value = object.at("activation");
  const std::int64_t number = value.integer();
  for (const Activation activation : allowed) {
    if (number == static_cast<std::int64_t>(activation)) return activation;
  }
  throw value.error("is not an activation of this layer");
}

template <typename Choice>
Choice choice_at(const JsonValue& object, std::string_view key, Choice last) {
  const JsonValue value = object.at(key);
  const std::int64_t number = value.integer();
  if (number < 0 || number > static_cast<std::int64_t>(last)) {
    throw value.error("expected 0 to " + std::to_string(static_cast<std::int64_t>(last)));
  }
  return static_cast<Choice>(number);
}

HeadSpec::Vocabulary read_vocabulary(const JsonValue& object) {
  HeadSpec::Vocabulary head;
  head.activation =
      activation_at(object, {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu});
  head.pooling = choice_at(object, "pooling", VocabularyPooling::kSum);
  head.scale = choice_at(object, "scale", VocabularyScale::kLogTwice);
  head.tied = object.at("tied").boolean();
  return head;
}

HeadSpec read_head(const JsonValue& object) {
  HeadSpec head;
  const auto found = object.find("head");
  if (!found) return head;
  if (const auto classifier = found->find("classifier")) {
    head.classifier = {activation_at(*classifier, {Activation::kTanh}),
                       size_at(*classifier, "outputs")};
    if (head.classifier->outputs == 0) throw classifier->at("outputs").error("expected at least 1");
  }
  if (const auto weights = found->find("token_weights")) {
    constexpr std::size_t kMostNumbers = 1 << 16;
    head.token_weights = weights->boolean();
    head.token_vectors = size_at(*found, "token_vectors");
    if (!head.token_weights || head.token_vectors == 0 || head.token_vectors > kMostNumbers) {
      throw found->at("token_vectors")
          .error("expected 1 to " + std::to_string(kMostNumbers) + ", beside token_weights true");
    }
  }
  if (const auto vocabulary = found->find("vocabulary")) {
    head.vocabulary = read_vocabulary(*vocabulary);
  }
  return head;
}

BlockSpec read_block(const JsonValue& object) {
  BlockSpec block;
  const auto found = object.find("block");
  if (!found) return block;
  const auto flag = [&](std::string_view key) { return size_at(*found, key) != 0; };
  block.norm = found->at("norm").string() == "rms" ? NormKind::kRms : NormKind::kLayer;
  block.norm_first = flag("norm_first");
  block.biases = flag("biases");
  block.kv_heads = size_at(*found, "kv_heads");
  block.head_width = size_at(*found, "head_width");
  block.head_norms = flag("head_norms");
  block.causal = flag("causal");
  block.gated = flag("gated");
  block.gate_biases = flag("gate_biases");
  block.gate_last = flag("gate_last");
  block.norm_biases = flag("norm_biases");
  block.embedding_norm = flag("embedding_norm");
  block.bare_first = flag("bare_first");
  if (found->find("outer_norm")) block.outer_norm = flag("outer_norm");
  if (found->find("joint_norms")) block.joint_norms = flag("joint_norms");
  if (found->find("score_bias")) {
    block.score_bias = choice_at(*found, "score_bias", ScoreBias::kBuckets);
    block.score_buckets = size_at(*found, "score_buckets");
  }
  if (const auto layers = found->find("window_layers")) {
    for (const JsonValue& layer : layers->elements()) {
      block.window_layers.push_back(static_cast<std::size_t>(layer.integer()));
    }
    block.window = size_at(*found, "window");
    block.window_rotary_base = found->at("window_rotary_base").number();
  }
  return block;
}

ModelSpec read_spec(const JsonValue& root) {
  const JsonValue object = root.at("spec");
  ModelSpec spec;
  spec.family = root.at("family").string();
  spec.hidden = size_at(root, "width");
  spec.adapters.tasks = texts_at(root, "tasks");
  spec.vocabulary = size_at(object, "vocabulary");
  spec.layers = size_at(object, "layers");
  spec.heads = size_at(object, "heads");
  spec.intermediate = size_at(object, "intermediate");
  spec.token_types = size_at(object, "token_types");
  spec.text_types = read_types(object);
  spec.head = read_head(object);
  spec.block = read_block(object);
  spec.max_positions = size_at(object, "max_positions");
  spec.layer_norm_eps = static_cast<float>(object.at("layer_norm_eps").number());
  spec.activation = activation_at(
      object, {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu, Activation::kSilu});
  const auto* const positions = std::ranges::find(kPositionNames, object.at("positions").string());
  if (positions == kPositionNames.end()) {
    throw object.at("positions").error("expected absolute, rotary or none");
  }
  spec.positions = static_cast<PositionKind>(positions - kPositionNames.begin());
  spec.position_offset = size_at(object, "position_offset");
  spec.rotary_base = object.at("rotary_base").number();
  if (const auto divisor = object.find("rotary_divisor")) spec.rotary_divisor = divisor->number();
  spec.pad_id = static_cast<std::int32_t>(object.at("pad_id").integer());
  spec.adapters.rank = size_at(object, "adapter_rank");
  spec.adapters.scaling = static_cast<float>(object.at("adapter_scaling").number());
  spec.adapters.folders = texts_at(object, "adapter_folders");
  for (const JsonValue& dimension : object.at("matryoshka_dimensions").elements()) {
    spec.matryoshka_dimensions.push_back(static_cast<std::size_t>(dimension.integer()));
  }
  return spec;
}

Fingerprint read_source(const JsonValue& object) {
  Fingerprint source;
  source.hash = object.at("hash").string();
  for (const JsonValue& file : object.at("files").elements()) {
    source.files.push_back({std::string(file.at("name").string()), size_at(file, "bytes"),
                            file.at("modified_ns").integer()});
  }
  return source;
}

// Of a format that is not known nothing but its number is read.
void check_format(const Manifest& manifest, const JsonValue& root) {
  constexpr std::int64_t kOldest = Manifest::kOldestFormat;
  constexpr std::int64_t kNewest = Manifest::kFormatVersion;
  const std::int64_t found = manifest.format_version;
  if (found >= kOldest && found <= kNewest) return;
  std::string text = "compiled in format " + std::to_string(found) + " by nestvec " +
                     excerpt(manifest.library_version) + ", and nestvec " + kVersion + " reads ";
  text += kOldest == kNewest
              ? "format " + std::to_string(kNewest)
              : "formats " + std::to_string(kOldest) + " to " + std::to_string(kNewest);
  if (found < kOldest) {
    throw Error(ErrorCode::kFailedPrecondition,
                root.error(text + "; compile the model again").what());
  }
  throw NewerFormat(
      root.error(text + "; update nestvec, or compile the model again with this one").what());
}

Manifest read_members(const JsonValue& root) {
  Manifest manifest;
  manifest.format_version = root.at("format_version").integer();
  if (const auto version = root.find("library_version")) {
    manifest.library_version = version->string();
  }
  check_format(manifest, root);
  manifest.layout = root.at("layout").string();
  manifest.precision = root.at("precision").string();
  manifest.max_tokens = size_at(root, "max_tokens");
  manifest.graph_bytes = size_at(root, "graph_bytes");
  manifest.data_bytes = size_at(root, "data_bytes");
  if (const auto checksum = root.find("checksum")) manifest.checksum = checksum->string();
  if (const auto repository = root.find("repository")) manifest.repository = repository->string();
  manifest.spec = read_spec(root);
  manifest.source = read_source(root.at("source"));
  return manifest;
}

}  // namespace

std::string checksum_of(const std::string& folder) {
  const std::filesystem::path path(folder);
  std::uint64_t sum = 0;
  for (const char* name : {kGraphName, kDataName}) {
    const MappedFile file((path / name).string());
    sum = KeyedHash({sum, 0})(file.text());
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "siphash-2-4:%016" PRIx64, sum);
  return text.data();
}

std::string write_manifest(const Manifest& manifest) {
  std::string out;
  JsonObject object(out, "  ");
  object.integer("format_version", manifest.format_version);
  object.text("library_version", manifest.library_version);
  object.text("layout", manifest.layout);
  object.text("precision", manifest.precision);
  object.text("family", manifest.spec.family);
  object.texts("tasks", manifest.spec.adapters.tasks);
  object.count("width", manifest.spec.hidden);
  object.count("max_tokens", manifest.max_tokens);
  object.count("graph_bytes", manifest.graph_bytes);
  object.count("data_bytes", manifest.data_bytes);
  if (!manifest.checksum.empty()) object.text("checksum", manifest.checksum);
  if (!manifest.repository.empty()) object.text("repository", manifest.repository);
  write_spec(manifest.spec, object.key("spec"));
  write_source(manifest.source, object.key("source"));
  object.end();
  return out + "\n";
}

Manifest parse_manifest(std::string_view json, const std::string& path) {
  try {
    const JsonDocument document = JsonDocument::parse(json, path);
    return read_members(document.root());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw Error(ErrorCode::kDataLoss, error.what());
  }
}

Manifest read_manifest(const std::string& folder) {
  constexpr std::size_t kMaxBytes = 1u << 24;
  const std::string path = (std::filesystem::path(folder) / kManifestName).string();
  return parse_manifest(read_file(path, kMaxBytes), path);
}

}  // namespace nestvec
