// SPDX-License-Identifier: Apache-2.0
#include "support/test_model.h"

#include <cmath>

namespace nestvec {
namespace {

std::string layer_name(std::size_t layer, const std::string& name) {
  return std::to_string(layer) + "." + name;
}

// Own names of a layer's parts, and those of each publication.
struct Part {
  const char* own;
  const char* bert;
  const char* jina;
  const char* native;
};
constexpr Part kParts[] = {
    {"out", "attention.output.dense", "mixer.out_proj", "self_attn.o_proj"},
    {"in", "intermediate.dense", "mlp.fc1", "mlp.fc1"},
    {"back", "output.dense", "mlp.fc2", "mlp.fc2"},
    {"norm1", "attention.output.LayerNorm", "norm1", "post_attention_layernorm"},
    {"norm2", "output.LayerNorm", "norm2", "post_mlp_layernorm"},
};

std::string module_name(Publication publication, std::size_t layer, const Part& part) {
  const std::string i = std::to_string(layer) + ".";
  switch (publication) {
    case Publication::kBert:
      return "encoder.layer." + i + part.bert;
    case Publication::kXlmRoberta:
      return "roberta.encoder.layer." + i + part.bert;
    case Publication::kJina:
      return "roberta.encoder.layers." + i + part.jina;
    case Publication::kJinaNative:
      return "layers." + i + part.native;
  }
  return "";
}

std::vector<std::int64_t> shape_of(std::initializer_list<std::size_t> sizes) {
  return {sizes.begin(), sizes.end()};
}

std::vector<float> transposed(const std::vector<float>& values, std::size_t rows) {
  const std::size_t columns = values.size() / rows;
  std::vector<float> out(values.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) out[j * rows + i] = values[i * columns + j];
  }
  return out;
}

std::vector<float> rows_of(const std::vector<float>& values, std::size_t columns, std::size_t first,
                           std::size_t count) {
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first * columns);
  return {begin, begin + static_cast<std::ptrdiff_t>(count * columns)};
}

}  // namespace

TestModel::TestModel(const ModelSpec& spec, Publication publication, bool tied)
    : spec_(spec), publication_(publication), tied_(tied) {
  const std::size_t hidden = spec.hidden;
  add_matrix("words", spec.vocabulary, hidden, true);
  add_matrix("types", spec.token_types, hidden, true);
  if (spec.positions == PositionKind::kAbsolute) {
    matrices_["positions"] = {spec.position_offset + spec.max_positions,
                              hidden,
                              random((spec.position_offset + spec.max_positions) * hidden, 1.0f),
                              {}};
  }
  add_vector("norm.weight", hidden, 1.0f);
  add_vector("norm.bias", hidden, 0.0f);
  for (std::size_t i = 0; i < spec.layers; ++i) {
    add_matrix(layer_name(i, "qkv"), 3 * hidden, hidden, false);
    add_matrix(layer_name(i, "out"), hidden, hidden, false);
    add_matrix(layer_name(i, "in"), spec.intermediate, hidden, false);
    add_matrix(layer_name(i, "back"), hidden, spec.intermediate, false);
    for (const char* norm : {"norm1", "norm2"}) {
      add_vector(layer_name(i, norm) + ".weight", hidden, 1.0f);
      add_vector(layer_name(i, norm) + ".bias", hidden, 0.0f);
    }
  }
}

// Values that bf16 holds, so that both types can be written.
std::vector<float> TestModel::random(std::size_t size, float scale, float around) {
  std::normal_distribution<float> normal(around, scale);
  std::vector<float> values(size);
  for (float& value : values) value = bf16_value(normal(engine_));
  return values;
}

void TestModel::add_vector(const std::string& name, std::size_t size, float around) {
  vectors_[name] = random(size, 0.3f, around);
}

void TestModel::add_matrix(const std::string& name, std::size_t rows, std::size_t columns,
                           bool is_table) {
  TestMatrix& matrix = matrices_[name];
  const float scale = is_table ? 1.0f : 1.2f / std::sqrt(static_cast<float>(columns));
  matrix.rows = rows;
  matrix.columns = columns;
  matrix.values = random(rows * columns, scale);
  if (!is_table) add_vector(name + ".bias", rows, 0.0f);
  add_updates(matrix, name, is_table);
}

