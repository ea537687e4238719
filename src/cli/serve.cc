// SPDX-License-Identifier: Apache-2.0
// nestvec serve: the model behind HTTP and gRPC.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <ostream>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/cgroup.h"
#include "base/cpu.h"
#include "base/excerpt.h"
#include "base/quantity.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/fetch_model.h"
#include "cli/model_options.h"
#include "cli/usage.h"
#include "config/model_location.h"
#include "config/writer.h"
#include "nestvec/load.h"
#include "nestvec/runtime.h"
#include "observe/log_writer.h"
#include "server/check_names.h"
#include "server/memory_trimmer.h"
#include "server/request_memory_limit.h"
#include "server/server.h"
#include "server/signals.h"
#include "server/systemd.h"

namespace nestvec {
namespace {

constexpr std::size_t kDefaultBatchMilliseconds = 100;

constexpr const char* kServeExamples =
    "Examples:\n"
    "  nestvec serve\n"
    "  nestvec serve jinaai/jina-embeddings-v3 --port 9000\n"
    "  nestvec serve jinaai/jina-embeddings-v3 --host 0.0.0.0 --api-key-file keys\n"
    "  nestvec serve --model jinaai/jina-embeddings-v3 --model BAAI/bge-reranker-v2-m3\n"
    "  curl http://127.0.0.1:8080/v1/embeddings -H 'Content-Type: application/json' \\\n"
    "       -d '{\"input\": \"The cat sat on the mat.\"}'\n"
    "\n"
    "http://127.0.0.1:8080/ is a page to try the model; /docs describes every route.\n"
    "\f"
    "Prints one line on standard output when it is ready. On SIGTERM or SIGINT it finishes open\n"
    "requests and exits. On SIGHUP it reloads the API keys and the TLS certificate. Use --api-key\n"
    "only for tests, because other users can read a command line; --api-key-file and\n"
    "NESTVEC_API_KEYS keep keys out of it.\n";

struct ServeFlags {
  ModelOptions model;
  std::vector<std::string> api_keys;
  std::string host;
  std::string port;
  bool print_config = false;
};

// "[::1]" of "::1", as an address with a port has it.
std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos || host.starts_with('[') ? host : "[" + host + "]";
}

// --host and --port, in place of the part of server.http that each names.
void apply_host_and_port(const ServeFlags& flags, ServerOptions& server) {
  if (flags.host.empty() && flags.port.empty()) return;
  if (flags.model.settings.contains("http")) {
    throw Error(ErrorCode::kInvalidArgument,
                "--http says where to listen, and --host or --port does, too; leave one out");
  }
  const Address configured = parse_address(server.http);
  std::string host = flags.host.empty() ? configured.host : flags.host;
  if (host.empty()) host = "127.0.0.1";  // in place of a Unix socket
  std::string port = flags.port;
  if (port.empty()) port = std::to_string(configured.unix_path.empty() ? configured.port : 8080);
  if (port.find_first_not_of("0123456789") != std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument,
                "--port: expected a number from 0 to 65535, found \"" + excerpt(port) + "\"");
  }
  server.http = bracketed(host) + ":" + port;
  parse_address(server.http);
}

std::string joined_keys(const std::vector<std::string>& keys) {
  std::string joined;
  for (const std::string& key : keys) {
    if (key.empty() || key.find(',') != std::string::npos) {
      throw Error(ErrorCode::kInvalidArgument,
                  "--api-key: expected a key, without a comma in it; repeat the flag for several");
    }
    joined += (joined.empty() ? "" : ",") + key;
  }
  return joined;
}

ServerConfig serve_config(const ServeFlags& flags, const CliContext& context) {
  ServerConfig config =
      flags.print_config ? read_settings(flags.model, context) : make_config(flags.model, context);
  if (!flags.api_keys.empty()) config.server.api_keys = joined_keys(flags.api_keys);
  apply_host_and_port(flags, config.server);
  const auto limit_batches = [](ModelConfig& model) {
    std::size_t& milliseconds = model.runtime.batch_milliseconds;
    if (milliseconds == 0) milliseconds = kDefaultBatchMilliseconds;
  };
  limit_batches(config);
  for (ModelEntry& entry : config.models) limit_batches(entry.config);
  return config;
}

void print_config(const ServerConfig& config, CliContext& context) {
  for (const std::string& warning : config.warnings) context.err << "nestvec: " << warning << '\n';
  context.out << config_yaml(config);
}

void warn_of_strangers(const ServerOptions& options, Log& log) {
  if (!options.api_keys.empty() || !options.api_key_file.empty()) return;
  for (const std::string& address : {options.http, options.grpc}) {
    if (address.empty() || parse_address(address).loopback()) continue;
    log.message(LogLevel::kWarning, "other machines may reach " + address +
                                        ", and no API key is required; set server.api_key_file");
  }
}

