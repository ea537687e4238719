// SPDX-License-Identifier: Apache-2.0
// The model in the words of Ollama's lists.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <string>
#include <vector>

#include "base/content_hash.h"
#include "base/json_writer.h"
#include "dialects/ollama/ollama.h"
#include "service/model_name.h"

namespace nestvec {
namespace {

// When the folder of the model changed last; 1970 where there is none.
std::string modified_at(const std::string& folder) {
  struct stat status{};
  const std::time_t seconds = ::stat(folder.c_str(), &status) == 0 ? status.st_mtime : 0;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text.data(), size);
}

// "BF16", "F32", "INT8".
std::string quantization_level(std::string_view precision) {
  if (precision == "fp32") return "F32";
  std::string level(precision);
  std::transform(level.begin(), level.end(), level.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return level;
}

void append_details(const ModelInfo& model, std::string& out) {
  JsonObject details(out);
  details.text("parent_model", "");
  details.text("format", "onnx");
  details.text("family", model.family);
  details.texts("families", {&model.family, 1});
  details.text("parameter_size", "");
  details.text("quantization_level", quantization_level(model.precision));
  details.end();
}

void append_identity(std::string_view name, const OllamaModel& names, const ModelInfo& model,
                     JsonObject& members) {
  members.text("name", name);
  members.text("model", name);
  members.count("size", model.memory_plan_bytes);
  members.text("digest", names.digest);
  append_details(model, members.key("details"));
}

}  // namespace

OllamaModel describe_ollama_model(const ModelInfo& model) {
  return {model.id + ":latest", sha256_hex(model.id + "\n" + model.graph + "\n" + model.precision),
          modified_at(model.folder)};
}

// The model by its name, and by a name for each task: clients that have no field for a task let
// their users choose among these.
void append_ollama_tags(const OllamaModel& names, const ModelInfo& model, JsonArray& models) {
  std::vector<std::string> all = names_with_tasks(model);
  all.insert(all.begin(), names.name);
  for (const std::string& name : all) {
    JsonObject entry(models.next());
    append_identity(name, names, model, entry);
    entry.text("modified_at", names.modified_at);
    entry.end();
  }
}

void append_ollama_ps(const OllamaModel& names, const ModelInfo& model, JsonArray& models) {
  JsonObject entry(models.next());
  append_identity(names.name, names, model, entry);
  entry.text("expires_at", "9999-12-31T00:00:00Z");  // it stays loaded
  entry.count("size_vram", 0);
  entry.count("context_length", model.max_tokens);
  entry.end();
}

std::string render_ollama_show(const OllamaModel& names, const ModelInfo& model) {
  std::string out;
  JsonObject members(out);
  members.text("modelfile", "");
  members.text("parameters", "");
  members.text("template", "");
  append_details(model, members.key("details"));
  JsonObject info(members.key("model_info"));
  info.text("general.architecture", model.family);
  info.text("general.basename", model.id);
  info.count(model.family + ".context_length", model.max_tokens);
  info.count(model.family + ".embedding_length", model.dimensions);
  info.end();
  members.raw("capabilities", "[\"embedding\"]");
  members.text("modified_at", names.modified_at);
  members.end();
  return out;
}

}  // namespace nestvec