void TestModel::add_updates(TestMatrix& matrix, const std::string& name, bool is_table) {
  const std::size_t rank = spec_.adapters.rank;
  const bool in_three = name.ends_with("qkv") && publication_ == Publication::kJinaNative;
  for (std::size_t task = 0; task < spec_.adapters.tasks.size(); ++task) {
    std::vector<TestUpdate>& updates = matrix.updates.emplace_back();
    const std::size_t parts = in_three ? 3 : 1;
    const std::size_t rows = matrix.rows / parts;
    for (std::size_t i = 0; i < parts; ++i) {
      TestUpdate update{i * rows, rows, {}, {}};
      const float scale = 1.0f / std::sqrt(static_cast<float>(matrix.columns));
      update.a = is_table ? random(rows * rank, 1.0f) : random(rank * matrix.columns, scale);
      if (tied_ && i > 0) update.a = updates.front().a;
      update.b = is_table ? random(rank * matrix.columns, 1.0f) : random(rows * rank, 1.0f);
      updates.push_back(std::move(update));
    }
  }
}

// The module's weight and, for layers, its bias.
void TestModel::write(TestCheckpoint& file, const std::string& published,
                      const std::string& name) const {
  const bool stacked = publication_ == Publication::kJina && !spec_.adapters.tasks.empty();
  const auto found = matrices_.find(name);
  if (found == matrices_.end()) {
    file.add(published + ".weight", shape_of({spec_.hidden}), vectors_.at(name + ".weight"));
  } else {
    const TestMatrix& matrix = found->second;
    const std::string weight = stacked ? ".parametrizations.weight.original" : ".weight";
    file.add(published + weight, shape_of({matrix.rows, matrix.columns}), matrix.values,
             DataType::kBf16);
    const bool is_table = !vectors_.contains(name + ".bias");
    if (stacked) write_stacked(file, published, matrix, is_table);
  }
  const auto bias = vectors_.find(name + ".bias");
  if (bias == vectors_.end()) return;
  file.add(published + ".bias", shape_of({bias->second.size()}), bias->second);
}

void TestModel::write_stacked(TestCheckpoint& file, const std::string& module,
                              const TestMatrix& matrix, bool is_table) const {
  const std::size_t tasks = matrix.updates.size();
  const std::size_t rank = spec_.adapters.rank;
  std::vector<float> a;
  std::vector<float> b;
  for (const std::vector<TestUpdate>& updates : matrix.updates) {
    a.insert(a.end(), updates[0].a.begin(), updates[0].a.end());
    b.insert(b.end(), updates[0].b.begin(), updates[0].b.end());
  }
  const std::string stem = module + ".parametrizations.weight.0.lora_";
  file.add(
      stem + "A",
      is_table ? shape_of({tasks, matrix.rows, rank}) : shape_of({tasks, rank, matrix.columns}), a);
  file.add(
      stem + "B",
      is_table ? shape_of({tasks, rank, matrix.columns}) : shape_of({tasks, matrix.rows, rank}), b);
}

