// SPDX-License-Identifier: Apache-2.0
// nestvec._core: what the Python part of the package is built on. python/nestvec/_core.pyi says how
// it looks from there.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "base/environment.h"
#include "config/model_location.h"
#include "embed_tokens.h"
#include "encode.h"
#include "kinds.h"
#include "nestvec/load.h"
#include "nestvec/runtime.h"
#include "nestvec/tasks.h"
#include "nestvec/version.h"
#include "pack_rows.h"
#include "released_gil.h"
#include "score.h"
#include "settings.h"
#include "strings.h"

namespace nb = nanobind;

namespace nestvec {
namespace {

// What the model's thread counts.
struct Counters {
  std::atomic<std::size_t> runs = 0;
  std::atomic<std::size_t> texts = 0;
  std::atomic<std::size_t> tokens = 0;
  std::atomic<std::size_t> largest = 0;
  std::atomic<double> seconds = 0;
};

// What has threads, in the process that made it. A forked child has the memory but none of the
// threads, so there every use is refused, and it is not destroyed but left alone.
template <typename Kept>
class OfProcess {
 public:
  OfProcess(std::string name, Kept kept)
      : kept_(std::make_unique<Kept>(std::move(kept))),
        name_(std::move(name)),
        process_(getpid()) {}
  OfProcess(const OfProcess&) = delete;
  OfProcess& operator=(const OfProcess&) = delete;
  ~OfProcess() {
    if (getpid() != process_) {
      kept_.release();  // NOLINT(bugprone-unused-return-value): see above
      return;
    }
    nb::gil_scoped_release release;  // its thread may have to end first
    kept_.reset();
  }

  Kept& get() const {
    if (getpid() == process_) return *kept_;
    throw Error(ErrorCode::kFailedPrecondition,
                "the " + name_ + " was loaded by process " + std::to_string(process_) +
                    " and this is a fork of it, which has none of its threads; load the " + name_ +
                    " in each process, or start processes with \"spawn\"");
  }

 private:
  std::unique_ptr<Kept> kept_;
  std::string name_;
  pid_t process_;
};

class LoadedModel {
 public:
  explicit LoadedModel(Model model)
      : model_("model", std::move(model)), counters_(std::make_shared<Counters>()) {
    get().observe_batches([counters = counters_](const BatchReport& report) {
      counters->runs += 1;
      counters->texts += report.texts;
      counters->tokens += report.tokens;
      counters->seconds += report.seconds;
      if (report.tokens > counters->largest) counters->largest = report.tokens;
    });
  }

  const Model& get() const { return model_.get(); }
  const Counters& counters() const noexcept { return *counters_; }

 private:
  OfProcess<Model> model_;
  std::shared_ptr<Counters> counters_;
};

// Models that share threads and a memory plan.
class LoadedRuntime {
 public:
  LoadedRuntime() : runtime_("runtime", Runtime()) {}

  std::unique_ptr<LoadedModel> load(const std::string& model, const std::string& config,
                                    const std::map<std::string, std::string>& settings,
                                    const nb::object& log, const nb::object& progress);
  nb::tuple memory() const {
    const RuntimeMemory memory = runtime_.get().memory();
    return nb::make_tuple(memory.models, memory.plan_bytes, memory.budget_bytes, memory.plan);
  }