// Every connection is an open file. What the process may raise by itself it raises; what remains
// too little is the limit of connections.
void fit_connections(ServerOptions& options, Log& log) {
  constexpr rlim_t kOtherFiles = 128;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur == RLIM_INFINITY) return;
  if (options.max_connections + kOtherFiles <= files.rlim_cur) return;
  const rlim_t room = files.rlim_cur > 2 * kOtherFiles ? files.rlim_cur - kOtherFiles : kOtherFiles;
  log.message(LogLevel::kWarning, "max_connections is " + std::to_string(room) + " instead of " +
                                      std::to_string(options.max_connections) +
                                      ": this process may open only " +
                                      std::to_string(files.rlim_cur) + " files (ulimit -n)");
  options.max_connections = room;
}

// The models that are served, of the sections or of `models`, each with a name.
std::vector<ModelEntry> entries_of(const ServerConfig& config) {
  std::vector<ModelEntry> entries = config.models;
  if (entries.empty()) entries.push_back({static_cast<const ModelConfig&>(config), {}});
  for (ModelEntry& entry : entries) {
    std::string& id = entry.config.model.id;
    if (id.empty()) id = short_model_name(entry.config.checkpoints.repo_id);
    entry.config.warnings.clear();
  }
  check_names(entries);  // before a load that may take a while
  return entries;
}

// What requests may take beside the models, told in the log.
std::uint64_t choose_request_memory(const ServerConfig& config, const Runtime& runtime,
                                    std::uint64_t cache_bytes, Log& log) {
  std::uint64_t budget = config.inference_compute_info.cpu_memory_bytes;
  const std::uint64_t group = cgroup_memory_limit(this_system()).value_or(0);
  if (budget == 0 || (group > 0 && group < budget)) budget = group;
  const RequestMemoryLimit limit =
      decide_request_memory({.configured = config.server.request_memory_bytes,
                             .budget = budget,
                             .planned = runtime.memory().plan_bytes + cache_bytes});
  if (!limit.warning.empty()) log.message(LogLevel::kWarning, limit.warning);
  log.message(LogLevel::kInfo,
              "request memory: " + format_bytes(limit.bytes) + " (" + limit.reason + ")");
  return limit.bytes;
}

std::string describe(const ModelInfo& model) {
  std::string text = model.id + " (" + model.precision + ", ";
  if (!model.isa.empty()) text += model.isa + ", ";
  return text + std::to_string(model.threads) + (model.threads == 1 ? " thread)" : " threads)");
}

// With --quiet no news, but still what went wrong.
LogLevel least_level(const ServerConfig& config, bool quiet) {
  const LogLevel level = parse_log_level(config.server.log_level);
  return quiet ? std::max(level, LogLevel::kWarning) : level;
}

std::string describe(const std::vector<NamedModel>& models) {
  std::string text;
  for (const NamedModel& each : models) {
    text += (text.empty() ? "" : ", ") + describe(each.model.info());
  }
  return text;
}

// The models, from their configurations to the server.
class ServedModelsLoader {
 public:
  ServedModelsLoader(const ServerConfig& config, std::vector<ModelEntry> entries, Server& server,
                     Log& log)
      : config_(config), entries_(std::move(entries)), state_(server.load_state()), log_(log) {}

  // Downloads what is absent and loads all. None where a signal came before they were there: nobody
  // has been served yet.
  std::vector<NamedModel> load(CliContext& context, const std::stop_token& stop) {
    try {
      std::vector<ModelConfig> configs;
      for (const ModelEntry& entry : entries_) {
        fetch_absent_model(entry.config, {.lines = note(), .stop = stop}, context);
        configs.push_back(entry.config);
      }
      std::vector<Model> loaded = runtime_.load(configs, load_log(), stop);
      std::vector<NamedModel> models;
      for (std::size_t i = 0; i < loaded.size(); ++i) {
        models.push_back({std::move(loaded[i]), entries_[i].aliases});
      }
      return models;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
      return {};
    }
  }

  // Outlives what it gives.
  ModelLoader later() {
    return {.load = [this](const ModelToLoad& wanted,
                           const std::stop_token& stop) { return load_later(wanted, stop); },
            .request_memory = [this] { return request_memory(); }};
  }

  std::uint64_t request_memory() const {
    std::uint64_t caches = 0;
    for (const ModelEntry& entry : entries_) caches += entry.config.runtime.vector_cache_bytes;
    return choose_request_memory(config_, runtime_, caches, log_);
  }

 private:
  LogSink note() const {
    return [this](std::string_view line) {
      constexpr std::string_view kWarning = "warning: ";
      const bool warns = line.starts_with(kWarning);
      state_.note(line);
      log_.message(warns ? LogLevel::kWarning : LogLevel::kInfo,
                   line.substr(warns ? kWarning.size() : 0));
    };
  }
  LoadLog load_log() const {
    return {.note = note(), .detail = note(), .progress = [this](double share) {
              state_.progress(share);
            }};
  }