void TestModel::write_qkv(TestCheckpoint& file, std::size_t layer) const {
  const std::string name = layer_name(layer, "qkv");
  if (publication_ == Publication::kJina) {
    return write(file, "roberta.encoder.layers." + std::to_string(layer) + ".mixer.Wqkv", name);
  }
  const bool native = publication_ == Publication::kJinaNative;
  const char* const names[2][3] = {
      {"attention.self.query", "attention.self.key", "attention.self.value"},
      {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string module =
        module_name(publication_, layer, {"", names[0][i], "", names[native ? 1 : 0][i]});
    const std::size_t hidden = spec_.hidden;
    file.add(module + ".weight", shape_of({hidden, hidden}),
             rows_of(matrices_.at(name).values, hidden, i * hidden, hidden), DataType::kBf16);
    file.add(module + ".bias", shape_of({hidden}),
             rows_of(vectors_.at(name + ".bias"), 1, i * hidden, hidden));
  }
}

void TestModel::save_adapter(const std::filesystem::path& folder, std::size_t task) const {
  const std::string prefix = "base_model.model.";
  const std::size_t rank = spec_.adapters.rank;
  TestCheckpoint file;
  for (const char* name : {"words", "types"}) {
    const TestMatrix& table = matrices_.at(name);
    const std::string module =
        prefix + "embeddings." + (name[0] == 'w' ? "word" : "token_type") + "_embeddings";
    file.add(module + ".lora_embedding_A", shape_of({rank, table.rows}),
             transposed(table.updates[task][0].a, table.rows));
    file.add(module + ".lora_embedding_B", shape_of({table.columns, rank}),
             transposed(table.updates[task][0].b, rank));
  }
  const auto add = [&](const std::string& module, const TestUpdate& update) {
    file.add(prefix + module + ".lora_A.weight", shape_of({rank, update.a.size() / rank}),
             update.a);
    file.add(prefix + module + ".lora_B.weight", shape_of({update.rows, rank}), update.b);
  };
  for (std::size_t i = 0; i < spec_.layers; ++i) {
    const char* const names[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    for (std::size_t part = 0; part < 3; ++part) {
      add("layers." + std::to_string(i) + "." + names[part],
          matrices_.at(layer_name(i, "qkv")).updates[task][part]);
    }
    for (const Part& part : kParts) {
      const auto found = matrices_.find(layer_name(i, part.own));
      if (found == matrices_.end()) continue;
      add(module_name(publication_, i, part), found->second.updates[task][0]);
    }
  }
  file.save(folder / "adapter_model.safetensors");
  write_text(
      folder / "adapter_config.json",
      R"({"peft_type":"LORA","r":)" + std::to_string(rank) + R"(,"lora_alpha":)" +
          std::to_string(static_cast<double>(spec_.adapters.scaling) * static_cast<double>(rank)) +
          R"(,"target_modules":["word_embeddings","token_type_embeddings","q_proj","k_proj",)"
          R"("v_proj","o_proj","fc1","fc2"]})");
}

void TestModel::save(const std::filesystem::path& folder) const {
  const bool native = publication_ == Publication::kJinaNative;
  const bool jina = publication_ == Publication::kJina;
  const std::string prefix = jina || publication_ == Publication::kXlmRoberta ? "roberta." : "";
  TestCheckpoint file;
  write(file, prefix + "embeddings.word_embeddings", "words");
  write(file, prefix + "embeddings.token_type_embeddings", "types");
  if (spec_.positions == PositionKind::kAbsolute) {
    write(file, prefix + "embeddings.position_embeddings", "positions");
  }
  write(file, prefix + (jina ? "emb_ln" : "embeddings.LayerNorm"), "norm");
  for (std::size_t i = 0; i < spec_.layers; ++i) {
    write_qkv(file, i);
    for (const Part& part : kParts) {
      write(file, module_name(publication_, i, part), layer_name(i, part.own));
    }
  }
  file.save(folder / "model.safetensors");
  write_text(folder / "config.json", config_json());
  for (std::size_t task = 0; native && task < spec_.adapters.tasks.size(); ++task) {
    std::string name = spec_.adapters.tasks[task];
    for (char& c : name) c = c == '.' || c == '-' ? '_' : c;
    save_adapter(folder / name, task);
  }
}

std::string TestModel::config_json() const {
  const auto member = [](const std::string& key, const std::string& value) {
    return ",\n  \"" + key + "\": " + value;
  };
  const char* const activations[] = {"\"gelu\"", "\"gelu_new\"", "\"relu\""};
  std::string json = "{\n  \"hidden_size\": " + std::to_string(spec_.hidden);
  json += member("vocab_size", std::to_string(spec_.vocabulary));
  json += member("num_hidden_layers", std::to_string(spec_.layers));
  json += member("num_attention_heads", std::to_string(spec_.heads));
  json += member("intermediate_size", std::to_string(spec_.intermediate));
  json += member("type_vocab_size", std::to_string(spec_.token_types));
  json += member("max_position_embeddings",
                 std::to_string(spec_.max_positions + spec_.position_offset));
  json += member("layer_norm_eps", "1e-05");
  json += member("pad_token_id", std::to_string(spec_.pad_id));
  json += member("hidden_act", activations[static_cast<int>(spec_.activation)]);
  switch (publication_) {
    case Publication::kBert:
      return json + member("model_type", "\"bert\"") + "\n}\n";
    case Publication::kXlmRoberta:
      return json + member("model_type", "\"xlm-roberta\"") + "\n}\n";
    case Publication::kJinaNative:
      return json + member("model_type", "\"jina_embeddings_v3\"") +
             member("rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": " +
                                           std::to_string(spec_.rotary_base) + "}") +
             "\n}\n";
    case Publication::kJina:
      break;
  }
  std::string tasks;
  for (const std::string& task : spec_.adapters.tasks) {
    tasks += (tasks.empty() ? "\"" : ", \"") + task + "\"";
  }
  json += member("lora_adaptations", "[" + tasks + "]");
  json += member("lora_rank", std::to_string(spec_.adapters.rank));
  json += member("lora_alpha", std::to_string(static_cast<double>(spec_.adapters.scaling) *
                                              static_cast<double>(spec_.adapters.rank)));
  json += member("position_embedding_type", "\"rotary\"");
  json += member("rotary_emb_base", std::to_string(spec_.rotary_base));
  return json + "\n}\n";
}

}  // namespace nestvec