 private:
  OfProcess<Runtime> runtime_;
};

// Raises what nestvec._errors makes of an Error.
void translate_error(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    const nb::object index =
        error.detail().text ? nb::object(nb::int_(*error.detail().text)) : nb::none();
    const std::string code(error_code_name(error.code()));
    const nb::object exception =
        nb::module_::import_("nestvec._errors").attr("make")(code, error.what(), index);
    PyErr_SetObject(exception.type().ptr(), exception.ptr());
  }
}

// Passes lines on to `log`, and each per cent of a compilation to `progress`. Both may raise.
LoadLog load_log(const nb::object& log, const nb::object& progress) {
  const LogSink line = [&log](std::string_view text) {
    nb::gil_scoped_acquire acquire;
    log(nb::str(text.data(), text.size()));
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  };
  const ProgressSink done = [&progress, last = -1](double share) mutable {
    const int percent = static_cast<int>(share * 100);
    if (percent == last) return;
    last = percent;
    nb::gil_scoped_acquire acquire;
    progress(percent);
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  };
  return {.note = line, .detail = line, .progress = done};
}

std::unique_ptr<LoadedModel> load(const std::string& model, const std::string& config,
                                  const std::map<std::string, std::string>& settings,
                                  const nb::object& log, const nb::object& progress) {
  const ReleasedGil release;
  const ModelConfig read = read_settings_of(model, config, settings);
  return std::make_unique<LoadedModel>(load_model(read, load_log(log, progress), {}));
}

std::unique_ptr<LoadedModel> LoadedRuntime::load(const std::string& model,
                                                 const std::string& config,
                                                 const std::map<std::string, std::string>& settings,
                                                 const nb::object& log,
                                                 const nb::object& progress) {
  Runtime& runtime = runtime_.get();
  const ReleasedGil release;
  const ModelConfig read = read_settings_of(model, config, settings);
  return std::make_unique<LoadedModel>(runtime.load(read, load_log(log, progress), {}));
}

nb::dict info(const LoadedModel& model) {
  const ModelInfo& from = model.get().info();
  nb::list tasks;
  for (const TaskInfo& task : from.tasks) tasks.append(nb::make_tuple(task.name, task.prompt));
  nb::dict out;
  out["id"] = from.id;
  out["family"] = from.family;
  out["graph"] = from.graph;
  out["precision"] = from.precision;
  out["precision_reason"] = from.precision_reason;
  out["isa"] = from.isa;
  out["dimensions"] = from.dimensions;
  out["max_tokens"] = from.max_tokens;
  out["max_batch_tokens"] = from.max_batch_tokens;
  out["vocabulary"] = from.vocabulary;
  out["pooling"] = from.pooling;
  out["tasks"] = tasks;
  out["default_task"] = from.default_task;
  out["prompts_source"] = from.prompts_source;
  out["matryoshka_dimensions"] = from.matryoshka_dimensions;
  out["dense"] = from.dense;
  out["sparse"] = from.sparse;
  out["multi_vector"] = from.multi_vector;
  out["labels"] = from.labels;
  out["activation"] = from.activation;
  out["threads"] = from.threads;
  out["threads_reason"] = from.threads_reason;
  out["memory_plan_bytes"] = from.memory_plan_bytes;
  out["memory_plan"] = from.memory_plan;
  out["folder"] = from.folder;
  nb::dict adapters;
  for (const auto& [task, folder] : from.adapters) adapters[task.c_str()] = folder;
  out["adapters"] = adapters;
  return out;
}

nb::dict statistics(const LoadedModel& model) {
  const Counters& from = model.counters();
  nb::dict out;
  out["runs"] = from.runs.load();
  out["texts"] = from.texts.load();
  out["tokens"] = from.tokens.load();
  out["seconds"] = from.seconds.load();
  out["largest_run"] = from.largest.load();
  return out;
}

Truncation truncation_of(const std::string& name) {
  if (name == "right") return Truncation::kRight;
  if (name == "left") return Truncation::kLeft;
  if (name == "error") return Truncation::kError;
  throw Error(ErrorCode::kInvalidArgument,
              "truncate is \"" + name + "\"; expected right, left or error");
}

// What `encode` of Python passes, by name.
EncodeArguments arguments_of(const nb::dict& given) {
  EncodeArguments out;
  out.options.task = nb::cast<std::string>(given["task"]);
  out.options.dimensions = nb::cast<std::size_t>(given["dimensions"]);
  out.options.normalize = nb::cast<std::optional<bool>>(given["normalize"]);
  out.options.late_chunking = nb::cast<bool>(given["late_chunking"]);
  out.options.parse_special = nb::cast<bool>(given["parse_special"]);
  out.options.truncation = truncation_of(nb::cast<std::string>(given["truncate"]));
  if (!given["prompt"].is_none()) out.prompt = utf8_of(given["prompt"], "prompt");
  out.batch_tokens = nb::cast<std::size_t>(given["batch_tokens"]);
  out.progress = given["progress"];
  return out;
}

ScoreActivation activation_of(const std::string& name) {
  if (name.empty()) return ScoreActivation::kModel;
  if (name == "none") return ScoreActivation::kNone;
  if (name == "sigmoid") return ScoreActivation::kSigmoid;
  if (name == "softmax") return ScoreActivation::kSoftmax;
  throw Error(ErrorCode::kInvalidArgument,
              "activation is \"" + name + "\"; expected none, sigmoid or softmax");
}

PairTruncation pair_truncation_of(const std::string& name) {
  if (name.empty()) return PairTruncation::kModel;
  if (name == "longest_first") return PairTruncation::kLongestFirst;
  if (name == "only_second") return PairTruncation::kOnlySecond;
  throw Error(ErrorCode::kInvalidArgument,
              "pair_truncation is \"" + name + "\"; expected longest_first or only_second");
}

// What `rerank` and `classify` of Python pass, by name.
ScoreArguments score_arguments_of(const nb::dict& given) {
  ScoreArguments out;
  out.options.activation = activation_of(nb::cast<std::string>(given["activation"]));
  out.options.truncation = truncation_of(nb::cast<std::string>(given["truncate"]));
  out.options.pair_truncation = pair_truncation_of(nb::cast<std::string>(given["pair_truncation"]));
  out.options.max_document_tokens = nb::cast<std::size_t>(given["max_document_tokens"]);
  out.options.best_window = nb::cast<bool>(given["best_window"]);
  out.options.instruction = utf8_of(given["instruction"], "instruction");
  out.options.parse_special = nb::cast<bool>(given["parse_special"]);
  out.progress = given["progress"];
  return out;
}

nb::tuple tuple_of(ScoreResult result) {
  return nb::make_tuple(nb::cast(std::move(result.rows)), result.truncated);
}

nb::tuple rerank_documents(const LoadedModel& model, nb::handle query,
                           const nb::sequence& documents, const nb::dict& arguments) {
  return tuple_of(
      rerank(model.get(), utf8_of(query, "query"), documents, score_arguments_of(arguments)));
}

nb::tuple classify_pairs(const LoadedModel& model, const nb::sequence& firsts,
                         std::optional<nb::sequence> seconds, const nb::dict& arguments) {
  return tuple_of(classify(model.get(), firsts, std::move(seconds), score_arguments_of(arguments)));
}

nb::tuple encode_kinds_of(const LoadedModel& model, const nb::sequence& texts,
                          const nb::dict& arguments, const std::vector<std::string>& kinds) {
  EncodeArguments how = arguments_of(arguments);
  how.options.dense = std::ranges::find(kinds, "dense") != kinds.end();
  how.options.sparse = std::ranges::find(kinds, "sparse") != kinds.end();
  how.options.multi_vector = std::ranges::find(kinds, "multi_vector") != kinds.end();
  return encode_kinds(model.get(), texts, std::move(how));
}

nb::tuple encode_texts(const LoadedModel& model, const nb::sequence& texts,
                       const nb::dict& arguments) {
  EncodeResult result = encode(model.get(), texts, arguments_of(arguments));
  return nb::make_tuple(nb::cast(std::move(result.rows)), result.truncated);
}

nb::tuple embed_tokens_of(const LoadedModel& model, const nb::sequence& texts,
                          const nb::dict& arguments) {
  return embed_tokens(model.get(), texts, arguments_of(arguments));
}

// The folder of a complete snapshot, in the cache `cache` (empty = the environment's); empty =
// none.
std::string find_model_in_cache(const std::string& cache, const std::string& repo,
                                const std::string& revision) {
  const std::string folder = cache.empty() ? hub_cache_folder(process_environment()) : cache;
  return find_in_cache(folder, repo, revision).value_or("");
}

nb::tuple tokenize(const LoadedModel& model, nb::handle text, bool add_special,
                   bool parse_special) {
  const std::string utf8 = utf8_of(text, "text");
  const TokenizedText tokens = model.get().tokenize(utf8, add_special, parse_special);
  const nb::tuple described = describe_tokens(model.get(), utf8, tokens.ids, tokens.offsets);
  nb::list special;
  for (const std::uint8_t is_special : tokens.special) special.append(is_special != 0);
  return nb::make_tuple(described[0], described[1], described[2], special);
}

}  // namespace
}  // namespace nestvec