  // As the sections say; without a cache of vectors, which nobody has planned for it.
  NamedModel load_later(const ModelToLoad& wanted, const std::stop_token& stop) {
    ModelConfig config = static_cast<const ModelConfig&>(config_);
    config.warnings.clear();
    config.checkpoints.repo_id = full_model_name(wanted.repo_id, process_environment());
    config.model.id =
        wanted.name.empty() ? short_model_name(config.checkpoints.repo_id) : wanted.name;
    config.runtime.vector_cache_bytes = 0;
    return {runtime_.load(config, load_log(), stop), wanted.aliases};
  }

  const ServerConfig& config_;
  const std::vector<ModelEntry> entries_;
  LoadState& state_;
  Log& log_;
  Runtime runtime_;
};

// Waits for the requests that a signal finds. Returns whether all were answered.
bool finish(Server& server, int signal_number, const std::string& socket, Log& log) {
  notify_systemd(socket, "STOPPING=1");
  log.message(LogLevel::kInfo, std::string(signal_number == SIGTERM ? "SIGTERM" : "SIGINT") +
                                   ": finishing open requests");
  if (server.drain()) return true;
  log.message(LogLevel::kWarning,
              "requests were still being answered at the end of server.grace_seconds");
  return false;
}

// A daemon may have no standard output.
void print_ready(const std::string& text, CliContext& context, Log& log) {
  try {
    context.out << "nestvec: ready " << text << '\n';
    context.out.flush();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kAborted) throw;
    context.out.clear();
    log.message(LogLevel::kWarning, error.what());
  }
}

void run_serve(const ServeFlags& flags, CliContext& context) {
  ServerConfig config = serve_config(flags, context);
  if (flags.print_config) return print_config(config, context);
  // A question, and the error of a model that is not to be had, come before anything runs.
  const std::vector<ModelEntry> entries = entries_of(config);
  for (const ModelEntry& entry : entries) {
    if (!can_ask(context) && entry.config.checkpoints.pull) continue;
    fetch_absent_model(entry.config, {.quiet = flags.model.quiet}, context);
  }
  use_one_heap();
  const LogFormat format = parse_log_format(config.server.log_format);
  LogWriter writer(STDERR_FILENO, [format](std::uint64_t lines, const std::string& reason) {
    return loss_line(format, lines, reason);
  });
  Log log(
      format, [&writer](std::string_view line) { writer.add(line); },
      least_level(config, flags.model.quiet), [&writer] { return writer.lost(); });
  for (const std::string& warning : std::exchange(config.warnings, {})) {
    log.message(LogLevel::kWarning, warning);
  }
  warn_of_strangers(config.server, log);
  fit_connections(config.server, log);

  const BlockedSignals blocked;
  const ThreadPlan threads = decide_threads(config.inference_compute_info.cpu_limit, 0);
  Server server(
      config.server, log, entries.front().config.model,
      [&log](const AccessRecord& record) { log.access(record); }, threads.threads);
  ServedModelsLoader loader(config, entries, server, log);
  std::stop_source loading;
  std::promise<int> stopped;
  const SignalThread signals(
      [&](int number) {
        loading.request_stop();
        stopped.set_value(number);
      },
      [&] { server.reload(); });
  std::vector<NamedModel> models = loader.load(context, loading.get_token());
  if (models.empty()) return;
  const std::string description = describe(models);
  server.open(std::move(models), loader.request_memory(), loader.later());
  print_ready(server.addresses() + " model " + description, context, log);
  const std::string socket = context.environment("NOTIFY_SOCKET").value_or("");
  notify_systemd(socket, "READY=1\nSTATUS=" + server.addresses() + " model " + description);
  if (finish(server, stopped.get_future().get(), socket, log)) return;
  // They hold on to everything, so nothing can be taken down in order.
  writer.flush(std::chrono::steady_clock::now() + LogWriter::kLastSeconds);
  std::_Exit(kExitOk);
}

}  // namespace

void add_serve_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("serve", "Serve embeddings over HTTP and gRPC");
  const auto flags = std::make_shared<ServeFlags>();
  add_model_argument(*command, flags->model);
  add_model_names(*command, flags->model);
  command->add_option("--host,--hostname", flags->host, "Listen on this host or address")
      ->check(not_empty())
      ->type_name("HOST");
  command->add_option("--port", flags->port, "Listen on this port")
      ->check(not_empty())
      ->type_name("PORT");
  add_server_options(*command, flags->model);
  add_model_options(*command, flags->model);
  command
      ->add_option("--api-key", flags->api_keys,
                   "Require this API key, or one of several; others can read a command line, so "
                   "--api-key-file or NESTVEC_API_KEYS is better")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->group("More options");
  command
      ->add_flag("--print-config", flags->print_config,
                 "Print the configuration with all defaults as YAML, and exit")
      ->group("More options");
  command->footer(kServeExamples);
  command->callback([flags, &context] { run_serve(*flags, context); });
}

}  // namespace nestvec