NB_MODULE(_core, module) {  // NOLINT: the macro's own form
  nestvec::watch_exit();
  nb::register_exception_translator(nestvec::translate_error);
  module.attr("__version__") = nestvec::kVersion;
  nb::class_<nestvec::LoadedModel>(module, "LoadedModel")
      .def("info", nestvec::info)
      .def("statistics", nestvec::statistics)
      .def("encode", nestvec::encode_texts, nb::arg("texts"), nb::arg("arguments"))
      .def("embed_tokens", nestvec::embed_tokens_of, nb::arg("texts"), nb::arg("arguments"))
      .def("rerank", nestvec::rerank_documents, nb::arg("query"), nb::arg("documents"),
           nb::arg("arguments"))
      .def("classify", nestvec::classify_pairs, nb::arg("firsts"), nb::arg("seconds").none(),
           nb::arg("arguments"))
      .def("encode_kinds", nestvec::encode_kinds_of, nb::arg("texts"), nb::arg("arguments"),
           nb::arg("kinds"))
      .def("tokenize", nestvec::tokenize, nb::arg("text"), nb::arg("add_special"),
           nb::arg("parse_special"))
      .def(
          "decode",
          [](const nestvec::LoadedModel& model, const std::vector<std::uint32_t>& ids,
             bool skip_special) { return model.get().decode(ids, skip_special); },
          nb::arg("ids"), nb::arg("skip_special"))
      .def(
          "find_prompt",
          [](const nestvec::LoadedModel& model, const std::string& name) {
            return nestvec::find_prompt(model.get().info(), name);
          },
          nb::arg("name"));
  nb::class_<nestvec::LoadedRuntime>(module, "LoadedRuntime")
      .def(nb::init<>())
      .def("load", &nestvec::LoadedRuntime::load, nb::arg("model"), nb::arg("config"),
           nb::arg("settings"), nb::arg("log"), nb::arg("progress"))
      .def("memory", &nestvec::LoadedRuntime::memory);
  module.def("pack_rows", nestvec::pack_rows, nb::arg("rows"), nb::arg("dtype"));
  module.def(
      "locate",
      [](const std::string& name) {
        return nestvec::locate_model(name, "", nestvec::process_environment());
      },
      nb::arg("folder_or_repo"));
  module.def("find_in_cache", nestvec::find_model_in_cache, nb::arg("cache"), nb::arg("repo"),
             nb::arg("revision"));
  module.def("load", nestvec::load, nb::arg("model"), nb::arg("config"), nb::arg("settings"),
             nb::arg("log"), nb::arg("progress"));
}
